"""Data sets: their one form, where they come from, and the views through which they are seen."""

from limbeck.data.columns import Columns
from limbeck.data.images import load_cifar10, load_cifar100, load_mnist
from limbeck.data.sentences import load_clinc150
from limbeck.data.sources import load_arrays, load_data, load_digits, load_letters, load_splits
from limbeck.data.splits import Splits
from limbeck.data.tables import Mingle, Noise, neighbours
from limbeck.data.transfer_set import TransferSet
from limbeck.data.views import CropFlip, Elastic, Jitter, Plain, View

__all__ = [
    "Columns",
    "CropFlip",
    "Elastic",
    "Jitter",
    "Mingle",
    "Noise",
    "Plain",
    "Splits",
    "TransferSet",
    "View",
    "load_arrays",
    "load_cifar10",
    "load_cifar100",
    "load_clinc150",
    "load_data",
    "load_digits",
    "load_letters",
    "load_mnist",
    "load_splits",
    "neighbours",
]
