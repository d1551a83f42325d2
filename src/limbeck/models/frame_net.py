"""Deep fully connected nets over spliced frames (Hinton et al. 2015, s. 4)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.models.dropout import Dropout
from limbeck.models.limits import check_weights
from limbeck.models.mlp import WIDEST


class FrameNet(nn.Module):
    """Layers of ReLU over a window of frames; each normalises its batch, so that eight of them train in a few passes.

    >>> net = FrameNet([26 * 40, 256, 256, 600])
    >>> sum(parameter.numel() for parameter in net.parameters())
    487000
    """

    def __init__(self, widths: Sequence[int], dropout: float = 0.0) -> None:
        """Make a net of `widths` units a layer: all numbers of a window, hidden layers, states.

        With a `dropout` above 0 so large a share (0..1) of the hidden units is dropped.

        Raises:
            ArgumentError: fewer than two numbers, or one outside 1..1,000,000; or dropout outside 0..1.
        """
        super().__init__()
        if len(widths) < 2 or min(widths) < 1 or max(widths) > WIDEST:
            raise ArgumentError(f"widths must be two or more numbers in 1..{WIDEST}, got {list(widths)}")
        check_weights(sum(inward * outward for inward, outward in pairwise(widths)))
        layers: list[nn.Module] = []
        for inward, outward in pairwise(widths[:-1]):
            linear = nn.Linear(inward, outward, bias=False)  # the normalisation has one
            nn.init.kaiming_normal_(linear.weight)
            layers += [linear, nn.BatchNorm1d(outward), nn.ReLU(), Dropout(dropout)]
        self.layers = nn.Sequential(nn.Flatten(), *layers, nn.Linear(widths[-2], widths[-1]))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits (batch, states) for windows (batch, frames, features)."""
        return self.layers(inputs)
