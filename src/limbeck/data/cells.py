"""What the cells of a table's columns hold: images, lists of numbers, or numbers, as one tensor."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.arrow import compute, is_image, is_list, is_number, is_text, refuse_rows
from limbeck.data.decoding import stacked
from limbeck.data.labels import shown_names
from limbeck.data.splits import Split
from limbeck.data.tables import Part
from limbeck.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
NEARLY = r"^\s*[-+]?[$€£]?\s*\d[\d.' ]*(,\d+)*\s*[%$€£]?\s*$"  # as people write numbers and no program reads them
NUMBERS_HINT = (
    "write numbers alone, with a decimal point: 1.5 for '1,5', 0.05 for '5%'; or leave the column out: --inputs names "
    "those that are inputs"
)
EXACT_IN_FLOAT32, EXACT = 2**24, 2**53  # whole numbers up to which float32 and float64 hold each of them
COLUMNS_HINT = "--inputs names the columns that are inputs, --label the one that is the label"


def read_inputs(
    tables: Mapping[Split, Sequence[Part]], names: Sequence[str], say: Callable[[str], None] = lambda _: None
) -> dict[Split, Tensor]:
    """Return the inputs of each split; rows have one shape and one type over all of them.

    What float32 can't hold of them is told to `say`.

    Raises:
        DataError: a row is not what it must be.
    """
    place, first = tables["training"][0].place, None
    _refuse_truth_beside_numbers(tables, names)
    found: dict[Split, Tensor] = {}
    for split, parts in tables.items():
        own = []
        for part in parts:
            rows = _inputs(part, names, None if first is None else first.shape[1:], say)
            first = rows if first is None else first
            if rows.shape[1:] != first.shape[1:]:
                raise DataError(
                    f"{part.place}: rows must have the shape of those of {place}, {tuple(first.shape[1:])}, "
                    f"got {tuple(rows.shape[1:])}"
                )
            if rows.dtype != first.dtype:
                raise DataError(
                    f"{part.place}: rows must be of the type of those of {place}, {first.dtype}, got {rows.dtype}",
                    "lists of uint8 are read as uint8, all other numbers as float32: write one type into all files",
                )
            own.append(rows)
        found[split] = own[0] if len(own) == 1 else torch.cat(own)
    _tell_rounded(tables, names, say)
    return found


def _refuse_truth_beside_numbers(tables: Mapping[Split, Sequence[Part]], names: Sequence[str]) -> None:
    """Raise DataError for a column of truth values in one file and of other numbers in another."""
    import pyarrow as pa

    first = tables["training"][0]
    for part in (part for parts in tables.values() for part in parts):
        for name in names:
            own, there = (pa.types.is_boolean(each.table.schema.field(name).type) for each in (part, first))
            if own != there:
                raise DataError(
                    f"{part.place}, column {name!r}: inputs must be of one kind in all files, here they are "
                    f"{'true or false' if own else 'no truth values'}, in {first.place} "
                    f"{'they are' if there else 'they are not'}",
                    "write them alike: 1 and 0, say",
                )


def _tell_rounded(tables: Mapping[Split, Sequence[Part]], names: Sequence[str], say: Callable[[str], None]) -> None:
    rounded = [
        name for name in names if any(_loses_digits(part.table[name]) for parts in tables.values() for part in parts)
    ]
    if rounded:
        say(
            f"warning: whole numbers beyond {EXACT_IN_FLOAT32:,} lose their last digits as float32, in "
            f"{shown_names([repr(name) for name in rounded])}: leave out what is a number by name alone (--inputs)"
        )


def _loses_digits(column: Any) -> bool:
    """Return whether a column, or its lists, are whole numbers of which float32 can't hold some.

    Those that int64 can't hold either are float64 in a table that was read from text.
    """
    import pyarrow as pa

    pc, values = compute(), _flat(column)
    if not pa.types.is_float64(values.type):
        return _largest(values) > EXACT_IN_FLOAT32
    return (
        pc.max(pc.abs(values)).as_py() > EXACT_IN_FLOAT32
        and pc.all(pc.and_(pc.is_finite(values), pc.equal(pc.trunc(values), values))).as_py()
    )


def _largest(column: Any) -> int:
    """Return the largest absolute value of a column of whole numbers, or of lists of such; 0 of other columns."""
    import pyarrow as pa

    values = _flat(column)
    if not pa.types.is_integer(values.type):
        return 0
    return max(abs(each or 0) for each in compute().min_max(values).as_py().values())


def _flat(column: Any) -> Any:
    """Return what the lists of a column hold, one after the other; a column without lists as it is."""
    import pyarrow as pa

    values = column
    while is_list(values.type):
        values = values.cast(values.type.storage_type) if isinstance(values.type, pa.BaseExtensionType) else values
        values = compute().list_flatten(values)
    return values


def _wide(values: Any, place: str) -> Any:
    """Return an Arrow array of numbers in float64.

    Raises:
        DataError: a whole number that float64 can't tell from its neighbour.
    """
    import pyarrow as pa

    largest = _largest(values)
    if largest > EXACT:
        raise DataError(
            f"{place}: whole numbers must lie in -2^53..2^53, there is one of size {largest}",
            "leave the column out (--inputs names those that are inputs), or write it as floats",
        )
    return compute().cast(values, pa.float64())


def _inputs(part: Part, names: Sequence[str], shape: Sequence[int] | None, say: Callable[[str], None]) -> Tensor:
    kinds = [part.table.schema.field(name).type for name in names]
    if len(names) == 1 and is_image(kinds[0]):
        return _images(part, names[0], shape, say)
    if len(names) == 1 and is_list(kinds[0]):
        return _lists(part, names[0])
    for name, kind in zip(names, kinds, strict=True):
        if is_text(kind):
            refuse_texts(part, name)
        if not is_number(kind):
            raise DataError(
                f"{part.place}: inputs must be one column of images, one of lists of numbers, or columns of numbers, "
                f"{name!r} is {kind}",
                COLUMNS_HINT,
            )
    return _numbers(part, names)


def refuse_texts(part: Part, name: str, *, unless_most: bool = False) -> None:
    """Raise DataError for the first text of a column that is no number; `unless_most` of its texts are none.

    Numbers with decimal commas, per cent or a currency are numbers that are written otherwise than they must.
    """
    pc = compute()

    column, place = part.table[name], f"{part.place}, column {name!r}"
    numbers, meant = (pc.fill_null(pc.match_substring_regex(column, each), False) for each in (NUMBER, NEARLY))
    if not unless_most or 2 * pc.sum(pc.or_(numbers, meant)).as_py() > len(column):
        first = pc.index(numbers, False).as_py()
        hint = NUMBERS_HINT if first >= 0 and meant[first].as_py() else COLUMNS_HINT
        refuse_rows(pc.invert(numbers), column, place, "inputs must be numbers", hint)


def _numbers(part: Part, names: Sequence[str]) -> Tensor:
    rows = np.empty((part.table.num_rows, len(names)), np.float32)
    for place, name in enumerate(names):
        rows[:, place] = _finite(part, name, part.table[name])
    return torch.from_numpy(rows)


def _finite(part: Part, name: str, column: "pa.ChunkedArray") -> NDArray[np.float32]:
    """Return a column of numbers in float32.

    Raises:
        DataError: a value is missing, NaN or infinite, or too large for float32.
    """
    import pyarrow as pa

    place = f"{part.place}, column {name!r}"
    refuse_rows(compute().is_null(column), column, place, "a value must be there")
    with np.errstate(over="ignore"):
        values = _wide(column, place).to_numpy().astype(np.float32)
    if not np.isfinite(values).all():
        bad = pa.array(~np.isfinite(values))
        refuse_rows(bad, column, place, "values must be finite in float32")
    return values


def _lists(part: Part, name: str) -> Tensor:
    """Return a column of lists, or of lists of lists, as rows of one shape: uint8 stays, other numbers are float32."""
    place, done, rows = f"{part.place}, column {name!r}", 0, []
    for chunk in part.table[name].chunks:
        if len(chunk):
            rows.append(_list_rows(chunk, place, done))
        if rows and rows[-1].shape[1:] != rows[0].shape[1:]:
            raise DataError(f"{place}: lists must have one length, from row {done + 1} on they have another")
        done += len(chunk)
    return torch.from_numpy(np.concatenate(rows))


def _list_rows(values: Any, place: str, done: int) -> NDArray[Any]:
    """Return the rows (rows, ...) of an array of lists before which `done` rows came."""
    import pyarrow as pa

    pc, rows, widths = compute(), len(values), list[int]()
    while is_list(values.type):
        if isinstance(values.type, pa.BaseExtensionType):
            values = values.storage
            continue
        lengths = pc.list_value_length(values)
        width = lengths[0].as_py() or 0
        at = pc.index(pc.fill_null(pc.not_equal(lengths, width), True), True).as_py()
        at = 0 if not width else at
        if at >= 0:
            row, found = done + at // math.prod(widths) + 1, lengths[at].as_py() or "empty"
            raise DataError(
                f"{place}: lists must have one length, {width or 'at least 1'}; in row {row} it is {found}",
                "mend the row or take it out",
            )
        widths.append(width)
        values = pc.list_flatten(values)
    if not pa.types.is_uint8(values.type) or values.null_count:
        return _finite_lists(values, math.prod(widths), place, done).reshape(rows, *widths)
    return values.to_numpy(zero_copy_only=False).reshape(rows, *widths)


def _finite_lists(values: Any, width: int, place: str, done: int) -> NDArray[np.float32]:
    import pyarrow as pa

    wide = values if pa.types.is_floating(values.type) else _wide(values, place)
    with np.errstate(over="ignore"):
        numbers = wide.to_numpy(zero_copy_only=False).astype(np.float32)  # what is missing becomes nan
    if not np.isfinite(numbers).all():
        at = int(np.isfinite(numbers).argmin())
        value = values[at].as_py()
        told = "empty" if value is None else f"{value:g}"
        rule = "values must be there and finite in float32"
        raise DataError(f"{place}: {rule}, value {at % width + 1} of row {done + at // width + 1} is {told}")
    return numbers


def _images(part: Part, name: str, shape: Sequence[int] | None, say: Callable[[str], None]) -> Tensor:
    column = part.table[name]

    def files() -> Iterator[bytes | None]:
        for chunk in column.chunks:
            for row in chunk:
                found = row.as_py()
                yield found["bytes"] if isinstance(found, dict) else found

    return stacked(files(), [f"{part.place}, column {name!r}, row {row + 1}" for row in range(len(column))], shape, say)
