"""Fully connected ReLU nets (Hinton et al. 2015, s. 3)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.models.dropout import Dropout
from limbeck.models.limits import check_scale, check_weights

WIDEST = 1_000_000


class MLP(nn.Module):
    """A ReLU net over raw pixels: it scales them itself, so what is shipped takes what a camera gives.

    >>> net = MLP([784, 800, 800, 10], scale=255)
    >>> sum(parameter.numel() for parameter in net.parameters())
    1276810
    """

    def __init__(
        self, widths: Sequence[int], *, scale: float = 1.0, input_dropout: float = 0.0, dropout: float = 0.0
    ) -> None:
        """Make a net of `widths` units a layer: inputs, hidden layers, classes.

        Args:
            widths: units of each layer, the inputs' first, the classes' last.
            scale: largest input value; inputs are divided by it.
            input_dropout: probability of dropping an input.
            dropout: probability of dropping a hidden unit.
        """
        super().__init__()
        if len(widths) < 2 or min(widths) < 1 or max(widths) > WIDEST:
            raise ArgumentError(f"widths must be two or more numbers in 1..{WIDEST}, got {list(widths)}")
        check_weights(sum(inward * outward for inward, outward in pairwise(widths)))
        self.register_buffer("scale", torch.tensor(check_scale(scale)))  # with the weights, so that it binds and ships
        self.scale: Tensor
        layers: list[nn.Module] = []
        for depth, (inward, outward) in enumerate(pairwise(widths)):
            rate = dropout if depth else input_dropout
            layers += [Dropout(rate)] if rate else []
            layers += [nn.Linear(inward, outward), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits (batch, classes) for inputs (batch, ...)."""
        return self.layers(inputs.flatten(1).float() / self.scale)
