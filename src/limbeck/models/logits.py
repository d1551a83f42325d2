"""A net whose output holds its logits beside other things, made one that gives these alone."""

from torch import Tensor, nn


class Logits(nn.Module):
    """The `.logits` of what a net returns, as nets of the library transformers return them.

    >>> import torch
    >>> from types import SimpleNamespace
    >>> class Net(nn.Linear):
    ...     def forward(self, rows):
    ...         return SimpleNamespace(logits=super().forward(rows))
    >>> Logits(Net(4, 2))(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.net(inputs).logits
