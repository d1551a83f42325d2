"""Views: augmentation that can be replayed.

View number v of example i is a pure function of (seed, i, v). A student therefore sees exactly the pixels its
teacher judged, in any order, in any batch, on any machine, and nobody stores them.
"""

from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from limbeck.data.philox import below, philox
from limbeck.errors import ArgumentError

STREAM = 1  # of philox, for views


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


def _check_images(inputs: Tensor, pixels: int, view: str) -> None:
    if inputs.ndim != 4:
        raise ArgumentError(f"{view} takes images (batch, channels, height, width), got shape {tuple(inputs.shape)}")
    if pixels > max(inputs.shape[-2:]):
        size = tuple(inputs.shape[-2:])
        raise ArgumentError(f"{view} must not exceed the image, got {pixels} pixels for images of {size}")


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
        if self.pixels < 0:
            raise ArgumentError(f"jitter must be >= 0 pixels, got {self.pixels}")

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
        if self.pixels < 0:
            raise ArgumentError(f"crop must be >= 0 pixels, got {self.pixels}")

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        _check_images(inputs, self.pixels, "crop")
        words = philox(self.seed, STREAM, ids.cpu().numpy(), number)
        images = _moved(inputs, words, self.pixels)
        mirrored = torch.from_numpy(below(words[2:3], 2)[0].astype(bool) & self.flip).to(inputs.device)
        images[mirrored] = images[mirrored].flip(-1)
        return images

    def spec(self) -> dict[str, Any]:
        return {"name": "crop-flip", **asdict(self)}


def view_of(spec: dict[str, Any]) -> View:
    """Return the view that a spec tells of: the reverse of `spec()`.

    Raises:
        ArgumentError: it is none of this library's.
    """
    from limbeck.data.tables import Noise

    views: dict[str, Any] = {"plain": Plain, "jitter": Jitter, "crop-flip": CropFlip, "noise": Noise}
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
