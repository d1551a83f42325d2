"""From the columns of tables to inputs and labels: which they are, given or guessed, and what they hold.

Inputs are one column of images, or one of equally long lists of numbers, or else all columns of numbers, as float32.
"""

import difflib
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from limbeck.data.arrow import compute, is_image, is_list, is_number, is_text, refuse_rows
from limbeck.data.cells import COLUMNS_HINT, read_inputs, refuse_texts
from limbeck.data.label_texts import alike, texts
from limbeck.data.labels import check_names, class_names, encoded, shown_names
from limbeck.data.origins import RowsOfTables
from limbeck.data.splits import Split, Splits
from limbeck.data.tables import Part
from limbeck.data.transfer_set import TransferSet
from limbeck.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

LABELS = ("label", "labels", "class", "target", "y")
ALIKE, MOST_OFFERED = 0.75, 3  # how near a name is to one of these, and how many are offered, where none is one
NO_FEATURES = ("", "id", "idx", "index", "unnamed: 0", "__index_level_0__")  # what numbers rows is no feature of them


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are which; guessed where nothing is said."""

    inputs: tuple[str, ...] = ()
    """Columns that are inputs, in this order."""
    label: str | None = None
    """Column that is the label."""
    classes: tuple[str, ...] = ()
    """All classes, in the order of the teacher's outputs; those of the training set, sorted, where none are given."""
    unlabelled: bool = False
    """Use no labels even where there are some."""

    @property
    def given(self) -> bool:
        """Whether any of this is said."""
        return self != Columns()

    def may_be_label(self, name: str) -> bool:
        """Return whether a column of this name is the label, or is guessed to be."""
        if self.label is not None:
            return name == self.label
        return name.lower() in LABELS and name not in self.inputs


def from_tables(
    tables: Mapping[Split, Sequence[Part]],
    columns: Columns,
    source: str,
    *,
    names: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Splits:
    """Return tables as transfer sets, split by split.

    Args:
        tables: at least those of the training set; all have the same columns.
        columns: which are which.
        source: what they are called together.
        names: what whole-number labels stand for, where the tables' maker says it.
        say: told what was guessed.

    Raises:
        DataError: columns are missing, ambiguous or of another kind, or a row is not what it must be.
    """
    chosen = _chosen(tables["training"][0], columns, say)
    if chosen.label is None and not columns.unlabelled:
        for split, (part, *_) in tables.items():
            own = _guessed_label(part)
            if own is not None:
                say(f"labels: column {own!r} of the {split} set is not used, the training set has none")
    for part in (part for parts in tables.values() for part in parts):
        lacking = [name for name in _wanted(chosen) if name not in part.table.column_names]
        if lacking:
            raise DataError(
                f"{part.place} must have the columns of the training set, {lacking[0]!r} is missing",
                f"it has {', '.join(part.table.column_names)}",
            )
        if not part.table.num_rows:
            raise DataError(f"{part.place} must have at least one row, it has none")
    inputs = read_inputs(tables, chosen.inputs, say)
    classes, labels = _labels(tables, chosen, names, say)
    numbers = all(is_number(tables["training"][0].table.schema.field(name).type) for name in chosen.inputs)
    origins: dict[Split, Sequence[str]] = {
        split: RowsOfTables([part.place for part in parts], [part.table.num_rows for part in parts])
        for split, parts in tables.items()
    }
    return splits_of(inputs, labels, classes, source, origins, column_names=chosen.inputs if numbers else ())


def _labels(
    tables: Mapping[Split, Sequence[Part]], chosen: Columns, names: tuple[str, ...], say: Callable[[str], None]
) -> tuple[tuple[str, ...], dict[Split, Tensor]]:
    """Return the classes, and the labels of each split, none where no column is chosen."""
    if chosen.label is None:
        return chosen.classes, {}
    parts = [part for own in tables.values() for part in own]
    splits = [split for split, own in tables.items() for _ in own]
    first = parts[0]
    names = names or _names_told(first.table, chosen.label)
    written = [_label_texts(part, chosen.label, names) for part in parts]
    places = [f"{part.place}, column {chosen.label!r}" for part in parts]
    told = alike(written, places, chosen.classes or names, say)
    of_training = [own for own, split in zip(told, splits, strict=True) if split == "training"]
    classes = chosen.classes or names or class_names(of_training)
    check_names(classes, first.place)
    numbers = [encoded(own, classes, part.place) for own, part in zip(told, parts, strict=True)]
    say(f"label: column {chosen.label!r}, {len(classes)} classes: {shown_names(classes)}")
    return classes, {
        each: torch.cat([own for own, split in zip(numbers, splits, strict=True) if split == each]) for each in tables
    }


def splits_of(
    inputs: Mapping[Split, Tensor],
    labels: Mapping[Split, Tensor],
    classes: tuple[str, ...],
    source: str,
    origins: Mapping[Split, Sequence[str]],
    *,
    column_names: tuple[str, ...] = (),
) -> Splits:
    """Return inputs and labels of some splits, and where they are from, as transfer sets."""
    sets: dict[str, Any] = {
        split: TransferSet(
            own,
            labels.get(split),
            classes,
            name=f"{source} {split} set",
            column_names=column_names,
            origins=origins[split],
        )
        for split, own in inputs.items()
    }
    return Splits(**sets)


def _wanted(chosen: Columns) -> tuple[str, ...]:
    return (*chosen.inputs, *([] if chosen.label is None else [chosen.label]))


def _chosen(part: Part, columns: Columns, say: Callable[[str], None]) -> Columns:
    """Return which columns are which, all of them said; what is guessed is told."""
    there = part.table.column_names
    twice = [name for number, name in enumerate(columns.inputs) if name in columns.inputs[:number]]
    if twice:
        raise DataError(f"inputs must be different columns, {twice[0]!r} is named twice", COLUMNS_HINT)
    for name in _wanted(columns):
        if name not in there:
            raise DataError(f"{part.place} must have the column {name!r}, it has {', '.join(there)}")
    label = None if columns.unlabelled else columns.label or _guessed_label(part)
    if label is None:
        say(f"labels: none are used ({'--unlabelled' if columns.unlabelled else _none_guessed(part, columns)})")
    labels = LABELS if columns.unlabelled and columns.label is None else (label or columns.label or "",)
    inputs = columns.inputs or _guessed_inputs(part, labels)
    if label in inputs:
        raise DataError(f"{part.place}: the label can't be an input too, {label!r} is both", COLUMNS_HINT)
    kinds = "column" if len(inputs) == 1 else f"{len(inputs)} columns,"
    left = [name for name in there if name not in (*inputs, label)]
    said = f"inputs: {kinds} {shown_names([repr(name) for name in inputs])}"
    say(said + (f"; left out: {shown_names([repr(name) for name in left])}" if left else ""))
    return replace(columns, inputs=tuple(inputs), label=label)


def _guessed_label(part: Part) -> str | None:
    found = [name for name in part.table.column_names if name.lower() in LABELS]
    if len(found) > 1:
        raise DataError(f"{part.place}: the label may be any of {', '.join(found)}", "say which with --label")
    return found[0] if found else None


def _none_guessed(part: Part, columns: Columns) -> str:
    """Return in words that no label was guessed, and which columns it may be: such as are called or filled like one."""
    free = [name for name in part.table.column_names if name not in columns.inputs and name not in NO_FEATURES]
    named = [name for name in free if difflib.get_close_matches(name.lower(), LABELS, 1, ALIKE)]
    filled = [name for name in free if name not in named and _names_groups(part.table[name])]
    offered = " or ".join(shlex.quote(name) for name in [*named, *filled][:MOST_OFFERED])
    return f"no column is called {', '.join(LABELS)}; --label {f'{offered}?' if offered else 'names one'}"


def _names_groups(column: "pa.ChunkedArray") -> bool:
    """Return whether a column's texts name groups of rows: few texts, each of several rows."""
    import pyarrow as pa

    if not (is_text(column.type) or pa.types.is_dictionary(column.type)):
        return False
    return 1 < compute().count_distinct(column).as_py() <= len(column) // 2


def _guessed_inputs(part: Part, labels: Sequence[str]) -> list[str]:
    schema = part.table.schema
    others = [name for name in schema.names if name not in labels and (len(labels) == 1 or name.lower() not in labels)]
    for told, holds in (("an image", is_image), ("lists of numbers", is_list)):
        found = [name for name in others if holds(schema.field(name).type)]
        if len(found) > 1:
            raise DataError(f"{part.place}: {told} may be the input, in any of {', '.join(found)}", COLUMNS_HINT)
        if found:
            return found
    for name in others:
        if is_text(schema.field(name).type):
            refuse_texts(part, name, unless_most=True)
    numbers = [name for name in others if name.lower() not in NO_FEATURES and is_number(schema.field(name).type)]
    if not numbers:
        raise DataError(
            f"{part.place} must have inputs: a column of images, of lists of numbers, or columns of numbers; "
            f"it has {', '.join(f'{field.name} ({field.type})' for field in schema)}",
            COLUMNS_HINT,
        )
    return numbers


def _label_texts(part: Part, name: str, names: Sequence[str]) -> "pa.ChunkedArray":
    """Return a column of labels as texts; `names` are what whole numbers stand for."""
    import pyarrow as pa

    pc = compute()

    place = f"{part.place}, column {name!r}"
    column = part.table[name]
    if not (names and pa.types.is_integer(column.type)):
        return texts(column, place)
    bad = pc.fill_null(pc.or_(pc.less(column, 0), pc.greater_equal(column, len(names))), True)
    refuse_rows(bad, column, place, f"labels must lie in 0..{len(names) - 1}")
    return pc.take(pa.chunked_array([pa.array(names, pa.string())]), pc.cast(column, pa.int64()))


def _names_told(table: "pa.Table", label: str) -> tuple[str, ...]:
    """Return the names of a label's classes as the library datasets writes them into a schema, if it did."""
    try:
        told = json.loads((table.schema.metadata or {})[b"huggingface"])
        return tuple(map(str, told["info"]["features"][label]["names"]))
    except (KeyError, TypeError, ValueError):
        return ()
