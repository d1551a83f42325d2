"""Tables in files: CSV, Parquet and Arrow, read as they are, split by split."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from limbeck.data.csv_files import read_csv
from limbeck.data.folders import files_of
from limbeck.data.splits import Split
from limbeck.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

CSV, PARQUET, ARROW = (".csv", ".tsv", ".csv.gz", ".tsv.gz"), (".parquet",), (".arrow", ".feather", ".ipc")
MOST_TOLD = 200  # letters of an error of pyarrow's, which may hold a whole row
TABLES = (*CSV, *PARQUET, *ARROW)


@dataclass(frozen=True)
class Part:
    """One table of a split, and where it is from."""

    place: str
    table: "pa.Table"


def suffix_of(path: Path) -> str | None:
    """Return the ending that says that a file is a table, None for other files."""
    return next((suffix for suffix in TABLES if path.name.lower().endswith(suffix)), None)


def read_tables(source: Path, is_label: Callable[[str], bool]) -> dict[Split, list[Part]]:
    """Return the tables of a file or a folder, by split; of CSV files, columns that may be labels are texts.

    Raises:
        DataError: files of several kinds, or one that is empty or can't be read.
    """
    splits = files_of(source, TABLES)
    paths = [path for own in splits.values() for path in own]
    kinds = sorted({kind[0] for kind in (CSV, PARQUET, ARROW) for path in paths if suffix_of(path) in kind})
    if len(kinds) != 1:
        raise DataError(f"{source} must hold tables of one kind, it holds {' and '.join(kinds) or 'none'}")
    return {split: [Part(str(path), read_table(path, is_label)) for path in own] for split, own in splits.items()}


def read_table(path: Path, is_label: Callable[[str], bool]) -> "pa.Table":
    """Return a file's table, its columns named and at least one row long.

    Raises:
        DataError: the file is empty, damaged, or of another kind than its name says.
    """
    import pyarrow as pa

    try:
        if not path.stat().st_size:
            raise DataError(f"{path} must hold a table, it is empty")
        if suffix_of(path) in CSV:
            table = read_csv(path, is_label)
        else:
            table = (_read_parquet if suffix_of(path) in PARQUET else _read_arrow)(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        told = next(iter(str(error).splitlines()), "")[:MOST_TOLD]
        raise DataError(f"{path} can't be read: {told}", "look at the file, or write it again") from error
    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise DataError(f"{path}: columns must have different names, {twice[0]!r} is there twice", "rename one")
    if not table.num_rows:
        raise DataError(f"{path} must have at least one row, it has none")
    return table


def _read_parquet(path: Path) -> "pa.Table":
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return file.read()


def _read_arrow(path: Path) -> "pa.Table":
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        if file.read(6) == b"ARROW1":
            return pa.ipc.open_file(file).read_all()
        file.seek(0)
        return pa.ipc.open_stream(file).read_all()  # as the library datasets keeps them
