"""From a column of labels to classes: text or whole numbers, named and numbered alike over all splits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.data.arrow import MOST_LETTERS, compute, refuse_rows, shown
from limbeck.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

CLASSES_HINT = "--classes gives all of them, in the order of the teacher's outputs"
UNCLOSED_HINT = "it is several lines of a file long: look for a quote that is opened and not closed"
MOST_SHOWN = 8  # class names in a line of text
MOST_DIGITS = 30  # of names that are sorted as numbers


def class_names(labels: Sequence["pa.ChunkedArray"]) -> tuple[str, ...]:
    """Return the names that labels have, sorted: as numbers where all are whole numbers, as text elsewhere."""
    pc = compute()

    names: set[str] = set()
    for each in labels:
        names |= set(pc.unique(each).to_pylist())
    if all(_is_number(name) for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))


def _is_number(name: str) -> bool:
    digits = name.removeprefix("-")
    return len(digits) <= MOST_DIGITS and digits.isdecimal() and name.isascii() and str(int(name)) == name


def check_names(names: Sequence[str], place: str) -> None:
    """Raise DataError unless there are two classes or more, each once."""
    if len(names) < 2:
        there = f"only {shown(names[0])}" if names else "none"
        hint = UNCLOSED_HINT if names and "\n" in names[0] else CLASSES_HINT
        raise DataError(f"{place}: labels must be of two classes or more, there is {there}", hint)
    if len(set(names)) < len(names):
        raise DataError(f"{place}: classes must differ, got {shown_names(names)}")


def encoded(labels: "pa.ChunkedArray", names: Sequence[str], place: str) -> Int[Tensor, " rows"]:
    """Return each label's number among the names.

    Raises:
        DataError: a label is none of them.
    """
    import pyarrow as pa

    pc = compute()

    numbers = pc.index_in(labels, value_set=pa.array(names, pa.string()))
    rule = f"labels must be of the {len(names)} classes {shown_names(names)}"
    refuse_rows(
        pc.is_null(numbers), labels, place, rule, f"classes are those of the training set, or else {CLASSES_HINT}"
    )
    return torch.from_numpy(numbers.to_numpy().astype(np.int64))


def shown_names(names: Sequence[str]) -> str:
    """Return class names for a line of text, some of many.

    >>> shown_names([str(number) for number in range(100)])
    '0, 1, 2, 3, 4, 5, 6, ..., 99'
    """
    names = [name if len(name) <= MOST_LETTERS else f"{name[:MOST_LETTERS]}..." for name in names]
    if len(names) <= MOST_SHOWN:
        return ", ".join(names)
    return ", ".join([*names[: MOST_SHOWN - 1], "...", names[-1]])
