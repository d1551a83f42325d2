"""Convolutional nets in the plan of VGG with batch normalisation. Not in the paper."""

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.models.dropout import Dropout
from limbeck.models.limits import check_scale, check_weights
from limbeck.models.whitening import Whitening

WIDEST = 100_000


class VGG(nn.Module):
    """3x3 convolutions in blocks, each block at half the resolution of the last; it scales the pixels itself.

    >>> net = VGG(((32, 32), (64, 64), (128,), (128,), (128,)), 10)
    >>> sum(parameter.numel() for parameter in net.parameters())
    437034
    """

    def __init__(
        self,
        blocks: Sequence[Sequence[int]],
        classes: int,
        *,
        channels: int = 3,
        size: int = 32,
        scale: float = 255.0,
        dropout: float = 0.0,
        average: bool = False,
        whitening: Whitening | None = None,
    ) -> None:
        """Make a net for square images.

        Args:
            blocks: output channels of each convolution, block by block.
            classes: outputs.
            channels: of an image.
            size: height and width of an image; each block halves them, but for an averaged one.
            scale: largest input value; inputs are divided by it.
            dropout: probability of dropping an input of a convolution.
            average: whether the last block is averaged over the image, in the place of being halved.
            whitening: a fixed first convolution, of which the net takes a copy; the others then start from the
                identity, as far as they have a channel for each input.

        Raises:
            ArgumentError: numbers that make no net, or an image that can't be halved once a block.
        """
        super().__init__()
        halvings = 2 ** (len(blocks) - average)
        _check([list(block) for block in blocks], channels, classes)
        if size < 1 or size % halvings:
            raise ArgumentError(
                f"size must be a multiple of {halvings}, for {len(blocks) - average} blocks halve it, got {size}",
                "take fewer blocks, or pad the images",
            )
        widths = [channels, *(width for block in blocks for width in block)]
        inputs = widths[-1] * (1 if average else size // halvings) ** 2  # of the last layer
        check_weights(9 * sum(inward * outward for inward, outward in pairwise(widths)) + inputs * classes)
        self.register_buffer("scale", torch.tensor(check_scale(scale)))  # with the weights, so that it binds and ships
        self.scale: Tensor
        self.image_shape = (channels, size, size)
        layers: list[nn.Module] = []
        width = channels
        if whitening is not None:
            if whitening.weight.shape[1] != channels:
                taken = whitening.weight.shape[1]
                raise ArgumentError(f"whitening must take {channels} channels as the net does, it takes {taken}")
            layers.append(copy.deepcopy(whitening))
            width = whitening.channels
        for block in blocks:
            for outward in block:
                layers += _convolution(width, outward, dropout)
                width = outward
            layers.append(nn.MaxPool2d(2))
        if average:
            layers[-1] = nn.AdaptiveAvgPool2d(1)
        if whitening is not None:
            for convolution in (layer for layer in layers if isinstance(layer, nn.Conv2d)):
                nn.init.dirac_(convolution.weight.data[: convolution.in_channels])
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs, classes))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, classes) for images (batch, channels, size, size)."""
        if images.shape[1:] != self.image_shape:
            raise ArgumentError(
                f"images must have shape (batch, {', '.join(map(str, self.image_shape))}), got {tuple(images.shape)}"
            )
        return self.layers(images.float() / self.scale)


def _convolution(inward: int, outward: int, dropout: float) -> list[nn.Module]:
    """Return the modules of one convolution that keeps height and width."""
    dropped = [Dropout(dropout)] if dropout else []
    return [*dropped, nn.Conv2d(inward, outward, 3, padding=1), nn.BatchNorm2d(outward), nn.ReLU()]


def _check(blocks: list[list[int]], channels: int, classes: int) -> None:
    """Raise ArgumentError unless there are blocks of convolutions, and all widths can be."""
    widths = [channels, classes, *(width for block in blocks for width in block)]
    if not blocks or not all(blocks) or min(widths) < 1 or max(widths) > WIDEST:
        raise ArgumentError(
            f"blocks must be one or more, each of one or more widths, all widths, channels and classes in 1..{WIDEST}, "
            f"got {blocks}, {channels} and {classes}"
        )
