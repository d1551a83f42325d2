"""Data sets: their one form, where they come from, and the views through which they are seen."""

from limbeck.data.sources import load_digits, load_mnist
from limbeck.data.transfer_set import TransferSet
from limbeck.data.views import Jitter, Plain, View

__all__ = ["Jitter", "Plain", "TransferSet", "View", "load_digits", "load_mnist"]
