"""How far a model's confidence can be trusted: what it misses by, and the one temperature that mends it.

A model is calibrated where of the examples it is 80% sure of it gets 80% right. Errors say nothing of that; NLL and the
Brier score say it together with the errors, the calibration error says it alone.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.judge.significance import proportion_interval
from limbeck.objective import LOWEST_TEMPERATURE, check_labels

BINS = 15  # of the expected calibration error (Guo et al. 2017)
LOWEST_LOGIT = -1e300  # in the place of -inf, of which 0 · -inf would make NaN


@dataclass(frozen=True)
class Bin:
    """The examples on which a model's confidence, the probability of its choice, lies in (low, high]."""

    low: float
    high: float
    examples: int
    confidence: float | None
    """Their mean; None where there are none."""
    accuracy: float | None
    """Share (0..1) of them that is right."""
    interval: tuple[float, float] | None
    """95% interval of that share."""


def brier_score(probs: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]) -> float:
    """Return the mean of Σ_classes (probability - onehot label)², 0..2 (Brier 1950).

    >>> brier_score(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), torch.tensor([0, 1]))
    0.25
    """
    check_labels(labels, probs)
    probs = probs.double()  # half precision holds no sum of many examples
    of_label = probs.gather(1, labels.long().unsqueeze(1)).squeeze(1)
    return (probs.square().sum(1) - 2 * of_label + 1).mean().item()


def expected_calibration_error(probs: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]) -> float:
    """Return Σ_bins (share of examples in the bin) · |accuracy - mean confidence| (Guo et al. 2017, eq. 3).

    >>> expected_calibration_error(torch.tensor([[0.8, 0.2], [0.8, 0.2]]), torch.tensor([0, 1]))  # doctest: +ELLIPSIS
    0.30...
    """
    _, confidence, right = _binned(probs, labels)
    return ((right - confidence).abs().sum() / len(labels)).item()


def reliability(probs: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]) -> list[Bin]:
    """Return the bins of a reliability diagram, all 15 from the least confidence upwards (Guo et al. 2017, s. 2).

    >>> reliability(torch.tensor([[0.8, 0.2], [0.8, 0.2]]), torch.tensor([0, 1]))[11].accuracy
    0.5
    """
    columns = (column.tolist() for column in _binned(probs, labels))
    return [_bin(number, *told) for number, told in enumerate(zip(*columns, strict=True))]


def _binned(
    probs: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]
) -> tuple[Int[Tensor, " bins"], Float[Tensor, " bins"], Float[Tensor, " bins"]]:
    """Return of each bin how many examples it has, the sum of their confidences, and how many of them are right."""
    check_labels(labels, probs)
    confidence, chosen = probs.max(-1)
    own = (confidence * BINS).ceil().nan_to_num().long().clamp(1, BINS) - 1  # bin b holds (b/15, (b + 1)/15]
    none = torch.zeros(BINS, dtype=torch.float64)  # half precision counts to 256, or to 2048
    sure, right = (none.index_add(0, own, each.double()) for each in (confidence, chosen == labels))
    return own.bincount(minlength=BINS), sure, right


def _bin(number: int, examples: int, confidence: float, right: float) -> Bin:
    low, high = number / BINS, (number + 1) / BINS
    if not examples:
        return Bin(low, high, 0, None, None, None)
    interval = proportion_interval(int(right), examples)
    return Bin(low, high, examples, confidence / examples, right / examples, interval)


def fit_temperature(logits: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]) -> float | None:
    """Return the T for which softmax(logits / T) has the lowest NLL on held-out examples (Guo et al. 2017, s. 4.2).

    Exact: the NLL is convex in 1/T, and its slope, the mean over the examples of (the mean logit under the softened
    distribution - the label's logit), has one zero. None where there is none: all labels have the highest logit, and
    lower temperatures are better without end; or the logits tell less than nothing, and so are higher ones.

    Raises:
        ArgumentError: not one label a row, or outside the classes.

    >>> fit_temperature(torch.tensor([[2.0, 0.0]] * 4), torch.tensor([0, 0, 0, 1]))  # 2 / log 3; doctest: +ELLIPSIS
    1.820...
    """
    from scipy.optimize import root_scalar

    check_labels(labels, logits)
    wide = (logits.double() - logits.double().amax(1, keepdim=True)).clamp_min(LOWEST_LOGIT)
    of_label = wide.gather(1, labels.long().unsqueeze(1)).squeeze(1)

    def slope(inverse: float) -> float:
        return ((inverse * wide).softmax(1).mul_(wide).sum(1) - of_label).mean().item()

    scale = wide.masked_fill(wide == LOWEST_LOGIT, 0).abs().max().item()
    if not slope(0.0) < 0 < scale:
        return None
    lowest, highest = 0.0, 1 / scale  # logits of any size are searched in steps of their own
    while slope(highest) < 0 and highest < 1 / LOWEST_TEMPERATURE:
        lowest, highest = highest, 2 * highest
    if not slope(highest) > 0:
        return None
    return 1 / float(root_scalar(slope, bracket=(lowest, highest), xtol=1e-15 * highest).root)
