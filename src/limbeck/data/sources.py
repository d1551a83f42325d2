"""Where data sets come from: scikit-learn's digits, a folder on this machine, or the hub.

load_digits()         1,797 digits of 8 x 8 pixels that come with scikit-learn: no download
load_mnist(folder)    the four IDX files of MNIST in a folder; without a folder from the Hugging Face hub
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from limbeck.data.idx import read_idx
from limbeck.data.transfer_set import TransferSet
from limbeck.errors import DataError

DIGIT_NAMES = tuple("0123456789")
ENVIRONMENT = "LIMBECK_DATA"
MNIST_ON_HUB = "ylecun/mnist"
MNIST_FILES = {  # split: (images, labels, examples)
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", 60_000),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 10_000),
}


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
    both = TransferSet(pixels, labels, DIGIT_NAMES, name="digits")
    return tuple(  # pyright: ignore[reportReturnType]
        both.subset(torch.from_numpy(np.sort(part)), f"digits {split} set")
        for split, part in (("training", train), ("test", test))
    )


def load_mnist(folder: str | Path | None = None) -> tuple[TransferSet, TransferSet]:
    """Return MNIST as (training, test): uint8 (examples, 1, 28, 28), values 0..255.

    `folder`, or else the environment's LIMBECK_DATA, holds the four IDX files (gzipped or not), itself or in a
    folder `mnist`. With neither they come from the Hugging Face hub.

    Raises:
        DataError: files are missing or corrupt, or the hub can't be reached.
    """
    chosen = folder or os.environ.get(ENVIRONMENT)
    splits = _mnist_from_folder(Path(chosen)) if chosen else _mnist_from_hub()
    return tuple(  # pyright: ignore[reportReturnType]
        TransferSet(images.unsqueeze(1), labels, DIGIT_NAMES, name=f"mnist {name} set")
        for name, (images, labels) in zip(("training", "test"), splits, strict=True)
    )


def _mnist_from_folder(folder: Path) -> list[tuple[torch.Tensor, torch.Tensor]]:
    if not folder.is_dir():
        raise DataError(f"the data folder must exist, got {folder}", _mnist_hint())
    inner = folder / "mnist" if (folder / "mnist").is_dir() else folder
    names = [name for images, labels, _ in MNIST_FILES.values() for name in (images, labels)]
    found = {name: path for name in names if (path := _stored(inner, name)) is not None}
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(
            f"{inner} must hold MNIST's four IDX files, {', '.join(missing)} (or .gz) not found", _mnist_hint()
        )
    splits = []
    for images_name, labels_name, count in MNIST_FILES.values():
        images = read_idx(found[images_name], (count, 28, 28))
        labels = read_idx(found[labels_name], (count,)).long()
        if int(labels.max()) > 9:
            raise DataError(f"{found[labels_name]} must hold labels 0..9, got {int(labels.max())}")
        splits.append((images, labels))
    return splits


def _stored(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _mnist_hint() -> str:
    return (
        f"give the folder with --data DIR or {ENVIRONMENT}: it holds "
        + ", ".join(name for images, labels, _ in MNIST_FILES.values() for name in (images, labels))
        + f"; without a folder the data comes from the hub ({MNIST_ON_HUB})"
    )


def _mnist_from_hub() -> list[tuple[torch.Tensor, torch.Tensor]]:
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            "reading MNIST from the hub needs the package datasets",
            f"pip install 'limbeck[hub]', or {_mnist_hint()}",
        ) from error
    try:
        hub: Any = datasets.load_dataset(MNIST_ON_HUB)
        return [arrays_of(hub[split]) for split in ("train", "test")]
    except Exception as error:  # the hub's client raises errors of many libraries
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"MNIST could not be read from the hub: {reason}", _mnist_hint()) from error


def arrays_of(split: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a hub data set's grey images (examples, height, width) and labels (examples,) as tensors."""
    images = np.stack([np.asarray(image.convert("L"), np.uint8) for image in split["image"]])
    return torch.from_numpy(images), torch.tensor(split["label"])
