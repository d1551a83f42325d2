"""The one training loop, what it minimises, and what it leaves on disk."""

from limbeck.training.loop import Fitted, Row, fit
from limbeck.training.objectives import FromLabels, FromSoftTargets, Objective

__all__ = ["Fitted", "FromLabels", "FromSoftTargets", "Objective", "Row", "fit"]
