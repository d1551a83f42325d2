"""CSV files: any of four delimiters, a line of names first, packed or not; labels stay as they are written."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from limbeck.data.arrow import compute, in_utf8
from limbeck.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = ",;\t|"
QUOTED = re.compile('"[^"]*"')
UTF8_HINT = "write it in UTF-8: a spreadsheet saves 'CSV UTF-8', and iconv -f {} -t utf-8 {} > utf8.csv makes it so"
HEADER_BYTES = 1 << 20  # in which the names must end; pyarrow reads blocks of so many


def read_csv(path: Path, is_label: Callable[[str], bool]) -> "pa.Table":
    """Return a CSV file's table; spaces around names and labels are none of theirs.

    Columns are numbers where all their cells are, or else texts, file by file; so those that may be labels are read as
    texts, which `01` and `1`, `True` and `true` remain in all files.

    Raises:
        DataError: the first line names no columns, or the file is not in UTF-8.
        ValueError, OSError: the file can't be read.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    header = _header(path)
    first = header.splitlines()[0] if header.strip() else ""
    if "\0" in first:
        raise DataError(f"{path} must be in UTF-8, it may be in UTF-16", UTF8_HINT.format("utf-16", path))
    if "\ufffd" in first:  # for bytes that can't be decoded
        raise DataError(f"{path} must be in UTF-8, its first line is not", UTF8_HINT.format("latin1", path))
    delimiter = max(DELIMITERS, key=QUOTED.sub("", first).count)
    try:
        names = next(csv.reader(io.StringIO(header, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise ValueError(f"its first line is none of names: {error}") from error
    if _numbers(names):
        raise DataError(
            f"{path}: the first line must name the columns, it holds numbers: {first[:60]}", "add a line of names"
        )
    labels = [name for name in names if is_label(name.strip())]
    table = arrow_csv.read_csv(
        path,
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(labels, pa.binary())),
    )
    for place, (name, kind) in enumerate(zip(table.column_names, table.schema.types, strict=True)):
        if pa.types.is_binary(kind):  # a label, or what pyarrow can't read as text
            texts = in_utf8(table[place], f"{path}, column {name.strip()!r}", UTF8_HINT.format("latin1", path))
            table = table.set_column(place, name, compute().utf8_trim_whitespace(texts))
    return table.rename_columns([name.strip() for name in table.column_names])


def _header(path: Path) -> str:
    """Return the beginning of a file, without the empty lines before its names, which pyarrow passes over too."""
    import pyarrow as pa

    with pa.input_stream(path) as stream:  # unpacks .gz
        return stream.read(HEADER_BYTES).decode("utf-8-sig", "replace").lstrip("\r\n")


def _numbers(names: Sequence[str]) -> bool:
    """Return whether a header holds numbers that are no running number, as pandas names columns without names."""
    values = []
    for name in names:
        try:
            values.append(float(name))
        except ValueError:
            continue
    running = bool(values) and values[0].is_integer() and values == [values[0] + step for step in range(len(values))]
    return bool(values) and not running
