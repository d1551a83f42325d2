"""Views: augmentation that can be replayed.

View number v of example i is a pure function of (seed, i, v). A student therefore sees exactly the pixels its
teacher judged, in any order, in any batch, on any machine, and nobody stores them.
"""

import math
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float64, Int
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from limbeck.data.philox import below, philox
from limbeck.errors import ArgumentError

STREAM = 1  # of philox, for views
CONTROLS = 4  # control points of a B-spline, in each direction
PARTS_BITS, FINE_BITS = 12, 8
PARTS = 2**PARTS_BITS  # of a pixel or of one: the fixed point in which a map's sizes are told
FINE = 2**FINE_BITS  # of a pixel: the fixed point in which places are told, rounded down


@runtime_checkable
class View(Protocol):
    """What turns inputs into their augmented selves, and can be written down."""

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        """Return view `number` of each input; `ids` are the numbers of its rows in their source."""
        ...

    def spec(self) -> dict[str, Any]:
        """Return what binds a store to this view: its name and fields."""
        ...


@dataclass(frozen=True)
class Plain:
    """The inputs as they are, whatever the number."""

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        return inputs

    def spec(self) -> dict[str, Any]:
        return {"name": "plain"}


def _check_images(inputs: Tensor, pixels: float, view: str) -> None:
    if inputs.ndim != 4:
        raise ArgumentError(f"{view} takes images (batch, channels, height, width), got shape {tuple(inputs.shape)}")
    if pixels > max(inputs.shape[-2:]):
        size = tuple(inputs.shape[-2:])
        raise ArgumentError(f"{view} must not exceed the image, got {pixels:g} pixels for images of {size}")


def _check_pixels(view: str, pixels: int) -> None:
    """Raise ArgumentError unless a view's pixels are a whole number >= 0."""
    if not isinstance(pixels, int) or isinstance(pixels, bool):
        raise ArgumentError(f"{view} must be a whole number of pixels, got {pixels!r}")
    if pixels < 0:
        raise ArgumentError(f"{view} must be >= 0 pixels, got {pixels}")


def _moved(images: Tensor, words: NDArray[np.uint64], pixels: int) -> Tensor:
    """Return each image shifted by up to `pixels` in both directions, by the first two of its random words."""
    down, right = torch.from_numpy(below(words[:2], 2 * pixels + 1)).to(images.device)
    return shifted(images, down, right, pixels)


@dataclass(frozen=True)
class Jitter:
    """Each image shifted by up to `pixels` in both directions; zeros come in at the edge (Hinton et al. 2015, s. 3)."""

    pixels: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        _check_pixels("jitter", self.pixels)

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        _check_images(inputs, self.pixels, "jitter")
        return _moved(inputs, philox(self.seed, STREAM, ids.cpu().numpy(), number), self.pixels)

    def spec(self) -> dict[str, Any]:
        return {"name": "jitter", **asdict(self)}


@dataclass(frozen=True)
class CropFlip:
    """Colour images as the field augments them: zero-padded by `pixels`, cut back at random, half of them mirrored.

    Not in the paper. With `flip` False it is `Jitter`.
    """

    pixels: int = 4
    flip: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        _check_pixels("crop", self.pixels)
        if not isinstance(self.flip, bool):
            raise ArgumentError(f"flip must be True or False, got {self.flip}")

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        _check_images(inputs, self.pixels, "crop")
        words = philox(self.seed, STREAM, ids.cpu().numpy(), number)
        images = _moved(inputs, words, self.pixels)
        mirrored = torch.from_numpy(below(words[2:3], 2)[0].astype(bool) & self.flip).to(inputs.device)
        return torch.where(mirrored[:, None, None, None], images.flip(-1), images)

    def spec(self) -> dict[str, Any]:
        return {"name": "crop-flip", **asdict(self)}


@dataclass(frozen=True)
class Elastic:
    """Each image shifted, sheared, turned, scaled and bent a little (Simard et al. 2003, here with B-splines).

    Every pixel is read from where a smooth map leads, between its four neighbours, zeros beyond the edge. Not in the
    paper. The arithmetic up to a pixel's place is in whole numbers, so the place is the same on every machine.
    """

    pixels: float = 2.0
    """Shift in both directions, at most."""
    linear: float = 0.15
    """Each of the four entries of the linear map differs from the identity's by up to so much (0..1)."""
    bend: float = 1.0
    """Pixels by which each of 4 x 4 control points of a cubic B-spline is moved in both directions, at most."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.pixels < math.inf and 0 <= self.linear <= 1 and 0 <= self.bend < math.inf):
            raise ArgumentError(
                "elastic takes pixels and bend >= 0 and linear in 0..1, "
                f"got {self.pixels:g}, {self.bend:g} and {self.linear:g}"
            )

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        _check_images(inputs, max(self.pixels, self.bend), "elastic")
        basis = _spline_basis(*inputs.shape[-2:]).to(inputs.device)  # (terms, height · width)
        terms, numbers = len(basis), ids.cpu().numpy()
        drawn = [philox(self.seed, STREAM + (block << 8), numbers, number) for block in range(-(-2 * terms // 4))]
        unit = (np.concatenate(drawn)[: 2 * terms] >> np.uint64(15)).astype(np.float64) / 2**16 - 1  # -1..1
        sizes = np.array([self.pixels, self.linear, self.linear, *[self.bend] * CONTROLS**2])
        parts = np.rint(unit.reshape(2, terms, -1) * sizes[:, None] * PARTS).transpose(0, 2, 1)
        moved = torch.from_numpy(parts.copy()).to(inputs.device) @ basis  # whole numbers: exact in any order
        return _between(inputs, (moved.long() >> 2 * PARTS_BITS - FINE_BITS).int())

    def spec(self) -> dict[str, Any]:
        sizes = {"pixels": float(self.pixels), "linear": float(self.linear), "bend": float(self.bend)}
        return {"name": "elastic", **sizes, "seed": self.seed}


@cache
def _spline_basis(height: int, width: int) -> Float64[Tensor, "terms pixels"]:
    """Return what moves a pixel in one direction, in whole 1/PARTS: 1, its row, its column, 16 B-splines."""

    def splines(size: int) -> Tensor:
        away = torch.linspace(0, CONTROLS - 1, size, dtype=torch.float64)[:, None] - torch.arange(CONTROLS)
        away = away.abs()
        near, far = 2 / 3 - away**2 + away**3 / 2, (2 - away).clamp(min=0) ** 3 / 6
        return torch.where(away < 1, near, far)

    rows = torch.arange(height, dtype=torch.float64)[:, None].expand(height, width) - (height - 1) / 2
    columns = torch.arange(width, dtype=torch.float64).expand(height, width) - (width - 1) / 2
    both = torch.einsum("yi,xj->ijyx", splines(height), splines(width)).flatten(0, 1)
    return (torch.stack([torch.ones(height, width), rows, columns, *both]).flatten(1) * PARTS).round()


def _between(images: Tensor, moved: Int[Tensor, "2 batch pixels"]) -> Tensor:
    """Return each image with every pixel read 1/FINE times `moved` (down, right) beside it, bilinearly."""
    channels, height, width = images.shape[1:]
    down, right = moved
    row, column = (
        torch.arange(0, size * FINE, FINE, dtype=torch.int32, device=images.device) for size in (height, width)
    )
    down, right = down + row.repeat_interleave(width), right + column.repeat(height)
    down, right = down.clamp(-FINE, FINE * height), right.clamp(-FINE, FINE * width)
    exact = torch.int32 if images.dtype == torch.uint8 else torch.int64  # uint8 · FINE² fits into 32 bits
    whole = torch.float64 if images.is_floating_point() else exact
    padded = pad(images, (1, 2, 1, 2)).flatten(2).to(whole)  # every neighbour is inside
    corner = (((down >> FINE_BITS) + 1) * (width + 3) + (right >> FINE_BITS) + 1).long()
    corner = corner[:, None].expand(-1, channels, -1)
    below_share, right_share = ((part & (FINE - 1))[:, None].to(whole) for part in (down, right))
    above, beneath = (
        padded[..., step:].gather(2, corner) * (FINE - right_share)
        + padded[..., step + 1 :].gather(2, corner) * right_share
        for step in (0, width + 3)
    )
    seen = above * (FINE - below_share) + beneath * below_share
    seen = seen / FINE**2 if images.is_floating_point() else (seen + FINE**2 // 2) >> 2 * FINE_BITS
    return seen.to(images.dtype).reshape(images.shape)


def view_of(spec: dict[str, Any]) -> View:
    """Return the view that a spec tells of: the reverse of `spec()`.

    Raises:
        ArgumentError: it is none of this library's.
    """
    from limbeck.data.table_views import Noise, WordDropout

    views: dict[str, Any] = {
        "plain": Plain,
        "jitter": Jitter,
        "crop-flip": CropFlip,
        "elastic": Elastic,
        "noise": Noise,
        "word-dropout": WordDropout,
    }
    fields = {name: value for name, value in spec.items() if name != "name"}
    try:
        return views[spec["name"]](**fields)
    except (KeyError, TypeError) as error:
        raise ArgumentError(f"a view must be one of {', '.join(views)}, got {spec}") from error


def view_from(text: str) -> View:
    """Return the view that a command line names: its name and, after a colon, its size.

    Raises:
        ArgumentError: the name or the number is none.

    >>> view_from("jitter:2")
    Jitter(pixels=2, seed=0)
    """
    name, _, size = text.partition(":")
    fields: dict[str, Any] = {"name": name}
    if size:
        if not size.isascii() or not size.isdigit():
            raise ArgumentError(f"a view's size must be a whole number >= 0, got {size!r}")
        fields["size" if name == "noise" else "pixels"] = int(size)
    return view_of(fields)


def shifted(images: Tensor, down: Tensor, right: Tensor, margin: int) -> Tensor:
    """Return each image cut from its zero-padded self at (down, right), both in 0..2·margin."""
    height, width = images.shape[-2:]
    padded = pad(images, (margin,) * 4)  # (batch, channels, height + 2·margin, width + 2·margin)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (batch, channels, down, right, height, width)
    return windows[torch.arange(len(images), device=images.device), :, down, right]
