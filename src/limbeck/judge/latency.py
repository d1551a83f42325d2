"""How long one example takes a model."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from limbeck.data.transfer_set import TransferSet
from limbeck.teachers import Teacher, judging

WARM_UP = 10  # calls that are not counted


@torch.inference_mode()
def latency_ms(models: Mapping[str, Teacher], test_set: TransferSet, calls: int = 50) -> dict[str, float]:
    """Return the median time of one example alone, in milliseconds, on one thread, the models asked in turn."""
    threads, times = torch.get_num_threads(), {name: [] for name in models}
    torch.set_num_threads(1)
    try:
        for call in range(calls + WARM_UP):
            one = test_set.at(test_set.ids[call % len(test_set)].unsqueeze(0))
            for name, model in models.items():
                with judging(model) as device:
                    inputs = one.to(device)
                    began = time.perf_counter()
                    model(inputs)
                    if inputs.is_cuda:
                        torch.cuda.synchronize()
                    times[name].append(1000 * (time.perf_counter() - began))
    finally:
        torch.set_num_threads(threads)
    return {name: float(np.median(own[WARM_UP:])) for name, own in times.items()}


def times_of(told: Any, names: Iterable[str]) -> dict[str, float]:
    """Return the times that JSON tells under some names.

    Raises:
        KeyError: one is missing.
        TypeError: one is no time, or `told` is of another form.
    """
    times = {name: told[name] for name in names}
    if not all(isinstance(time, float) for time in times.values()):
        raise TypeError(f"times must be numbers, got {times}")
    return times
