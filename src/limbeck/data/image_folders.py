"""A folder of images: split/class/image.png, class/image.png, or images alone, which then have no labels."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from limbeck.data.columns import Columns, splits_of
from limbeck.data.decoding import stacked
from limbeck.data.folders import files_of
from limbeck.data.labels import check_names, class_names, encoded, shown_names
from limbeck.data.splits import WORDS, Split, Splits
from limbeck.errors import DataError

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm")


def from_images(folder: Path, columns: Columns, source: str, *, say: Callable[[str], None] = lambda _: None) -> Splits:
    """Return a folder's images as transfer sets, uint8 (examples, channels, height, width), all of one size and mode.

    The class of an image is the folder it lies in.

    Raises:
        DataError: an image is damaged, of another size or mode, some lie in folders of classes and others don't, or
            one is of a class that the training set has not.
    """
    import pyarrow as pa

    if columns.inputs or columns.label is not None:
        raise DataError(f"{folder} holds images, which have no columns: take --inputs and --label away")
    files = files_of(folder, IMAGES, _split_of)
    classes: dict[Split, list[str | None]] = {
        split: [_class_of(path.relative_to(folder)) for path in own] for split, own in files.items()
    }
    without = [path for split, own in files.items() for path, name in zip(own, classes[split], strict=True) if not name]
    labelled = not without and not columns.unlabelled
    if without and len(without) < sum(map(len, files.values())):
        raise DataError(f"{folder}: all images must lie in folders of their classes, or none; {without[0]} does not")
    names = columns.classes
    labels: dict[Split, Tensor] = {}
    empty = _without_images(folder, [path for own in files.values() for path in own])
    if empty:
        say(f"left out: {shown_names(empty)}, without an image")
    if labelled:
        _refuse_odd_names(folder, [str(name) for own in classes.values() for name in own])
        told: dict[Split, Any] = {
            split: pa.chunked_array([pa.array(own, pa.string())]) for split, own in classes.items()
        }
        names = names or class_names([told["training"]])
        check_names(names, str(folder))
        for split, own in told.items():
            labels[split] = encoded(own, names, f"{folder}, {split} set")
        say(f"label: the folder of each image, {len(names)} classes: {shown_names(names)}")
    else:
        say(f"labels: none are used ({'the images lie in no folders' if without else '--unlabelled'})")
    inputs: dict[Split, Tensor] = {}
    for split, own in files.items():
        shape = inputs["training"].shape[1:] if inputs else None
        inputs[split] = stacked((path.read_bytes() for path in own), [str(path) for path in own], shape, say)
    channels, height, width = inputs["training"].shape[1:]
    say(f"inputs: images of {channels} x {height} x {width}, uint8, 0..255")
    return splits_of(
        inputs, labels, names, source, {split: [str(path) for path in own] for split, own in files.items()}
    )


def _refuse_odd_names(folder: Path, names: Sequence[str]) -> None:
    """Raise DataError for the name of a class that is not in UTF-8: Python tells its bytes by surrogates."""
    odd = next((name for name in names if any("\ud800" <= letter <= "\udfff" for letter in name)), None)
    if odd is not None:
        raise DataError(
            f"{folder}: a class's folder must have a name in UTF-8, {os.fsencode(odd)!r} is none", "rename it"
        )


def _without_images(folder: Path, images: Sequence[Path]) -> list[str]:
    """Return the folders of classes, or of splits, in which no image lies, by their paths from the folder."""
    used = {parent for path in images for parent in path.parents}
    outer = [path for path in folder.iterdir() if path.is_dir()]
    inner = [path for each in outer if each.name.lower() in WORDS for path in each.iterdir() if path.is_dir()]
    empty = [path for path in (*outer, *inner) if path not in used and not path.name.startswith(".")]
    return sorted(str(path.relative_to(folder)) for path in empty)


def _split_of(image: Path) -> Split | None:
    """Return the split of which the outermost folder of an image tells."""
    return WORDS.get(image.parts[0].lower()) if len(image.parts) > 1 else None


def _class_of(image: Path) -> str | None:
    """Return the outermost folder of an image, or of an image of a split; None where there is none."""
    parts = image.parts[1:] if _split_of(image) else image.parts
    return parts[0] if len(parts) > 1 else None
