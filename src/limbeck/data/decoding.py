"""Encoded images, PNG and others, as pixels: all of one size and of one mode."""

import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.hub import EXTRA_HINT
from limbeck.errors import DataError

if TYPE_CHECKING:
    from PIL import ImageFile

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # of encoded images, as pillow calls them
ORIENTATION, UPRIGHT = 0x0112, 1  # EXIF's tag for how an image lies, and what it says of one that lies as it is
BITS, MOST_IN_8_BITS = 8, 255
DEEP = re.compile(r";16[BLN]")  # in pillow's names of modes, by the order of their bytes; BGR;16 has 16 bits a pixel
TIFF_DEPTHS = 258  # TIFF's tag for the bits of each channel
DAMAGED_HINT = "it may be cut off, or no image: write the file again, or take it out"
MODES = {1: "L", 3: "RGB"}  # of images, by their channels: grey and colour, 8 bits a channel


def stacked(
    files: Iterable[bytes | None],
    names: Sequence[str],
    shape: Sequence[int] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> UInt8[Tensor, "examples channels height width"]:
    """Return encoded images as one tensor: all of the first one's size and colours, or of those that are given.

    Args:
        files: encoded images.
        names: what each is called in a message.
        shape: (channels, height, width) that they must have.
        say: told of images that a camera wants turned.

    Raises:
        DataError: one is missing, damaged, no image, of another size or of other colours, or pillow is not installed.
    """
    pixels: NDArray[np.uint8] | None = None
    turned = []
    for place, (file, name) in enumerate(zip(files, names, strict=True)):
        if file is None:
            raise DataError(f"{name}: an image must be there, it is missing", "take out the row")
        try:
            image = decoded(file, None if shape is None else (shape[0], shape[1], shape[2]))
        except ValueError as error:
            told, hint = error.args
            raise DataError(f"{name}{told}", hint) from error
        turned += [name] if is_turned(file) else []
        if pixels is None:
            shape = (image.shape[2], image.shape[0], image.shape[1])
            pixels = np.empty((len(names), *image.shape), np.uint8)
        pixels[place] = image
    if turned:
        say(
            f"warning: {len(turned):,} of {len(names):,} images say in their EXIF data that they are to be turned, "
            f"{turned[0]} is the first: pixels are read as they lie, turn them before (PIL.ImageOps.exif_transpose)"
        )
    assert pixels is not None  # no table and no folder is empty
    return channels_first(pixels)


def channels_first(pixels: NDArray[np.uint8]) -> UInt8[Tensor, "examples channels height width"]:
    """Return images whose channels are last as a tensor of images whose channels are first."""
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())


def decoded(file: bytes, shape: tuple[int, int, int] | None) -> UInt8[np.ndarray, "height width channels"]:
    """Return an encoded image's pixels; it must have the shape (channels, height, width) where one is given.

    Raises:
        ValueError: it is damaged, no image, of another size, or of colours that are not grey or RGB in 8 bits; its
            arguments are what is wrong, and a hint.
        DataError: the library that decodes images is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError("reading images needs the package pillow", EXTRA_HINT) from error
    try:
        Image.open(io.BytesIO(file), formats=FORMATS).verify()  # checksums, which decoding leaves out
        image = Image.open(io.BytesIO(file), formats=FORMATS)
        several = getattr(image, "n_frames", 1) > 1
        deep = image.mode in MODES.values() and _is_deep(image)
        found = (f"{image.mode} in 16 bits" if deep else image.mode, image.height, image.width)
        wanted = found if shape is None else (MODES[shape[0]], *shape[1:])
        pixels = np.asarray(image) if found == wanted and found[0] in MODES.values() and not several else None
    except Exception as error:  # pillow raises errors of many kinds
        raise ValueError(f": {str(error).split(' <')[0]}", DAMAGED_HINT) from error
    if several:
        raise ValueError(": it holds several images", "keep one of them, as a file of its own")
    if pixels is None:
        told = f"{found[0]}, {found[1]} x {found[2]}"
        rule = " or ".join(MODES.values()) if shape is None else f"{wanted[0]}, {wanted[1]} x {wanted[2]}"
        hint = f"give all images one size and one mode, {' or '.join(MODES.values())}"
        raise ValueError(f" must be {rule}, it is {told}", hint)
    return pixels.reshape(*pixels.shape[:2], -1)


def _is_deep(image: "ImageFile.ImageFile") -> bool:
    """Return whether a file has more than 8 bits a channel, which pillow would read as the upper 8."""
    depths = getattr(image, "tag_v2", {}).get(TIFF_DEPTHS, ())
    for tile in image.tile:
        told = tile.args if isinstance(tile.args, tuple) else (tile.args,)  # (mode, largest value) of PPM
        largest = told[-1] if tile.codec_name.startswith("ppm") else 0
        if DEEP.search(str(told[0])) or (isinstance(largest, int) and largest > MOST_IN_8_BITS):
            return True
    return any(depth > BITS for depth in depths)


def is_turned(file: bytes) -> bool:
    """Return whether an encoded image's EXIF data say that it is to be shown turned or mirrored.

    Data that can't be read say nothing: the pixels are whole without them.
    """
    from PIL import Image

    image = Image.open(io.BytesIO(file), formats=FORMATS)
    try:
        return image.getexif().get(ORIENTATION, UPRIGHT) != UPRIGHT
    except Exception:  # noqa: BLE001 - pillow raises errors of many kinds
        return False
