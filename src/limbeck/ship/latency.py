"""How long models take to answer: asked in turn, after a warm-up, on one thread where that is ours to say."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from limbeck.data.transfer_set import TransferSet
from limbeck.teachers import Teacher, judging
from limbeck.teachers.adapters import AdaptedTeacher
from limbeck.teachers.onnx_files import batch_for, open_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

WARM_UP = 10  # calls that are not counted
CALLS, FEWEST, SECONDS = 200, 20, 20.0  # calls of each that are; the fewest, where all take longer than that

Asker = Callable[[Tensor], Callable[[], object]]
"""From a batch, laid out before the clock starts, to the call that is timed."""


@dataclass(frozen=True)
class Latency:
    """How long one batch took, of so many timed."""

    p50_ms: float
    p99_ms: float
    calls: int


def latencies(
    askers: Mapping[str, Asker], test_set: TransferSet, batch_size: int = 1, *, calls: int = CALLS
) -> dict[str, Latency]:
    """Return how long a batch of the set's rows takes each model, on one thread, the models asked in turn.

    So all meet the same machine: what else it does at a moment slows none of them alone, nor do what one leaves in the
    caches and the place in the turn, for each batch begins with another model. Rows go round where there are fewer than
    a batch has.
    """
    names = list(askers)
    rows, times = test_set.rows_of(test_set.ids), {name: [] for name in askers}
    with _one_thread():
        ends = time.monotonic() + SECONDS
        for call in range(WARM_UP + calls):
            wanted = (call * batch_size + torch.arange(batch_size)) % len(rows)
            batch = test_set.rows_at(rows[wanted])
            first = call % max(1, len(names))
            for name in names[first:] + names[:first]:
                ask = askers[name](batch)
                began = time.perf_counter()
                ask()
                times[name].append(1000 * (time.perf_counter() - began))
            if call + 1 >= WARM_UP + FEWEST and time.monotonic() > ends:
                break
    return {name: _latency(own[WARM_UP:]) for name, own in times.items()}


def latency_ms(models: Mapping[str, Teacher], test_set: TransferSet, calls: int = 50) -> dict[str, float]:
    """Return the median time of one example alone, in milliseconds, in PyTorch or in what a teacher asks."""
    with called(models) as askers:
        return {name: each.p50_ms for name, each in latencies(askers, test_set, calls=calls).items()}


@contextlib.contextmanager
def called(models: Mapping[str, Teacher]) -> Iterator[dict[str, Asker]]:
    """Yield what asks nets, in evaluation mode, and other callables; on a GPU until it has the answer.

    A teacher that is an ONNX file is asked in ONNX Runtime on one thread, as `bound` does; one of any other kind takes
    the threads that it takes, a forest those of its n_jobs.
    """

    def asker(model: Teacher, device: torch.device | None) -> Asker:
        def lay(batch: Tensor) -> Callable[[], object]:
            inputs = batch.to(device)

            def ask() -> None:
                model(inputs)
                if inputs.is_cuda:
                    torch.cuda.synchronize()

            return ask

        return lay

    def asker_of(model: Teacher) -> Asker:
        if isinstance(model, AdaptedTeacher) and model.file is not None:
            return bound(open_session(model.file, threads=1), model.output)
        return asker(model, stack.enter_context(judging(model)))

    with contextlib.ExitStack() as stack, torch.inference_mode():
        yield {name: asker_of(model) for name, model in models.items()}


def bound(session: "InferenceSession", output: str | None = None) -> Asker:
    """Return what asks ONNX Runtime with input and output in place, as a server does: Python adds next to nothing.

    `output` is the one that is asked for; the first where None.
    """
    from onnxruntime import OrtValue

    def lay(batch: Tensor) -> Callable[[], object]:
        binding, entry = session.io_binding(), session.get_inputs()[0]
        binding.bind_ortvalue_input(entry.name, OrtValue.ortvalue_from_numpy(batch_for(entry, batch)))
        binding.bind_output(output or session.get_outputs()[0].name)
        return lambda: session.run_with_iobinding(binding)

    return lay


def from_python(session: "InferenceSession", output: str | None = None) -> Asker:
    """Return what asks ONNX Runtime as a Python program does, by `session.run` on an array; `output` as for `bound`."""
    entry, outputs = session.get_inputs()[0], [output or session.get_outputs()[0].name]

    def lay(batch: Tensor) -> Callable[[], object]:
        inputs = {entry.name: batch_for(entry, batch)}
        return lambda: session.run(outputs, inputs)

    return lay


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


def _latency(times: list[float]) -> Latency:
    p50, p99 = (float(each) for each in np.percentile(times, [50, 99]))
    return Latency(p50, p99, len(times))


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
