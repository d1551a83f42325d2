"""The files of a folder, and which split each belongs to."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from limbeck.data.splits import SPLITS, Split, split_told
from limbeck.errors import DataError


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
