"""Which steps are replayed: those of whole batches, wherever a training begins. The device is made up."""

import contextlib
from types import SimpleNamespace

import pytest
import torch

from limbeck.training.replay import WARM_UP, Batch, Replayed


class Graph:
    """Counts its replays."""

    replays = 0

    def replay(self):
        Graph.replays += 1


@pytest.fixture(autouse=True)
def made_up_device(monkeypatch):
    """Streams and graphs that do nothing."""
    stream = SimpleNamespace(wait_stream=lambda _: None)
    monkeypatch.setattr(Graph, "replays", 0)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda *_, **__: contextlib.nullcontext())


def replays(sizes, rows):
    step = Replayed(lambda batch: batch.inputs.sum(), rows)
    for size in sizes:
        step(Batch(torch.ones(size), None, None))
    return Graph.replays


@pytest.mark.parametrize("rows", [32, None])
def test_whole_batches_are_replayed_after_a_few(rows):
    assert replays([32, 32, 32, 32, 22] * 5, rows) == 20 - WARM_UP


def test_a_training_that_goes_on_at_a_smaller_last_batch_replays_the_whole_ones():
    assert replays([22, *[32, 32, 32, 32, 22] * 5], 32) == 20 - WARM_UP


def test_runs_are_replayed_at_the_size_of_the_first_batch():
    assert replays([30, 31, 30, 30, 30, 30, 29], None) == 5 - WARM_UP
