"""What a specialist's answers are made ready by before they are combined: a temperature and a dustbin's bias.

The paper's correction is a bias that follows from the sampling alone (`dustbin_correction`). Fitted on held-out
examples, bias and temperature mend over-confidence too: members that are too sure make equation 5 a shouting match.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.judge.calibration import fit_temperature
from limbeck.objective import LOWEST_TEMPERATURE, check_labels, check_temperature

STEPS, TOLERANCE = 100, 1e-10
LARGEST_STEP = 2.0  # of Newton's, in either unknown
MOST_BIAS = 50.0  # where a dustbin is always right or never, no bias is best


@dataclass(frozen=True)
class Calibration:
    """How logits are changed: divided by a temperature, then a bias is added to the last, the dustbin's."""

    temperature: float = 1.0
    bias: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what makes no probabilities.

        Raises:
            ArgumentError: a temperature that is not > 0, or a bias that is no finite number.
        """
        check_temperature(self.temperature)
        if not math.isfinite(self.bias):
            raise ArgumentError(f"a dustbin's bias must be a finite number, got {self.bias}")

    def __call__(self, logits: Float[Tensor, "batch outcomes"]) -> Float[Tensor, "batch outcomes"]:
        """Return the logits changed so."""
        changed = logits / self.temperature
        if self.bias:
            changed = torch.cat([changed[:, :-1], changed[:, -1:] + self.bias], 1)
        return changed


AS_IT_IS = Calibration()


def fit_generalist(logits: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]) -> Calibration:
    """Return the temperature that makes held-out examples likeliest; as it is where there is none.

    There is none where all are right, and where the logits tell less than nothing.

    Raises:
        ArgumentError: no examples, not one label a row, or outside the classes.
    """
    _check_told(logits)
    return Calibration(fit_temperature(logits, labels) or 1.0)


def fit_specialist(logits: Float[Tensor, "examples outcomes"], labels: Int[Tensor, " examples"]) -> Calibration:
    """Return temperature and dustbin's bias that make held-out examples likeliest, labels folded as the specialist's.

    The examples are as the world has them, not half and half: so the bias holds the correction for oversampling too.
    The NLL is convex in (1/temperature, bias), and minimised by Newton's method with steps that are bounded and halved
    where it would rise. Where the fit has all right there is no likeliest temperature, and it stays as it is.

    Raises:
        ArgumentError: no examples, logits that are no finite numbers, not one label a row, or outside the outcomes.
    """
    check_labels(labels, logits)
    _check_told(logits)
    wide = logits.detach().double()
    wide = wide - wide.logsumexp(1, keepdim=True)
    features = torch.stack([wide, torch.zeros_like(wide)])  # of (1/temperature, bias)
    features[1, :, -1] = 1
    of_label = features.gather(2, labels.long().expand(2, -1).unsqueeze(2)).squeeze(2)
    found, value, probs = np.array([1.0, 0.0]), *_nll(features, of_label, np.array([1.0, 0.0]))
    for _ in range(STEPS):
        means = (features * probs).sum(2)
        slope = (means - of_label).mean(1)
        curvature = torch.einsum("ino,jno,no->ij", features, features, probs) - means @ means.T
        curvature = curvature / len(labels) + 1e-12 * torch.eye(2, dtype=torch.float64)
        step = -torch.linalg.solve(curvature, slope).numpy()
        step *= min(1.0, LARGEST_STEP / max(abs(step).max(), 1e-300))
        if abs(step).max() < TOLERANCE:
            break
        while True:
            there = found + step
            there = np.array([max(there[0], LOWEST_TEMPERATURE), np.clip(there[1], -MOST_BIAS, MOST_BIAS)])
            then, probs_then = _nll(features, of_label, there)
            if then <= value or abs(step).max() < TOLERANCE:
                break
            step /= 2
        if then > value:
            break
        found, value, probs = there, then, probs_then
    if torch.equal(probs.argmax(1), labels.long()):
        return Calibration(bias=float(np.clip(found[1] / found[0], -MOST_BIAS, MOST_BIAS)))
    return Calibration(float(1 / found[0]), float(found[1]))


def _check_told(logits: Float[Tensor, "examples outcomes"]) -> None:
    """Raise ArgumentError where there is nothing to fit by, or what Newton's steps would never end with."""
    if not len(logits):
        raise ArgumentError("a calibration must be fitted on one or more held-out examples, got none")
    if not logits.isfinite().all():
        raise ArgumentError("logits to be calibrated must be finite numbers, got some that are not")


def _nll(
    features: Float[Tensor, "2 examples outcomes"], of_label: Float[Tensor, "2 examples"], at: np.ndarray
) -> tuple[float, Float[Tensor, "examples outcomes"]]:
    """Return the mean NLL, and the probabilities."""
    weights = torch.from_numpy(at)
    logits = torch.einsum("i,ino->no", weights, features)
    log_total = logits.logsumexp(1, keepdim=True)
    value = (log_total.squeeze(1) - weights @ of_label).mean().item()
    return value, (logits - log_total).exp()
