"""Training, validation and test set of one source; what is missing is cut from the training set."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

import numpy as np
import torch

from limbeck.data.philox import permutation
from limbeck.data.transfer_set import SPLIT_STREAM, TransferSet
from limbeck.errors import ArgumentError, DataError

Split = Literal["training", "validation", "test"]
SPLITS: tuple[Split, ...] = ("training", "validation", "test")
WORDS: dict[str, Split] = {
    "train": "training",
    "training": "training",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
"""What files, folders and splits of the hub are called, and what each is here."""
TEST_SHARE, VALIDATION_SHARE = 5, 10  # one row in so many is cut off where a split is missing


@dataclass(frozen=True)
class Splits:
    """What a source holds, split by split; None where it has no such split."""

    training: TransferSet
    validation: TransferSet | None = None
    test: TransferSet | None = None

    def cut(self, seed: int = 0, say: Callable[[str], None] = lambda _: None) -> "WholeSplits":
        """Return all three: a test set that is missing is a fifth of the training set, then a validation set a tenth.

        What is cut is the same for the same seed, and has each class in proportion where there are labels. It is told
        to `say`.

        Raises:
            ArgumentError: the training set is too small to be cut.
        """
        training, validation, test = self.training, self.validation, self.test
        if test is None:
            training, test = _cut(training, TEST_SHARE, seed, "test set", say)
        if validation is None:
            training, validation = _cut(training, VALIDATION_SHARE, seed, "validation set", say)
        return WholeSplits(training, validation, test, self.validation is None, self.test is None)


@dataclass(frozen=True)
class WholeSplits:
    """Three sets, and which of them were cut from the training set."""

    training: TransferSet
    validation: TransferSet
    test: TransferSet
    cut_validation: bool
    cut_test: bool


def _cut(
    data: TransferSet, share: int, seed: int, name: str, say: Callable[[str], None]
) -> tuple[TransferSet, TransferSet]:
    size = max(1, len(data) // share)
    rest, cut = evenly(data, size, seed, name)
    classes = "" if data.labels is None or data.run_lengths is not None else ", each class in proportion"
    say(f"no {name} is there: {size:,} of {len(data):,} rows of the {data.name} are cut off for it{classes}")
    return rest, cut


def evenly(data: TransferSet, size: int, seed: int, name: str) -> tuple[TransferSet, TransferSet]:
    """Cut `size` examples off at random, each class in proportion where there are labels: (the rest, the cut).

    Of the examples in random order, sorted by their class, every n-th is cut off; so a class has its share of the
    cut to within one example.

    Raises:
        ArgumentError: nothing would be left, or nothing cut.
    """
    if not 0 < size < len(data):
        raise ArgumentError(f"the {name} must take between 1 and {len(data) - 1} examples, got {size}")
    order = permutation(seed, SPLIT_STREAM, 0, len(data))
    labels = None if data.run_lengths is not None else data.labels_at(data.ids)
    if labels is not None:
        order = order[np.argsort(labels.numpy()[order], kind="stable")]
    taken = np.zeros(len(data), bool)
    taken[order[((np.arange(size) + 0.5) * len(data) / size).astype(np.int64)]] = True
    inside = torch.from_numpy(taken)
    return data.subset(data.ids[~inside]), data.subset(data.ids[inside], name)


def split_told(place: PurePath) -> Split | None:
    """Return the split of which a path's names tell, None where they tell of none.

    Raises:
        DataError: they tell of several.

    >>> split_told(PurePath("data/train-00000-of-00002.parquet")), split_told(PurePath("latest.csv"))
    ('training', None)
    """
    words = {word for part in place.with_suffix("").parts for word in re.split(r"[^a-z]+", part.lower())}
    found: list[Split] = sorted({WORDS[word] for word in words if word in WORDS})
    if len(found) > 1:
        raise DataError(f"a file must belong to one split, {place} tells of {' and '.join(found)}", "rename it")
    return found[0] if found else None
