"""Where data sets come from: what comes with a library, a folder on this machine, or the public origin.

load_digits()         1,797 digits of 8 x 8 pixels that come with scikit-learn: no download
load_mnist(folder), load_cifar10(folder), load_cifar100(folder)    see `limbeck.data.images`
load_letters(folder)  20,000 rows of 16 numbers, see `limbeck.data.letters`
load_clinc150(folder) 22,500 short sentences by their words, see `limbeck.data.sentences`
load_an4(folder), load_fsdd(folder)   speech: see `limbeck.data.an4` and `limbeck.data.fsdd`
load_arrays(folder)   anybody's own: inputs.npy and perhaps labels.npy, see `limbeck.data.arrays`
load_splits(source)   any of these, or anybody's own tables and images, by name or path
"""

import difflib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from limbeck.data.an4 import holds_an4, load_an4
from limbeck.data.arrays import load_arrays
from limbeck.data.columns import Columns, from_tables
from limbeck.data.folders import files_below
from limbeck.data.fsdd import holds_fsdd, load_fsdd
from limbeck.data.hub import is_hub_name, read_hub
from limbeck.data.image_folders import IMAGES, from_images
from limbeck.data.images import CIFAR10, CIFAR100, MNIST, holds, load_cifar10, load_cifar100, load_mnist
from limbeck.data.labels import shown_names
from limbeck.data.letters import LETTER_FILE, load_letters
from limbeck.data.sentences import FILE as CLINC_FILE
from limbeck.data.sentences import load_clinc150
from limbeck.data.splits import Splits
from limbeck.data.tables import TABLES, read_tables, suffix_of
from limbeck.data.transfer_set import TransferSet
from limbeck.data.utterances import Utterances
from limbeck.errors import ArgumentError, DataError

Loader = Callable[[str | Path | None], Splits]


def load_digits(test_size: int = 897) -> tuple[TransferSet, TransferSet]:
    """Return scikit-learn's handwritten digits as (training, test): uint8 (examples, 1, 8, 8), values 0..16.

    The test set is a stratified draw that never changes for a given size; half the digits, so that it has errors
    enough to tell two good models apart.
    """
    from sklearn.datasets import load_digits as embedded
    from sklearn.model_selection import train_test_split

    bunch: Any = embedded()
    pixels = torch.from_numpy(bunch.images.astype(np.uint8)).unsqueeze(1)
    labels = torch.from_numpy(bunch.target.astype(np.int64))
    train, test = train_test_split(np.arange(len(labels)), test_size=test_size, stratify=labels.numpy(), random_state=0)
    both = TransferSet(pixels, labels, MNIST.class_names, name="digits")
    return tuple(  # pyright: ignore[reportReturnType]
        both.subset(torch.from_numpy(np.sort(part)), f"digits {split} set")
        for split, part in (("training", train), ("test", test))
    )


def _of_two(load: Callable[[str | Path | None], tuple[TransferSet, TransferSet]]) -> Loader:
    """Return a loader of (training, test) as one of splits."""

    def loaded(folder: str | Path | None) -> Splits:
        training, test = load(folder)
        return Splits(training, test=test)

    return loaded


def _frames_of(load: Callable[[str | Path | None], tuple[Utterances, Utterances]]) -> Loader:
    """Return a loader of utterances as one of their frames, which have no labels until they are aligned."""

    def loaded(folder: str | Path | None) -> Splits:
        train, test = load(folder)
        return Splits(train.frames, test=test.frames)

    return loaded


NAMED: dict[str, Loader] = {
    "digits": _of_two(lambda _: load_digits()),
    "mnist": _of_two(load_mnist),
    "cifar10": _of_two(load_cifar10),
    "cifar100": _of_two(load_cifar100),
    "letters": _of_two(load_letters),
    "clinc150": lambda folder: Splits(*load_clinc150(folder)[:3]),
    "an4": _frames_of(lambda folder: load_an4(folder)[:2]),
    "fsdd": _frames_of(load_fsdd),
}


def load_splits(source: str, columns: Columns | None = None, *, say: Callable[[str], None] = lambda _: None) -> Splits:
    """Return what a command line names, split by split.

    A data set by name; a CSV, Parquet or Arrow file, or a folder of such; a folder of images; a folder of what
    `load_arrays` reads, or of the files of a data set that has a name; or a data set of the hub, as owner/name. Files
    called train, validation and test give the splits.

    Args:
        source: the name or the path.
        columns: which columns of tables are inputs and label; guessed where not said.
        say: told what was guessed.

    Raises:
        DataError: there is no such data, or it is not what it must be.
        ArgumentError: columns of what is no table.
    """
    columns = columns or Columns()
    path = Path(source)
    if source in NAMED and path.exists():
        raise ArgumentError(
            f"data must be told clearly, {source!r} is a data set's name and a path here too",
            f"./{source} is the path; the data set by this name is read where there is no such path",
        )
    if path.is_file() and suffix_of(path) is not None:
        return from_tables(read_tables(path, columns.may_be_label), columns, path.name, say=say)
    if not path.exists() and _means_a_path(path):
        near = _near_files(path)
        raise DataError(
            f"data must be there, there is no file or folder {source}",
            f"did you mean {near}?" if near else f"the folder you stand in is {Path.cwd()}",
        )
    if not path.exists() and is_hub_name(source):
        name, _, configuration = source.partition(":")
        return from_tables(read_hub(name, configuration or None), columns, name, say=say)
    if path.is_dir() and not _has_a_form_of_its_own(path):
        kind = _kind_of(path, say)
        if kind == "tables":
            return from_tables(read_tables(path, columns.may_be_label), columns, path.name, say=say)
        if kind == "images":
            return from_images(path, columns, path.name, say=say)
    if columns.given and (source in NAMED or (path.is_dir() and _has_a_form_of_its_own(path))):
        raise ArgumentError(f"columns and classes are those of tables and of folders of images, {source} is neither")
    if path.is_dir() and (path / "inputs.npy").exists():
        return Splits(load_arrays(path))
    return _loaded_by_name(source)


def _kind_of(folder: Path, say: Callable[[str], None]) -> Literal["tables", "images"] | None:
    """Return what a folder's files are, None where they are neither; those beside them are told.

    Raises:
        DataError: there are tables and images.
    """
    files = files_below(folder)
    tables = [file for file in files if suffix_of(file) is not None]
    images = [file for file in files if file.suffix.lower() in IMAGES]
    if tables and images:
        raise DataError(
            f"{folder} must hold tables or images, it holds both: {tables[0]} and {images[0]}",
            "name the table itself, or the folder of the images alone; or move one of them elsewhere",
        )
    kind = "tables" if tables else "images" if images else None
    read = {*tables, *images}
    others = [str(file.relative_to(folder)) for file in files if file not in read]
    if kind and others:
        say(
            f"left out: {len(others):,} {'file that is' if len(others) == 1 else 'files that are'} none of the {kind}: "
            f"{shown_names(others)}"
        )
    return kind


def _means_a_path(path: Path) -> bool:
    """Return whether a name is a path's, by its ending or the folder it begins with, and not one of the hub's."""
    return suffix_of(path) is not None or (len(path.parts) > 1 and Path(path.parts[0]).is_dir())


def _near_files(path: Path) -> Path | None:
    """Return the path of the nearest name beside one that is not there, None where there is none like it."""
    folder = path.parent
    there = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    near = difflib.get_close_matches(path.name, there, 1, 0.5)
    return folder / near[0] if near else None


def _has_a_form_of_its_own(folder: Path) -> bool:
    """Return whether a folder holds what `load_arrays` reads, or the files of a data set that has a name."""
    files = (folder / "inputs.npy", folder / LETTER_FILE, folder / CLINC_FILE)
    spoken = holds_an4(folder) or holds_fsdd(folder)
    return (
        spoken or any(file.exists() for file in files) or any(map(partial(holds, folder), (MNIST, CIFAR10, CIFAR100)))
    )


def _loaded_by_name(source: str) -> Splits:
    """Return the data set that has this name, or whose files a folder holds."""
    if source in NAMED:
        return NAMED[source](None)
    folder = Path(source)
    if folder.is_file():
        raise DataError(f"a data file must end in {', '.join(TABLES)}, got {source!r}")
    if not folder.is_dir():
        near = difflib.get_close_matches(source, NAMED, 1, 0.5)
        raise DataError(
            f"data must be one of {', '.join(NAMED)}, a file, a folder or a data set of the hub, got {source!r}",
            f"did you mean {near[0]}?" if near else "the hub's data sets are named owner/name",
        )
    for name, is_there in (("an4", holds_an4), ("fsdd", holds_fsdd)):
        if is_there(folder):
            return NAMED[name](folder)
    for name, file in (("letters", LETTER_FILE), ("clinc150", CLINC_FILE)):
        if (folder / file).exists():
            return NAMED[name](folder)
    for images in (MNIST, CIFAR10, CIFAR100):
        if holds(folder, images):
            return NAMED[images.name](folder)
    names = [name for name in NAMED if name != "digits"]
    raise DataError(
        f"{folder} must hold tables ({', '.join(TABLES)}), images, inputs.npy, or the files of {' or '.join(names)}; "
        "it holds none of them"
    )


def load_data(
    source: str,
    split: str | None = None,
    columns: Columns | None = None,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> TransferSet:
    """Return one split of what `load_splits` finds, the training set where None is named.

    Raises:
        DataError: there is no such data, or it is not what it must be.
        ArgumentError: it has no such split.
    """
    splits = load_splits(source, columns, say=say)
    there = {name: data for name, data in vars(splits).items() if data is not None}
    if split is not None and list(there) == ["training"]:
        raise ArgumentError(f"{source} has no splits, got {split!r}", "give a file or a folder for each")
    if split not in (None, *there):
        raise ArgumentError(f"{source} must have the split, it has {', '.join(there)}, got {split!r}")
    return there[split or "training"]
