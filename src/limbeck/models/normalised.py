"""A net that wants normalised inputs, made one that takes raw ones."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.models.limits import check_scale


class Normalised(nn.Module):
    """A net behind its own preprocessing: it is asked (inputs / scale - mean) / std, of inputs of any number type.

    What is trained, judged and shipped then takes what a camera or a table gives; nobody normalises by hand.

    >>> net = Normalised(nn.Flatten(), 255, mean=[0.0, 0.5, 0.5], std=0.5)
    >>> net(torch.full((1, 3, 1, 1), 255, dtype=torch.uint8))
    tensor([[2., 1., 1.]])
    """

    def __init__(
        self,
        net: nn.Module,
        scale: float = 1.0,
        mean: float | Sequence[float] = 0.0,
        std: float | Sequence[float] = 1.0,
    ) -> None:
        """Put a net behind its preprocessing.

        Args:
            net: from normalised float32 inputs to logits.
            scale: largest input value; inputs are divided by it. 255 for pixels.
            mean: subtracted then; one number, or one a channel of images (batch, channels, ...), a column of tables.
            std: divided by then; as `mean`.

        Raises:
            ArgumentError: numbers that are not finite, a scale or std that is not > 0, or unequal numbers of channels.
        """
        super().__init__()
        means, stds = (torch.tensor(each, dtype=torch.float32).flatten() for each in (mean, std))
        if not (means.isfinite().all() and stds.isfinite().all() and (stds > 0).all() and len(means) and len(stds)):
            raise ArgumentError(f"mean must be finite and std > 0, got {mean} and {std}")
        self.channels = max(len(means), len(stds))
        if {len(means), len(stds)} - {1, self.channels}:
            raise ArgumentError(f"mean and std must be as many, or one for all, got {len(means)} and {len(stds)}")
        self.net = net
        self.register_buffer("scale", torch.tensor(check_scale(scale)))  # with the weights, so that they bind and ship
        self.register_buffer("mean", means)
        self.register_buffer("std", stds)
        self.scale: Tensor
        self.mean: Tensor
        self.std: Tensor

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the net's logits (batch, classes) for raw inputs (batch, channels, ...).

        Raises:
            ArgumentError: other channels than mean and std have.
        """
        if self.channels > 1 and (inputs.ndim < 2 or inputs.shape[1] != self.channels):
            raise ArgumentError(
                f"inputs must have the {self.channels} channels of mean and std, got shape {tuple(inputs.shape)}"
            )
        along = (-1, *(1 for _ in inputs.shape[2:]))
        return self.net((inputs.float() / self.scale - self.mean.view(along)) / self.std.view(along))
