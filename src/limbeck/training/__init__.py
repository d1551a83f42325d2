"""The one training loop, what it minimises, and what it leaves on disk."""

from limbeck.training.loop import Fitted, Row, fit
from limbeck.training.objectives import BeyondThePaper, FromLabels, FromSoftTargets, Objective

__all__ = ["BeyondThePaper", "Fitted", "FromLabels", "FromSoftTargets", "Objective", "Row", "fit"]
