"""Views: augmentation that can be replayed.

View number v of example i is a pure function of (seed, i, v). A student therefore sees exactly the pixels its
teacher judged, in any order, in any batch, on any machine, and nobody stores them.
"""

from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import pad

from limbeck.data.philox import below, philox
from limbeck.errors import ArgumentError

STREAM = 1  # of philox, for views


@runtime_checkable
class View(Protocol):
    """What turns inputs into their augmented selves, and can be written down."""

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        """Return view `number` of each input; `ids` are the examples' numbers in their data set."""
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


@dataclass(frozen=True)
class Jitter:
    """Each image shifted by up to `pixels` in both directions; zeros come in at the edge (Hinton et al. 2015, s. 3)."""

    pixels: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.pixels < 0:
            raise ArgumentError(f"jitter must be >= 0 pixels, got {self.pixels}")

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        if inputs.ndim != 4:
            raise ArgumentError(
                f"jitter takes images (batch, channels, height, width), got shape {tuple(inputs.shape)}"
            )
        if self.pixels > max(inputs.shape[-2:]):
            size = tuple(inputs.shape[-2:])
            raise ArgumentError(f"jitter must not exceed the image, got {self.pixels} pixels for images of {size}")
        words = philox(self.seed, STREAM, ids.cpu().numpy(), number)
        shifts = torch.from_numpy(below(words[:2], 2 * self.pixels + 1)).to(inputs.device)
        return shifted(inputs, shifts[0], shifts[1], self.pixels)

    def spec(self) -> dict[str, Any]:
        return {"name": "jitter", **asdict(self)}


def shifted(images: Tensor, down: Tensor, right: Tensor, margin: int) -> Tensor:
    """Return each image cut from its zero-padded self at (down, right), both in 0..2·margin."""
    height, width = images.shape[-2:]
    padded = pad(images, (margin,) * 4)  # (batch, channels, height + 2·margin, width + 2·margin)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (batch, channels, down, right, height, width)
    return windows[torch.arange(len(images), device=images.device), :, down, right]
