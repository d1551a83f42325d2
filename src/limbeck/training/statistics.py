"""Batch normalisation's statistics, measured anew for a net that has learned (Wu & Johnson 2021, arXiv 2105.07576)."""

import contextlib
from collections.abc import Iterator

from torch import nn


def batch_norms(net: nn.Module) -> "list[nn.modules.batchnorm._BatchNorm]":
    """Return a net's batch normalisations."""
    return [module for module in net.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]  # noqa: SLF001


@contextlib.contextmanager
def measuring(net: nn.Module) -> Iterator[None]:
    """Hold a net as it is when it is asked, but for its batch normalisations, which take down what comes by.

    Their running statistics are forgotten first, and then are plain means over all batches that the net sees.
    """
    norms = [norm for norm in batch_norms(net) if norm.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    net.eval()
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        net.eval()
