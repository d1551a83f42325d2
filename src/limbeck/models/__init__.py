"""The nets of the paper and of the recipes."""

from limbeck.models.mlp import MLP

__all__ = ["MLP"]
