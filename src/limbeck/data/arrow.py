"""Columns of Arrow tables: what kind each is, and the first row that is not what it must be."""

from typing import TYPE_CHECKING, Any

from limbeck.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

MOST_LETTERS = 60  # of a cell, in a message


def compute() -> Any:
    """Return pyarrow.compute, whose functions no type checker knows: they are made as it is imported."""
    import pyarrow.compute

    return pyarrow.compute


def is_image(kind: "pa.DataType") -> bool:
    """Return whether a column holds encoded images: bytes, or the hub's pair of bytes and path."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def is_list(kind: "pa.DataType") -> bool:
    """Return whether a column holds lists of numbers, or lists of such."""
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return is_list(kind.storage_type)
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return False
    return is_number(kind.value_type) or is_list(kind.value_type)


def is_number(kind: "pa.DataType") -> bool:
    """Return whether a column holds numbers, or truth values, which count as 0 and 1."""
    import pyarrow as pa

    return any(
        holds(kind) for holds in (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    )


def is_text(kind: "pa.DataType") -> bool:
    """Return whether a column of this type holds text."""
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def shown(text: str) -> str:
    """Return a text in quotes, of a long one its beginning.

    >>> shown("a" * 1000)[-8:]
    "aaaa'..."
    """
    return repr(text) if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]!r}..."


def in_utf8(
    values: "pa.ChunkedArray", place: str, hint: str = "write the file again, its texts in UTF-8"
) -> "pa.ChunkedArray":
    """Return a column of texts, or of their bytes, as texts that can be read: a file may hold any bytes.

    Raises:
        DataError: a row, which is named, is not UTF-8.
    """
    import pyarrow as pa

    try:
        values.validate(full=True)
        return values.cast(pa.string()) if pa.types.is_binary(values.type) else values
    except pa.ArrowInvalid:
        for row, value in enumerate(values.cast(pa.binary()).to_pylist()):
            if value is not None and value.decode(errors="ignore").encode() != value:
                told = f"{place}: texts must be in UTF-8, row {row + 1} is {value[:MOST_LETTERS]!r}"
                raise DataError(told, hint) from None
        raise


def refuse_rows(
    bad: Any, values: "pa.ChunkedArray", place: str, rule: str, hint: str | None = "mend the row or take it out"
) -> None:
    """Raise DataError that names the first row for which `bad` is true; rows are counted from 1, after any header."""
    pc = compute()

    row = pc.index(bad, True).as_py()
    if row >= 0:
        value = values[row].as_py()
        told = "empty" if value is None or value == "" else shown(value) if isinstance(value, str) else f"{value:g}"
        raise DataError(f"{place}: {rule}, row {row + 1} is {told}", hint)
