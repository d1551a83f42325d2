"""What a specialist's answers are made ready by before they are combined: a temperature and a dustbin's bias.

The paper's correction is a bias that follows from the sampling alone (`dustbin_correction`). Fitted on held-out
examples, bias and temperature mend over-confidence too: members that are too sure make equation 5 a shouting match.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.judge.calibration import fit_temperature
from limbeck.objective import LOWEST_TEMPERATURE, check_labels

STEPS, TOLERANCE = 100, 1e-10
LARGEST_STEP = 2.0  # of Newton's, in either unknown
MOST_BIAS = 50.0  # where a dustbin is always right or never, no bias is best


@dataclass(frozen=True)
class Calibration:
    """How logits are changed: divided by a temperature, then a bias is added to the last, the dustbin's."""

    temperature: float = 1.0
    bias: float = 0.0

    def __call__(self, logits: Float[Tensor, "batch outcomes"]) -> Float[Tensor, "batch outcomes"]:
        """Return the logits changed so."""
        changed = logits / self.temperature
        if self.bias:
            changed = torch.cat([changed[:, :-1], changed[:, -1:] + self.bias], 1)
        return changed


AS_IT_IS = Calibration()


def fit_generalist(logits: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]) -> Calibration:
    """Return the temperature that makes held-out examples likeliest; as it is where there is none (all are right)."""
    return Calibration(fit_temperature(logits, labels) or 1.0)


def fit_specialist(logits: Float[Tensor, "examples outcomes"], labels: Int[Tensor, " examples"]) -> Calibration:
    """Return temperature and dustbin's bias that make held-out examples likeliest, labels folded as the specialist's.

    The examples are as the world has them, not half and half: so the bias holds the correction for oversampling too.
    The NLL is convex in (1/temperature, bias), and minimised by Newton's method with steps that are bounded and halved
    where it would rise.

    Raises:
        ArgumentError: not one label a row, or outside the outcomes.
    """
    check_labels(labels, logits)
    wide = logits.double()
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
    return Calibration(float(1 / found[0]), float(found[1]))


def _nll(
    features: Float[Tensor, "2 examples outcomes"], of_label: Float[Tensor, "2 examples"], at: np.ndarray
) -> tuple[float, Float[Tensor, "examples outcomes"]]:
    """Return the mean NLL, and the probabilities."""
    weights = torch.from_numpy(at)
    logits = torch.einsum("i,ino->no", weights, features)
    log_total = logits.logsumexp(1, keepdim=True)
    value = (log_total.squeeze(1) - weights @ of_label).mean().item()
    return value, (logits - log_total).exp()
