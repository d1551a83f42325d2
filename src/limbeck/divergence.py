"""KL(p ‖ q) of soft targets p and a student's softened logits q, and its gradient q - p, for each form of targets.

Soft targets of a batch are held whole or in part:

    DenseTargets     every class's logit
    TopKTargets      the k most probable classes and one bucket for the rest (the dustbin of s. 5)
    SampledTargets   classes drawn by importance, whose gradient is right on average
    MixedTargets     several teachers' targets; cross-entropy is linear in its target, so gradients add

Each computes value and gradient together, because both need the same softmaxes. On a CPU the objective hands over a
few rows at a time, so that what is between two passes stays in the cache.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import factorial, isfinite
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.errors import ArgumentError

EXACT_UP_TO = 10.0  # above this temperature float32 loses the direct KL to cancellation: see `_series`
TERMS = 9  # of the series of exp(d) - 1 - d: the first one left out is below 5e-8 of the first where |d| < 1
FEW = 16_384  # elements up to which memory of our own is not worth looking for
SHORT = 32  # classes up to which three calls are faster than torch's softmax


@runtime_checkable
class BatchTargets(Protocol):
    """Soft targets of a batch, in any form."""

    @property
    def num_classes(self) -> int:
        """Classes in a row."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice) -> "BatchTargets":
        """Return the targets of some rows."""
        ...

    def to(self, device: torch.device) -> "BatchTargets":
        """Return the targets on a device."""
        ...

    def divergence(self, student_logits: Tensor, temperature: float, gradient: Tensor) -> Tensor:
        """Return the KL of each row (batch,) and write q - p into `gradient` (batch, classes)."""
        ...


@dataclass(frozen=True)
class DenseTargets:
    """Every class's logit (batch, classes)."""

    logits: Float[Tensor, "batch classes"]

    @property
    def num_classes(self) -> int:
        return self.logits.shape[1]

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, rows: slice) -> "DenseTargets":
        return DenseTargets(self.logits[rows])

    def to(self, device: torch.device) -> "DenseTargets":
        return DenseTargets(self.logits.to(device))

    def divergence(self, student_logits: Tensor, temperature: float, gradient: Tensor) -> Tensor:
        v = self.logits.to(student_logits.dtype)
        return _dense(student_logits, v, temperature, gradient, nearly_equal=temperature > EXACT_UP_TO)


@dataclass(frozen=True)
class _InPart:
    """Targets whose rows hold some of the classes; `parts` names the tensors that have a row each."""

    classes: Tensor
    parts: ClassVar[tuple[str, ...]] = ()

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, rows: slice) -> Any:
        return replace(self, **{name: getattr(self, name)[rows] for name in self.parts})

    def to(self, device: torch.device) -> Any:
        return replace(self, **{name: getattr(self, name).to(device) for name in self.parts})


@dataclass(frozen=True)
class TopKTargets(_InPart):
    """The k most probable classes of each row, and what is left as one bucket; good at one temperature.

    The bucket is compared with the student's whole mass outside the k classes: a KL over k + 1 outcomes, the
    dustbin's (Hinton et al. 2015, s. 5.2). Nothing is renormalised. Within the bucket the student is free.
    """

    classes: Int[Tensor, "batch k"]
    logits: Float[Tensor, "batch k"]
    log_tail: Float[Tensor, " batch"]
    """Log of the mass of the other classes at `temperature`; -inf where k is all of them."""
    temperature: float
    num_classes: int
    parts: ClassVar = ("classes", "logits", "log_tail")

    def divergence(self, student_logits: Tensor, temperature: float, gradient: Tensor) -> Tensor:
        check_served((self.temperature,), temperature)
        z, kind = scaled(student_logits, temperature), student_logits.dtype
        index, log_tail = self.classes.long(), self.log_tail.to(kind).unsqueeze(-1)
        rest = z.scatter(-1, index, -torch.inf)
        rest_total = rest.logsumexp(-1, keepdim=True)
        inside = (self.logits.to(kind) / temperature).log_softmax(-1) + (-log_tail.expm1()).log()
        coarse_z, coarse_v = torch.cat([z.gather(-1, index), rest_total], -1), torch.cat([inside, log_tail], -1)
        coarse = torch.empty_like(coarse_z)
        kl = _dense(coarse_z, coarse_v, 1.0, coarse, nearly_equal=temperature > EXACT_UP_TO)
        rest_total.clamp_(min=torch.finfo(kind).min)  # a bucket with every class masked has no shares
        torch.sub(rest, rest_total, out=gradient).exp_()  # each class's share of the bucket
        gradient.mul_(coarse[:, -1:]).scatter_(-1, index, coarse[:, :-1])
        return kl


@dataclass(frozen=True)
class SampledTargets(_InPart):
    """Classes drawn by importance, with weights whose expected sum for a class is its probability.

    Value and gradient are those of the whole distribution on average; a single row's value may be negative. Nothing
    is renormalised: that would bring the bias back.
    """

    classes: Int[Tensor, "batch samples"]
    weights: Float[Tensor, "batch samples"]
    log_probs: Float[Tensor, "batch samples"]
    temperature: float
    num_classes: int
    parts: ClassVar = ("classes", "weights", "log_probs")

    def divergence(self, student_logits: Tensor, temperature: float, gradient: Tensor) -> Tensor:
        check_served((self.temperature,), temperature)
        kind = student_logits.dtype
        index, weights = self.classes.long(), self.weights.to(kind)
        log_q = scaled(student_logits, temperature).log_softmax(-1)
        difference = torch.where(weights == 0, 0, self.log_probs.to(kind) - log_q.gather(-1, index))
        torch.mul(log_q.exp_(), weights.sum(-1, keepdim=True), out=gradient).scatter_add_(-1, index, -weights)
        return (weights * difference).sum(-1).clamp_(max=torch.finfo(kind).max)


@dataclass(frozen=True)
class MixedTargets:
    """Several teachers' targets with shares of sum 1: the arithmetic mean where it can't be written in one piece.

    The gradient is that to their mean distribution; the value is the mean of the KLs, which is 0 only where all
    teachers agree.
    """

    parts: Sequence[BatchTargets]
    shares: Sequence[float]

    @property
    def num_classes(self) -> int:
        return self.parts[0].num_classes

    def __len__(self) -> int:
        return len(self.parts[0])

    def __getitem__(self, rows: slice) -> "MixedTargets":
        return MixedTargets([part[rows] for part in self.parts], self.shares)

    def to(self, device: torch.device) -> "MixedTargets":
        return MixedTargets([part.to(device) for part in self.parts], self.shares)

    def divergence(self, student_logits: Tensor, temperature: float, gradient: Tensor) -> Tensor:
        kl, own = torch.zeros_like(student_logits[:, 0]), torch.empty_like(gradient)
        gradient.zero_()
        for share, part in zip(self.shares, self.parts, strict=True):
            kl.add_(part.divergence(student_logits, temperature, own), alpha=share)
            gradient.add_(own, alpha=share)
        return kl.clamp_(max=torch.finfo(kl.dtype).max)


def check_served(temperatures: Sequence[float] | None, temperature: float) -> None:
    """Raise ArgumentError unless soft targets made for some temperatures (all, where None) can serve this one."""
    if temperatures is not None and temperature not in temperatures:
        told = ", ".join(f"{t:g}" for t in temperatures)
        raise ArgumentError(
            f"these soft targets serve temperature {told}, got {temperature:g}",
            "what is left out of a row has another mass at each temperature: write them again and declare this one, "
            "or write dense ones, which serve every temperature",
        )


def scaled(logits: Tensor, temperature: float) -> Tensor:
    """Return logits / temperature in float32 at least, for bfloat16 throughout puts the gradient 5% off at T = 20.

    Below T = 1 the quotient could overflow; less the row's maximum it can only underflow, to probability 0.
    """
    wide = logits if logits.dtype == torch.float64 else logits.float()
    if temperature < 1:
        wide = wide - wide.max(-1, keepdim=True).values
    return wide if temperature == 1 else wide / temperature


def _dense(z: Tensor, v: Tensor, temperature: float, gradient: Tensor, *, nearly_equal: bool) -> Tensor:
    """Return KL(softmax(v/T) ‖ softmax(z/T)) per row, p = 0 counting as 0; write their difference into `gradient`."""
    if z.device.type != "cpu":  # looking whether rows are finite would stall the device
        return _masked(z, v, temperature, gradient, nearly_equal=nearly_equal)
    if not nearly_equal:
        kl = _direct(z, v, temperature, gradient)
        if isfinite(kl.sum().item()):
            return kl.clamp_(min=0)
    return _masked(z, v, temperature, gradient, nearly_equal=nearly_equal)


def _direct(z: Tensor, v: Tensor, temperature: float, gradient: Tensor) -> Tensor:
    """Σ p ((v - z)/T - (lse v - lse z)), in few passes, and few calls where rows are short; NaN for masked classes."""
    scale, classes = 1 / temperature, z.shape[1]
    scaled_z, scaled_v, p = _scratch(z) if z.numel() > FEW else (None, None, None)
    scaled_z = torch.add(z.amax(-1, keepdim=True).mul_(-scale), z, alpha=scale, out=scaled_z)
    scaled_v = torch.add(v.amax(-1, keepdim=True).mul_(-scale), v, alpha=scale, out=scaled_v)
    if classes <= SHORT:
        q, p = torch.exp(scaled_z, out=gradient), scaled_v.exp()
        total_z, total_v = q.sum(-1, keepdim=True), p.sum(-1, keepdim=True)
        q.div_(total_z)
        p.div_(total_v)
        totals = total_z.div_(total_v).log_()
    else:  # the maximum is exp(0) / total
        q, p = torch.softmax(scaled_z, -1, out=gradient), torch.softmax(scaled_v, -1, out=p)
        totals = p.amax(-1, keepdim=True).div_(q.amax(-1, keepdim=True)).log_()
    q.sub_(p)
    return torch.linalg.vecdot(p, scaled_v.sub_(scaled_z)).add_(totals.squeeze(-1))


class _Memory(threading.local):
    """What a thread keeps for the next call: asking the system for it each time costs as much as a softmax."""

    def __init__(self) -> None:
        self.kept: dict[torch.dtype, Tensor] = {}


_MEMORY = _Memory()


def _scratch(like: Tensor) -> list[Tensor]:
    """Return three tensors of a shape and type, whatever was in them."""
    kept, size = _MEMORY.kept.get(like.dtype), like.numel()
    if kept is None or kept.numel() < 3 * size:
        with torch.inference_mode(mode=False):
            kept = _MEMORY.kept[like.dtype] = torch.empty(3 * size, dtype=like.dtype)
    return [kept[part * size : (part + 1) * size].view(like.shape) for part in range(3)]


def _masked(z: Tensor, v: Tensor, temperature: float, gradient: Tensor, *, nearly_equal: bool) -> Tensor:
    """Do it with classes of probability 0, and for p and q that are nearly equal without cancellation."""
    z, v = scaled(z, temperature), scaled(v, temperature)
    log_q, log_p = z.log_softmax(-1), v.log_softmax(-1)
    p = log_p.exp()
    torch.sub(log_q.exp(), p, out=gradient)
    kl = torch.where(p == 0, 0, p * (log_p - log_q)).sum(-1)  # a NaN in the teacher stays one
    if nearly_equal:
        kl = _series(z, v, p, kl)
    return kl.clamp(min=0, max=torch.finfo(kl.dtype).max)


def _series(z: Tensor, v: Tensor, p: Tensor, direct: Tensor) -> Tensor:
    """Return KL where p and q are nearly equal, as at high temperature, and `direct` elsewhere.

    There Σ p (log p - log q) cancels to rounding error. With d = z - v centred on its mean under p,
    KL = log(1 + E_p[exp(d) - 1 - d]): a sum of non-negative terms.
    """
    masked = z.isneginf() & v.isneginf()
    d = torch.where(masked, 0, z - v)
    d = d - torch.linalg.vecdot(p, d).unsqueeze(-1)
    tail = torch.full_like(d, 1 / factorial(TERMS + 1))
    for power in range(TERMS, 1, -1):  # (exp(d) - 1 - d) / d² by Horner's rule
        tail.mul_(d).add_(1 / factorial(power))
    usable = (masked | ((d.abs() < 1) & (p > 0))).all(-1)
    return torch.where(usable, torch.linalg.vecdot(p, tail.mul_(d).mul_(d)).log1p_(), direct)
