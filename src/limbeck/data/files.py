"""Files of tables: CSV, Parquet and Arrow, read as they are; which of them belong to which split."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from limbeck.data.csv_files import read_csv
from limbeck.data.splits import SPLITS, Split, split_told
from limbeck.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

CSV, PARQUET, ARROW = (".csv", ".tsv", ".csv.gz", ".tsv.gz"), (".parquet",), (".arrow", ".feather", ".ipc")
TABLES = (*CSV, *PARQUET, *ARROW)


@dataclass(frozen=True)
class Part:
    """One table of a split, and where it is from."""

    place: str
    table: "pa.Table"


def suffix_of(path: Path) -> str | None:
    """Return the ending that says that a file is a table, None for other files."""
    return next((suffix for suffix in TABLES if path.name.lower().endswith(suffix)), None)


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder and of all folders below it, sorted; what is hidden by a leading dot is left out.

    Links are followed. One that leads nowhere is there too.

    Raises:
        DataError: a link leads to a folder that it lies in.
    """

    def below(place: Path, above: frozenset[Path]) -> Iterator[Path]:
        real = place.resolve()
        if real in above:
            raise DataError(f"{place} must not be a link to a folder that it lies in, {real}", "take the link out")
        for path in place.iterdir():
            if path.name.startswith("."):
                continue
            if path.is_dir():
                yield from below(path, above | {real})
            elif path.is_file() or path.is_symlink():
                yield path

    return sorted(below(folder, frozenset()))


def files_of(
    source: Path, suffixes: Sequence[str], tell: Callable[[Path], Split | None] = split_told
) -> dict[Split, list[Path]]:
    """Return the files of a folder (or the one file) by their split; where none tells of one, all are for training.

    `tell` is given a file's path inside the folder. Training comes first.

    Raises:
        DataError: some files tell of a split and others don't, or none is for training.
    """
    if source.is_file():
        return {"training": [source]}
    found = [path for path in files_below(source) if path.name.lower().endswith(tuple(suffixes))]
    nowhere = next((path for path in found if not path.is_file()), None)
    if nowhere is not None:
        raise DataError(f"{nowhere} must be a file, it is a link that leads nowhere", "mend it or take it out")
    told = {path: tell(path.relative_to(source)) for path in found}
    if not any(told.values()):
        return {"training": found}
    without = [str(path.relative_to(source)) for path, split in told.items() if split is None]
    if without:
        raise DataError(
            f"{source}: all files must tell by their names which of train, validation and test they are, or none; "
            f"{without[0]} does not",
            "rename it, or move it elsewhere",
        )
    splits: dict[Split, list[Path]] = {}
    for split in SPLITS:
        if split in told.values():
            splits[split] = [path for path in found if told[path] == split]
    if "training" not in splits:
        raise DataError(f"{source} must hold training data, it holds {' and '.join(splits)} alone", "call it train")
    return splits


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
        told = next(iter(str(error).splitlines()), "")
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
