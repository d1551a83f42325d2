"""Encoded images, PNG and others, as pixels: all of one size and of one mode."""

import io
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.hub import EXTRA_HINT
from limbeck.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")  # of encoded images, as pillow calls them
MODES = {1: "L", 3: "RGB"}  # of images, by their channels: grey and colour, 8 bits a channel


def stacked(
    files: Iterable[bytes | None], names: Sequence[str], shape: Sequence[int] | None = None
) -> UInt8[Tensor, "examples channels height width"]:
    """Return encoded images as one tensor: all of the first one's size and colours, or of those that are given.

    Args:
        files: encoded images.
        names: what each is called in a message.
        shape: (channels, height, width) that they must have.

    Raises:
        DataError: one is missing, damaged, no image, of another size or of other colours, or pillow is not installed.
    """
    pixels: NDArray[np.uint8] | None = None
    hint = f"give all images one size and one mode, {' or '.join(MODES.values())}"
    for place, (file, name) in enumerate(zip(files, names, strict=True)):
        if file is None:
            raise DataError(f"{name}: an image must be there, it is missing", "take out the row")
        try:
            image = decoded(file, None if shape is None else (shape[0], shape[1], shape[2]))
        except ValueError as error:
            raise DataError(f"{name}{error}", hint) from error
        if pixels is None:
            shape = (image.shape[2], image.shape[0], image.shape[1])
            pixels = np.empty((len(names), *image.shape), np.uint8)
        pixels[place] = image
    assert pixels is not None  # no table and no folder is empty
    return channels_first(pixels)


def channels_first(pixels: NDArray[np.uint8]) -> UInt8[Tensor, "examples channels height width"]:
    """Return images whose channels are last as a tensor of images whose channels are first."""
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())


def decoded(file: bytes, shape: tuple[int, int, int] | None) -> UInt8[np.ndarray, "height width channels"]:
    """Return an encoded image's pixels; it must have the shape (channels, height, width) where one is given.

    Raises:
        ValueError: it is damaged, no image, of another size, or of colours that are not grey or RGB in 8 bits.
        DataError: the library that decodes images is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError("reading images needs the package pillow", EXTRA_HINT) from error
    try:
        Image.open(io.BytesIO(file), formats=FORMATS).verify()  # checksums, which decoding leaves out
        image = Image.open(io.BytesIO(file), formats=FORMATS)
        if getattr(image, "n_frames", 1) > 1:
            raise ValueError("it holds several images")  # noqa: TRY301 - told as the others are
        found = (image.mode, image.height, image.width)
        wanted = found if shape is None else (MODES[shape[0]], *shape[1:])
        pixels = np.asarray(image) if found == wanted and image.mode in MODES.values() else None
    except Exception as error:  # pillow raises errors of many kinds
        raise ValueError(f": {str(error).split(' <')[0]}") from error
    if pixels is None:
        told = f"{found[0]}, {found[1]} x {found[2]}"
        rule = " or ".join(MODES.values()) if shape is None else f"{wanted[0]}, {wanted[1]} x {wanted[2]}"
        raise ValueError(f" must be {rule}, it is {told}")
    return pixels.reshape(*pixels.shape[:2], -1)
