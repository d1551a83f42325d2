"""A step that is recorded once and replayed as a whole (a CUDA graph).

On a GPU a small net's step is a few hundred short kernels, and launching them one by one takes several times longer
than they do. A replay launches all of them at once. It does what was recorded and nothing else, so it is for nets that
do the same in every step: a choice made in Python, say by a random number, would be made once and for ever.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from limbeck.divergence import BatchTargets

WARM_UP = 3  # steps that are launched kernel by kernel first: what is made when it is first needed has to be there


@dataclass(frozen=True)
class Batch:
    """What one step learns from."""

    inputs: Tensor
    labels: Tensor | None
    targets: BatchTargets | None


Step = Callable[[Batch], Tensor]
"""Learns from a batch and returns its loss, a scalar."""


class Replayed:
    """A step on a GPU, replayed for batches of one size, launched kernel by kernel for others."""

    def __init__(self, step: Step, rows: int | None) -> None:
        """Take a step, and the size of the batches that are replayed: where None, the first one's."""
        self._step, self._rows, self._steps = step, rows, 0
        self._stream = torch.cuda.Stream()
        self._graph: torch.cuda.CUDAGraph | None = None
        self._batch: Batch
        """What the graph reads: each batch is copied here."""
        self._loss: Tensor

    def __call__(self, batch: Batch) -> Tensor:
        self._rows = self._rows or len(batch.inputs)
        if len(batch.inputs) != self._rows:
            return self._step(batch)
        if self._steps == 0:
            self._batch = copied(batch)
        self._steps += 1
        if self._steps <= WARM_UP:
            return self._warming_up(batch)
        copy_into(self._batch, batch)
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            # the thread that reads ahead may go on meanwhile
            with torch.cuda.graph(self._graph, stream=self._stream, capture_error_mode="thread_local"):
                self._loss = self._step(self._batch)
        self._graph.replay()
        return self._loss.clone()

    def _warming_up(self, batch: Batch) -> Tensor:
        """Run a step on the stream that will record."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            loss = self._step(batch)
        torch.cuda.current_stream().wait_stream(self._stream)
        return loss


def copied(value: Any) -> Any:
    """Return a batch, or a part of one, with tensors of its own.

    >>> copied(Batch(torch.ones(2), None, None)).inputs
    tensor([1., 1.])
    """
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, list | tuple):
        return type(value)(copied(each) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{each.name: copied(getattr(value, each.name)) for each in fields(value)})
    return value


def copy_into(own: Any, other: Any) -> None:
    """Copy the tensors of one batch into those of another of the same form.

    >>> own = Batch(torch.zeros(2), None, None)
    >>> copy_into(own, Batch(torch.ones(2), None, None))
    >>> own.inputs
    tensor([1., 1.])
    """
    for mine, new in zip(_tensors(own), _tensors(other), strict=True):
        mine.copy_(new)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from _tensors(getattr(value, each.name))
