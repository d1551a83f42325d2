"""Nets whose start is a function of a seed."""

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from limbeck.errors import ArgumentError
from limbeck.teachers.fingerprints import teacher_fingerprint
from limbeck.teachers.judging import check_weights_are_there


def seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return a net whose start is a function of the seed; the caller's random numbers are left alone."""
    with generators_kept():
        seed_generators(seed)
        return make()


def check_maker(make: Callable[[], nn.Module], who: str) -> nn.Module:
    """Return a net of those that `make` makes.

    Raises:
        ArgumentError: they have no weights, or share them, so that one would be trained with another; or each starts
            otherwise, so that no training could be gone on with. `who` they are.
    """
    first, second = (seeded(make, 0) for _ in range(2))
    check_weights_are_there(first)
    if _trained_memory(first) & _trained_memory(second):
        raise ArgumentError(
            f"{who} must be a new net each time it is made, two that were made share their weights",
            "build the net inside the function that makes it; a net that is named itself is copied",
        )
    if teacher_fingerprint(first) != teacher_fingerprint(second):
        raise ArgumentError(
            f"{who} must start the same each time it is made from a seed, two that were made differ",
            "torch, numpy.random and random are seeded before it is made; draw from these, or from generators that "
            "are made anew with a seed of their own",
        )
    return first


def _trained_memory(net: nn.Module) -> set[int]:
    """Return where a net's parameters lie that are trained."""
    return {each.untyped_storage().data_ptr() for each in net.parameters() if each.requires_grad and each.numel()}


@contextlib.contextmanager
def generators_kept(devices: Sequence[int] = ()) -> Iterator[None]:
    """Let torch, on these CUDA devices too, numpy and Python go on afterwards as if nothing had been drawn."""
    before = generators()
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            set_generators(before)


def seed_generators(seed: int) -> None:
    """Let torch, numpy and Python draw from a seed from now on."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - nets draw from it
    random.seed(seed)


def generators() -> dict[str, Any]:
    """Return where numpy's and Python's random numbers are, as JSON holds it."""
    name, key, *rest = np.random.get_state()  # noqa: NPY002
    version, internal, gauss = random.getstate()
    return {"numpy": [name, np.asarray(key).tolist(), *rest], "python": [version, list(internal), gauss]}


def set_generators(told: Any) -> None:
    """Let numpy and Python go on where `generators` found them."""
    name, key, *rest = told["numpy"]
    np.random.set_state((name, np.array(key, np.uint32), *rest))  # noqa: NPY002
    version, internal, gauss = told["python"]
    random.setstate((version, tuple(internal), gauss))
