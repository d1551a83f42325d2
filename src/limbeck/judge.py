"""What a model is worth: its figures on held-out examples, and whether a difference is one."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError
from limbeck.objective import label_loss
from limbeck.teachers import Teacher, judging, predict

WARM_UP = 10  # calls that are not counted
BINS = 15  # of the expected calibration error (Guo et al. 2017)


@dataclass(frozen=True)
class Measures:
    """One model's figures on one labelled set."""

    examples: int
    errors: int
    """Examples whose most probable class is not their label."""
    nll: float
    """Mean negative log-likelihood, in nats."""
    ece: float
    """Expected calibration error, 0..1, 15 bins of equal width."""
    agreement: float | None
    """Share (0..1) of the examples on which it chooses the teacher's class; None where no teacher is given."""
    parameters: int | None
    """None where only its logits are known."""

    @property
    def accuracy(self) -> float:
        """Share (0..1) of the examples it gets right."""
        return 1 - self.errors / self.examples


def evaluate(
    model: Teacher, test_set: TransferSet, *, teacher_logits: Float[Tensor, "examples classes"] | None = None
) -> Measures:
    """Return a model's figures on a labelled set; with the teacher's logits on it, their agreement too.

    Raises:
        ArgumentError: the set has no labels, or shapes differ.
    """
    labels = test_set.labels_to_judge()
    return measure(predict(model, test_set), labels, teacher_logits, count_parameters(model))


def measure(
    logits: Float[Tensor, "examples classes"],
    labels: Int[Tensor, " examples"],
    teacher_logits: Float[Tensor, "examples classes"] | None = None,
    parameters: int | None = None,
) -> Measures:
    """Return the figures of logits already computed."""
    if teacher_logits is not None and teacher_logits.shape != logits.shape:
        raise ArgumentError(
            f"the teacher's logits must have the shape {tuple(logits.shape)}, got {tuple(teacher_logits.shape)}"
        )
    chosen = logits.argmax(-1)
    agreement = None if teacher_logits is None else (chosen == teacher_logits.argmax(-1)).double().mean().item()
    return Measures(
        examples=len(labels),
        errors=count_errors(logits, labels),
        nll=label_loss(logits.double(), labels).mean().item(),
        ece=expected_calibration_error(logits.double().softmax(-1), labels),
        agreement=agreement,
        parameters=parameters,
    )


def count_errors(logits: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]) -> int:
    """Return how many examples' most probable class is not their label."""
    return int((logits.argmax(-1) != labels).sum())


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


def expected_calibration_error(probs: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]) -> float:
    """Return Σ_bins (share of examples in the bin) · |accuracy - mean confidence| (Guo et al. 2017, eq. 3).

    >>> expected_calibration_error(torch.tensor([[0.8, 0.2], [0.8, 0.2]]), torch.tensor([0, 1]))  # doctest: +ELLIPSIS
    0.30...
    """
    confidence, chosen = probs.max(-1)
    right = (chosen == labels).to(probs.dtype)
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1  # bin b holds (b/15, (b + 1)/15]
    gap = torch.zeros(BINS, dtype=probs.dtype).index_add_(0, bins, right - confidence)
    return (gap.abs().sum() / len(labels)).item()


def count_parameters(model: Teacher) -> int | None:
    """Return a net's number of parameters, None for what is no net."""
    return sum(parameter.numel() for parameter in model.parameters()) if isinstance(model, nn.Module) else None


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


def sign_flip_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p of a paired difference: over all flips of the pairs' signs, exact up to 13 pairs.

    Below 6 pairs it can't fall under .05. For one pair, or none that differ, it is 1.
    """
    from scipy.stats import permutation_test

    _check_pairs(first, second)
    a, b = np.asarray(first, float), np.asarray(second, float)
    if len(a) < 2 or not (a != b).any():
        return 1.0
    test = permutation_test(
        (a, b),
        lambda x, y, axis: (x - y).mean(axis=axis),
        permutation_type="samples",
        n_resamples=9999,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def paired_interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float, float] | None:
    """Return the mean of first - second and its 95% interval (Student's t), None for fewer than two pairs."""
    from scipy.stats import ttest_rel

    _check_pairs(first, second)
    if len(first) < 2:
        return None
    mean = float(np.mean(first) - np.mean(second))
    if np.ptp(np.subtract(first, second)) == 0:
        return mean, mean, mean
    low, high = ttest_rel(first, second).confidence_interval()
    return mean, float(low), float(high)


def _check_pairs(first: Sequence[float], second: Sequence[float]) -> None:
    if len(first) != len(second):
        raise ArgumentError(f"paired values must be as many on both sides, got {len(first)} and {len(second)}")


def class_bias(
    logits: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"], classes: Sequence[int]
) -> float:
    """Return what to add to the logits of some classes to make the fewest errors (Hinton et al. 2015, s. 3).

    Exact: as the bias rises, an example goes over to these classes where it passes the margin by which they lie behind,
    so errors change at the margins alone. Of the biases with the fewest errors it is the middle of the widest range.
    """
    if not all(0 <= each < logits.shape[1] for each in classes):
        raise ArgumentError(f"classes with a bias must lie in 0..{logits.shape[1] - 1}, got {list(classes)}")
    ours = torch.zeros(logits.shape[1], dtype=torch.bool)
    ours[list(classes)] = True
    if ours.all() or not ours.any():
        raise ArgumentError(f"a bias must be for some classes and not for all, got {list(classes)}")
    wide = logits.double()
    inside, its_inside = wide.masked_fill(~ours, -torch.inf).max(1)
    outside, its_outside = wide.masked_fill(ours, -torch.inf).max(1)
    gained = (its_inside == labels).long() - (its_outside == labels).long()  # right answers more, once it is over
    changes = gained != 0  # one that is wrong on both sides ends no range
    if not changes.any():
        return 0.0
    margins, order = (outside - inside)[changes].sort()
    right = torch.cat([torch.zeros(1, dtype=torch.long), gained[changes][order].cumsum(0)])  # the first n are over
    edges = torch.cat([margins[:1] - 1, margins, margins[-1:] + 1])
    widths = edges.diff()
    widths[right < right[widths > 0].max()] = -1
    best = int(widths.argmax())
    return float((edges[best] + edges[best + 1]) / 2)


def mcnemar_p(
    first: Float[Tensor, "examples classes"],
    second: Float[Tensor, "examples classes"],
    labels: Int[Tensor, " examples"],
) -> float:
    """Return the exact two-sided McNemar p of two fixed models' logits: do their errors differ on these examples?"""
    from scipy.stats import binomtest

    right = [logits.argmax(-1) == labels for logits in (first, second)]
    only_first, only_second = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return float(binomtest(only_first, only_first + only_second).pvalue) if only_first + only_second else 1.0


def share_recovered(twin: Sequence[float], teacher: Sequence[float], student: Sequence[float]) -> float | None:
    """Return (twin - student) / (twin - teacher) of the mean errors: 1 where the student equals its teacher.

    None where the twin is no worse than the teacher: there is no gap to recover.
    """
    gap = float(np.mean(twin) - np.mean(teacher))
    return float(np.mean(twin) - np.mean(student)) / gap if gap > 0 else None
