"""Residual nets for 32 x 32 images, as the field's tables take them. Not in the paper.

ResNet(20)         He et al. 2016, s. 4.2, with projections where the shape changes
ResNet(32, 4)      the same with stages four times as wide ("ResNet32x4")
WideResNet(40, 2)  Zagoruyko & Komodakis 2016 ("WRN-40-2"), normalised before each convolution
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from limbeck.errors import ArgumentError
from limbeck.models.limits import check_scale, check_weights

FIRST, STAGES = 16, (16, 32, 64)  # widths of the first convolution and of the stages, each at half the resolution


class _Residual(nn.Module):
    """What both kinds share: blocks between a first part and a head on the means over each map."""

    def __init__(self, first: nn.Module, blocks: list[nn.Module], width: int, classes: int, scale: float) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(check_scale(scale)))  # with the weights, so that it binds and ships
        self.scale: Tensor
        self.first, self.blocks = first, nn.Sequential(*blocks)
        self.head = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, classes) for images (batch, channels, height, width)."""
        return self.head(self.blocks(self.first(images.float() / self.scale)).mean((2, 3)))


class ResNet(_Residual):
    """6n + 2 layers in three stages of n blocks of two convolutions; it scales the pixels itself.

    >>> sum(parameter.numel() for parameter in ResNet(20, classes=100).parameters())
    278324
    """

    def __init__(
        self, depth: int, width: int = 1, *, classes: int = 10, channels: int = 3, scale: float = 255.0
    ) -> None:
        """Make a net for images (batch, channels, height, width).

        Args:
            depth: layers, 6n + 2.
            width: how many times as wide the stages are; the first convolution is half as many times as wide.
            classes: outputs.
            channels: of an image.
            scale: largest input value; inputs are divided by it.

        Raises:
            ArgumentError: a depth that is none of these, or numbers below 1.
        """
        count = _blocks_in_stage(depth, 2, (width, classes, channels))
        widths = [FIRST * max(1, width // 2), *(stage * width for stage in STAGES)]
        check_weights(18 * count * sum(outward**2 for outward in widths[1:]))
        first = nn.Sequential(_convolution(channels, widths[0]), nn.BatchNorm2d(widths[0]), nn.ReLU())
        super().__init__(first, _stages(Block, widths, count), widths[-1], classes, scale)


class WideResNet(_Residual):
    """6n + 4 layers in three stages of n blocks that normalise before each convolution; it scales the pixels itself.

    >>> sum(parameter.numel() for parameter in WideResNet(16, 2, classes=100).parameters())
    703284
    """

    def __init__(
        self, depth: int, width: int = 1, *, classes: int = 10, channels: int = 3, scale: float = 255.0
    ) -> None:
        """Make a net for images (batch, channels, height, width); arguments as those of `ResNet`, depth 6n + 4."""
        count = _blocks_in_stage(depth, 4, (width, classes, channels))
        widths = [FIRST, *(stage * width for stage in STAGES)]
        check_weights(18 * count * sum(outward**2 for outward in widths[1:]))
        first, last = _convolution(channels, FIRST), [nn.BatchNorm2d(widths[-1]), nn.ReLU()]
        super().__init__(first, [*_stages(PreBlock, widths, count), *last], widths[-1], classes, scale)


class Block(nn.Module):
    """Two convolutions beside a shortcut, which is a projection where the shape changes."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            _convolution(inward, outward, stride),
            nn.BatchNorm2d(outward),
            nn.ReLU(),
            _convolution(outward, outward),
            nn.BatchNorm2d(outward),
        )
        changes = stride > 1 or inward != outward
        projection = [nn.Conv2d(inward, outward, 1, stride, bias=False), nn.BatchNorm2d(outward)]
        self.shortcut = nn.Sequential(*(projection if changes else []))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the block's outputs (batch, outward, height / stride, width / stride)."""
        return relu(self.path(inputs) + self.shortcut(inputs))


class PreBlock(nn.Module):
    """Two convolutions, each after its normalisation, beside a shortcut; a projection takes normalised inputs."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.BatchNorm2d(inward), nn.ReLU())
        self.path = nn.Sequential(
            _convolution(inward, outward, stride), nn.BatchNorm2d(outward), nn.ReLU(), _convolution(outward, outward)
        )
        changes = stride > 1 or inward != outward
        self.projection = nn.Conv2d(inward, outward, 1, stride, bias=False) if changes else None

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the block's outputs (batch, outward, height / stride, width / stride)."""
        normalised = self.before(inputs)
        return self.path(normalised) + (inputs if self.projection is None else self.projection(normalised))


def _stages(kind: type[Block] | type[PreBlock], widths: list[int], count: int) -> list[nn.Module]:
    """Return the blocks of all stages; each stage after the first halves height and width."""
    return [
        kind(outward if place else inward, outward, 2 if stage and not place else 1)
        for stage, (inward, outward) in enumerate(pairwise(widths))
        for place in range(count)
    ]


def _blocks_in_stage(depth: int, beside: int, numbers: tuple[int, ...]) -> int:
    if depth < 6 + beside or (depth - beside) % 6 or min(numbers) < 1:
        raise ArgumentError(
            f"depth must be 6n + {beside}, and width, classes and channels >= 1, "
            f"got {depth} and {', '.join(map(str, numbers))}"
        )
    return (depth - beside) // 6


def _convolution(inward: int, outward: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inward, outward, 3, stride, padding=1, bias=False)
