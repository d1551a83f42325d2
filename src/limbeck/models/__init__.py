"""The nets of the paper and of the recipes."""

from limbeck.models.dropout import Dropout
from limbeck.models.mlp import MLP

__all__ = ["MLP", "Dropout"]
