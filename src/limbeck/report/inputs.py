"""A test example's input as the page shows it: a small picture, or its first values."""

import base64
import struct
import zlib

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from limbeck.data.transfer_set import TransferSet

LONGEST_SIDE = 64  # pixels of a picture; a larger image is averaged down
MOST_VALUES = 24  # of an input that is no image


def pictures_of(test_set: TransferSet, ids: Int[Tensor, " chosen"]) -> list[str | None]:
    """Return the examples as PNG data URIs, as the models saw them; None where they are no uint8 images.

    The source's largest value is white, for there are sets whose pixels end at 16.
    """
    images = test_set.at(ids)
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        return [None] * len(ids)
    white = max(1, int(test_set.inputs.max()))
    scaled = images.float().cpu() * (255 / white)
    shrink = max(images.shape[2:]) / LONGEST_SIDE
    if shrink > 1:
        size = tuple(max(1, round(side / shrink)) for side in images.shape[2:])
        scaled = torch.nn.functional.interpolate(scaled, size=size, mode="area")
    pixels = scaled.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    return ["data:image/png;base64," + base64.b64encode(png(image)).decode() for image in pixels]


def values_of(test_set: TransferSet, ids: Int[Tensor, " chosen"]) -> list[list[str]]:
    """Return each example's first MOST_VALUES values, four digits of each, as the models saw them.

    >>> values_of(TransferSet(torch.tensor([[1.0, 0.123456]])), torch.tensor([0]))
    [['1', '0.1235']]
    """
    first = test_set.at(ids).reshape(len(ids), -1)[:, :MOST_VALUES]
    return [[f"{value:.4g}" for value in row] for row in first.double().tolist()]


def png(pixels: UInt8[Tensor, "height width channels"]) -> bytes:
    """Return a PNG file of 8-bit pixels (ISO/IEC 15948): grey (1 channel), grey and opacity (2) or RGB (3)."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 2: 4, 3: 2}[channels], 0, 0, 0)
    body = min((zlib.compress(data, 9) for data in (_unfiltered(pixels), _differences(pixels))), key=len)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _unfiltered(pixels: UInt8[Tensor, "height width channels"]) -> bytes:
    """Return the rows as they are, each after its filter's number: the smaller file for drawings."""
    return torch.cat([pixels.new_zeros(len(pixels), 1), pixels.reshape(len(pixels), -1)], dim=1).numpy().tobytes()


def _differences(pixels: UInt8[Tensor, "height width channels"]) -> bytes:
    """Return each pixel less the one to its left, modulo 256 (filter 1): the smaller file for photographs."""
    differences = pixels.clone()
    differences[:, 1:] -= pixels[:, :-1]
    rows = differences.reshape(len(pixels), -1)
    return torch.cat([pixels.new_ones(len(pixels), 1), rows], dim=1).numpy().tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
