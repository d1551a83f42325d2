"""Image data sets: MNIST and CIFAR, from a folder on this machine or from the hub.

load_mnist(folder)      the four IDX files, or train and test as Parquet files, as the hub keeps them
load_cifar10(folder)    Parquet files too, or the .bin files of the binary version
load_cifar100(folder)   the same with 100 classes

A folder is given, or named by the environment's LIMBECK_DATA; it holds the files itself or in a folder of the data
set's name. With neither they come from the Hugging Face hub. All give uint8 (examples, channels, height, width).
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.decoding import channels_first, decoded
from limbeck.data.hub import hub_tables
from limbeck.data.idx import AGAIN_HINT, read_idx, unpacked
from limbeck.data.transfer_set import TransferSet
from limbeck.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

ENVIRONMENT = "LIMBECK_DATA"
CIFAR100_CLASSES = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can "
    "castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin "
    "elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster "
    "man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck "
    "pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk "
    "skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger "
    "tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
)


class Labelled(NamedTuple):
    """The images of a training or test set."""

    images: Tensor
    """uint8 (examples, channels, height, width)."""
    labels: Tensor
    """int64 (examples,)."""


@dataclass(frozen=True)
class SplitFiles:
    """The files of one split."""

    files: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Source:
    """An image data set: where its columns and files are, and what they must hold."""

    name: str
    hub: str
    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    image_column: str
    label_column: str
    folders: tuple[str, ...]
    """Folders in which its files may lie, below the one that was given, or it itself."""
    train: SplitFiles
    test: SplitFiles
    label_bytes: int = 1
    """Of a row of the binary version; the last of them is the label."""

    @property
    def hint(self) -> str:
        files = ", ".join([*self.train.files, *self.test.files])
        return (
            f"give the folder with --data DIR or {ENVIRONMENT}: it holds {files}, or train.parquet and test.parquet; "
            f"without a folder the data comes from the hub ({self.hub})"
        )


MNIST = Source(
    "mnist",
    "ylecun/mnist",
    (1, 28, 28),
    tuple("0123456789"),
    "image",
    "label",
    ("mnist", ".", "mnist/mnist"),
    SplitFiles(("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), 60_000),
    SplitFiles(("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"), 10_000),
)
CIFAR10 = Source(
    "cifar10",
    "uoft-cs/cifar10",
    (3, 32, 32),
    ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "img",
    "label",
    ("cifar10", "cifar-10-batches-bin", ".", "plain_text", "cifar10/plain_text", "cifar10/cifar-10-batches-bin"),
    SplitFiles(tuple(f"data_batch_{number}.bin" for number in range(1, 6)), 50_000),
    SplitFiles(("test_batch.bin",), 10_000),
)
CIFAR100 = Source(
    "cifar100",
    "uoft-cs/cifar100",
    (3, 32, 32),
    tuple(CIFAR100_CLASSES.split()),
    "img",
    "fine_label",
    ("cifar100", "cifar-100-binary", ".", "cifar100/cifar100", "cifar100/cifar-100-binary"),
    SplitFiles(("train.bin",), 50_000),
    SplitFiles(("test.bin",), 10_000),
    label_bytes=2,
)


def load_mnist(folder: str | Path | None = None) -> tuple[TransferSet, TransferSet]:
    """Return MNIST as (training, test): uint8 (examples, 1, 28, 28), values 0..255.

    Raises:
        DataError: files are missing or corrupt, or the hub can't be reached.
    """
    return _load(MNIST, folder)


def load_cifar10(folder: str | Path | None = None) -> tuple[TransferSet, TransferSet]:
    """Return CIFAR-10 (Krizhevsky 2009) as (training, test): uint8 (examples, 3, 32, 32), values 0..255.

    Raises:
        DataError: files are missing or corrupt, or the hub can't be reached.
    """
    return _load(CIFAR10, folder)


def load_cifar100(folder: str | Path | None = None) -> tuple[TransferSet, TransferSet]:
    """Return CIFAR-100 (Krizhevsky 2009) with its 100 fine classes, as `load_cifar10` does."""
    return _load(CIFAR100, folder)


def holds(folder: Path, source: Source) -> bool:
    """Return whether a folder itself holds a data set's training files."""
    parquet = _parquet(folder, "train")
    wanted = {source.image_column, source.label_column}
    return _has(folder, source) and (not parquet or wanted <= set(_column_names(parquet[0])))


def _has(folder: Path, source: Source) -> bool:
    return bool(_parquet(folder, "train")) or _stored(folder, source.train.files[0]) is not None


def _load(source: Source, folder: str | Path | None) -> tuple[TransferSet, TransferSet]:
    chosen = folder or os.environ.get(ENVIRONMENT)
    splits = _from_folder(source, Path(chosen)) if chosen else _from_hub(source)
    train, test = (
        TransferSet(split.images, split.labels, source.class_names, name=f"{source.name} {name} set")
        for name, split in zip(("training", "test"), splits, strict=True)
    )
    return train, test


def _from_folder(source: Source, folder: Path) -> list[Labelled]:
    if not folder.is_dir():
        raise DataError(f"the data folder must exist, got {folder}", source.hint)
    inner = next((folder / below for below in source.folders if _has(folder / below, source)), folder)
    if _parquet(inner, "train"):
        return [_from_parquet(source, inner, name) for name in ("train", "test")]
    names = [*source.train.files, *source.test.files]
    missing = [name for name in names if _stored(inner, name) is None]
    if missing:
        told = ", ".join(missing)
        raise DataError(f"{inner} must hold the files of {source.name}, {told} (or .gz) not found", source.hint)
    read = _from_idx if source is MNIST else _from_binary
    return [read(source, part, inner) for part in (source.train, source.test)]


def _from_idx(source: Source, part: SplitFiles, folder: Path) -> Labelled:
    images, labels = (_stored(folder, name) for name in part.files)
    assert images is not None  # as `_from_folder` has seen
    assert labels is not None
    read = Labelled(read_idx(images, (part.count, *source.shape[1:])).unsqueeze(1), read_idx(labels, (part.count,)))
    return _checked(source, part, read, labels)


def _stored(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _parquet(folder: Path, split: str) -> list[Path]:
    """Return a split's Parquet files, under the hub's names too: train.parquet or train-00000-of-00001.parquet."""
    return sorted(path for pattern in (f"{split}.parquet", f"{split}-*.parquet") for path in folder.glob(pattern))


def _column_names(path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path).names
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{path} can't be read: {error}", AGAIN_HINT) from error


def _from_parquet(source: Source, folder: Path, name: str) -> Labelled:
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = _parquet(folder, name)
    if not files:
        raise DataError(f"{folder} must hold {name}.parquet too, it is not there", source.hint)
    part = source.train if name == "train" else source.test
    wanted = [source.image_column, source.label_column]
    tables = []
    for path in files:
        missing = set(wanted) - set(_column_names(path))
        if missing:
            told = ", ".join(sorted(missing))
            raise DataError(f"{path} must have the columns {', '.join(wanted)}, {told} missing", source.hint)
        try:
            tables.append(pq.read_table(path, columns=wanted))
        except (OSError, ValueError, pa.ArrowException) as error:
            raise DataError(f"{path} can't be read: {error}", AGAIN_HINT) from error
    splits = [_decoded(source, table, path) for table, path in zip(tables, files, strict=True)]
    read = Labelled(*(torch.cat(each) for each in zip(*splits, strict=True)))
    return _checked(source, part, read, ", ".join(map(str, files)))


def _from_binary(source: Source, part: SplitFiles, folder: Path) -> Labelled:
    """Return a split of rows of bytes: the label or labels, then the image, channel by channel."""
    row, count = source.label_bytes + math.prod(source.shape), part.count // len(part.files)
    tables = []
    for name in part.files:
        path = _stored(folder, name)
        assert path is not None  # seen by `_from_folder`
        data = unpacked(path)
        if len(data) != row * count:
            told = f"{path} must hold {count} rows of {row} bytes, it has {len(data)} bytes in all"
            raise DataError(told, AGAIN_HINT)
        tables.append(np.frombuffer(data, np.uint8).reshape(-1, row))
        _check_labels(source, tables[-1][:, source.label_bytes - 1], path)
    table = torch.from_numpy(np.concatenate(tables))
    images, labels = table[:, source.label_bytes :].reshape(-1, *source.shape), table[:, source.label_bytes - 1]
    return _checked(source, part, Labelled(images.contiguous(), labels), folder / part.files[0])


def _from_hub(source: Source) -> list[Labelled]:
    tables = hub_tables(source.hub, hint=source.hint)
    return [
        _checked(source, part, _decoded(source, table, source.hub), source.hub)
        for part, table in ((source.train, tables["train"]), (source.test, tables["test"]))
    ]


def _decoded(source: Source, table: "pa.Table", place: object) -> Labelled:
    """Return the images and labels of a table whose images are encoded files, as the hub keeps them."""
    try:
        rows = table[source.image_column].to_pylist()
        labels = table[source.label_column].to_numpy()
        if labels.dtype.kind not in "iu":
            raise ValueError(f"labels are {labels.dtype}")  # noqa: TRY301 - told as the others are
        images = _pixels([None if row is None else row["bytes"] for row in rows], source.shape)
        return Labelled(images, torch.from_numpy(labels.astype(np.int64)))
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{place} must hold images and whole-number labels: {error}", source.hint) from error


def _pixels(files: Sequence[bytes | None], shape: tuple[int, int, int]) -> Tensor:
    """Return encoded images of one size, 8 bits a channel, as uint8 (examples, channels, height, width).

    Raises:
        ValueError: one is missing, damaged, no image, of another size or of other colours.
        DataError: the library that decodes them is not installed.
    """
    channels, *size = shape
    pixels = np.empty((len(files), *size, channels), np.uint8)
    for place, file in enumerate(files):
        if file is None:
            raise ValueError(f"image {place} is missing")
        try:
            pixels[place] = decoded(file, shape)
        except ValueError as error:
            raise ValueError(f"image {place}{error.args[0]}") from error
    return channels_first(pixels)


def _checked(source: Source, part: SplitFiles, split: Labelled, place: object) -> Labelled:
    """Return a split whose labels are int64, seen to have as many images as it must and labels of classes there are."""
    labels = split.labels.long()
    if len(split.images) != part.count or len(labels) != part.count:
        raise DataError(f"{place} must hold {part.count} images, it holds {len(split.images)}", source.hint)
    _check_labels(source, labels.numpy(), place)
    return Labelled(split.images, labels)


def _check_labels(source: Source, labels: NDArray[Any], place: object) -> None:
    low, high, most = int(labels.min()), int(labels.max()), len(source.class_names) - 1
    if low < 0 or high > most:
        raise DataError(f"{place} must hold labels 0..{most}, got {high if high > most else low}", source.hint)
