"""Several teachers as one, by the mean of what they say.

The soft target at temperature T is the arithmetic or the geometric mean of the members' softened distributions
(Hinton et al. 2015, s. 2). Adding up the members' losses, the other recipe in circulation, has the arithmetic mean's
gradient: cross-entropy is linear in its target.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.files import fingerprint
from limbeck.objective import check_temperature
from limbeck.teachers.fingerprints import teacher_fingerprint
from limbeck.teachers.judging import Teacher

Mean = Literal["arithmetic", "geometric"]


class Ensemble(nn.Module):
    """Several teachers as one.

    Called on a batch it returns logits whose softmax is the members' mean distribution (temperature 1).
    """

    def __init__(
        self, teachers: Sequence[Teacher], mean: Mean = "arithmetic", weights: Sequence[float] | None = None
    ) -> None:
        """Join teachers of the same classes.

        Args:
            teachers: the members.
            mean: arithmetic mean of their distributions, or geometric (the mean of their logits).
            weights: how much each counts, relative to the others; all the same where None.

        Raises:
            ArgumentError: no teachers, another mean, or weights that are not one number >= 0 a teacher, or all 0.
        """
        super().__init__()
        if not teachers:
            raise ArgumentError("an ensemble must have at least one teacher, got none")
        if any(isinstance(teacher, Ensemble) for teacher in teachers):
            raise ArgumentError(
                "an ensemble's teachers must not be ensembles: these are averaged at temperature 1, not the student's",
                "give all members to one ensemble, with weights",
            )
        self.members = list(teachers)
        self.modules_of_members = nn.ModuleList(t for t in teachers if isinstance(t, nn.Module))
        self.mean: Mean = mean
        self.weights = relative_weights(weights, len(teachers))
        mean_logits(torch.zeros(len(teachers), 1, 1), 1.0, mean, self.weights)

    @property
    def fingerprint(self) -> str:
        """What binds a store to this ensemble: its members, their mean and weights."""
        members = [teacher_fingerprint(member) for member in self.members]
        return fingerprint({"members": members, "mean": self.mean, "weights": self.weights})

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits (batch, classes) of the mean distribution at temperature 1."""
        own = [member(inputs.clone()) for member in self.members]  # a copy each: one may change it in place
        return mean_logits(torch.stack(own), 1.0, self.mean, self.weights)


def mean_logits(
    member_logits: Float[Tensor, "members batch classes"],
    temperature: float,
    mean: Mean = "arithmetic",
    weights: Sequence[float] | None = None,
) -> Float[Tensor, "batch classes"]:
    """Return logits whose softmax at `temperature` is the members' mean softened distribution (s. 2).

    Raises:
        ArgumentError: another mean, a temperature that is not > 0, or unusable weights.
    """
    check_temperature(temperature)
    if mean not in ("arithmetic", "geometric"):
        raise ArgumentError(f"mean must be 'arithmetic' or 'geometric', got {mean!r}")
    kind = torch.promote_types(member_logits.dtype, torch.float32)
    relative = relative_weights(weights, len(member_logits))
    wide = member_logits.to(kind)
    if len(wide) == 1:
        return wide[0]
    heard = [member for member, share in enumerate(relative) if share >= torch.finfo(kind).tiny]
    if len(heard) < len(wide):
        wide = wide[heard]
    shares = torch.tensor([relative[member] for member in heard], dtype=kind, device=wide.device)[:, None, None]
    if mean == "geometric":
        return (shares * wide).sum(0)
    return temperature * ((wide / temperature).log_softmax(-1) + shares.log()).logsumexp(0)


def relative_weights(weights: Sequence[float] | None, count: int) -> tuple[float, ...]:
    """Return each teacher's share, checked, of sum 1; the same for all where None."""
    if weights is None:
        return (1.0 / count,) * count
    usable = len(weights) == count and all(0 <= w < math.inf for w in weights) and sum(weights) > 0
    if not usable:
        raise ArgumentError(f"weights must be {count} numbers >= 0, not all 0, got {list(weights)}")
    shares = [weight / max(weights) for weight in weights]  # first by the largest: the sum could overflow
    return tuple(share / sum(shares) for share in shares)


def members_of(teacher: Teacher) -> tuple[list[Teacher], Mean, tuple[float, ...]]:
    """Return a teacher's members, their mean and weights; a teacher that is no ensemble is its own one member."""
    if isinstance(teacher, Ensemble):
        return teacher.members, teacher.mean, teacher.weights
    return [teacher], "arithmetic", (1.0,)
