"""How far a model says what its teacher says: fidelity, which is not accuracy (Stanton et al. 2021)."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.objective import check_labels, distillation_loss


@dataclass(frozen=True)
class Fidelity:
    """How far a model says what its teacher says, on some examples."""

    examples: int
    agreement: float | None
    """Share (0..1) of them on which both choose the same class; None where there are no examples."""
    kl: float | None
    """Mean KL(teacher ‖ model) at temperature 1, in nats."""


def agreement(
    logits: Float[Tensor, "examples classes"], teacher_logits: Float[Tensor, "examples classes"]
) -> float | None:
    """Return the share (0..1) of examples on which a model chooses its teacher's class, None of no examples.

    Raises:
        ArgumentError: shapes differ.
    """
    if teacher_logits.shape != logits.shape:
        raise ArgumentError(
            f"the teacher's logits must have the shape {tuple(logits.shape)}, got {tuple(teacher_logits.shape)}"
        )
    return (logits.argmax(-1) == teacher_logits.argmax(-1)).double().mean().item() if len(logits) else None


def fidelity(logits: Float[Tensor, "examples classes"], teacher_logits: Float[Tensor, "examples classes"]) -> Fidelity:
    """Return a model's agreement with its teacher and its divergence from it.

    Raises:
        ArgumentError: shapes differ.

    >>> import torch
    >>> z = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    >>> fidelity(z, z + 5)
    Fidelity(examples=2, agreement=1.0, kl=0.0)
    """
    agreed = agreement(logits, teacher_logits)
    if agreed is None:
        return Fidelity(0, None, None)
    kl = distillation_loss(logits.double(), teacher_logits.double(), temperature=1.0)
    return Fidelity(len(logits), agreed, kl.mean().item())


def fidelity_where(
    logits: Float[Tensor, "examples classes"],
    teacher_logits: Float[Tensor, "examples classes"],
    labels: Int[Tensor, " examples"],
) -> tuple[Fidelity, Fidelity]:
    """Return the fidelity on the examples that the teacher gets right, and on those it gets wrong.

    Raises:
        ArgumentError: shapes differ.
    """
    check_labels(labels, teacher_logits)
    right = teacher_logits.argmax(-1) == labels
    return _on(right, logits, teacher_logits), _on(~right, logits, teacher_logits)


def _on(
    which: Bool[Tensor, " examples"],
    logits: Float[Tensor, "examples classes"],
    teacher_logits: Float[Tensor, "examples classes"],
) -> Fidelity:
    return fidelity(logits[which], teacher_logits[which])
