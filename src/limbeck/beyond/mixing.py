"""What the objectives beyond the paper share: what they take, the type they compute in, and the labels' part."""

import math

import torch
from torch import Tensor

from limbeck.divergence import DenseTargets
from limbeck.errors import ArgumentError
from limbeck.objective import check_hard_weight, check_shapes, label_loss


def wide_pair(student_logits: Tensor, teacher_logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in float32, in float64 where one is, the teacher's with no gradient.

    Raises:
        ArgumentError: they differ in shape, or are not (batch, classes).
    """
    check_shapes(student_logits, DenseTargets(teacher_logits))
    wide = torch.promote_types(torch.promote_types(student_logits.dtype, teacher_logits.dtype), torch.float32)
    return student_logits.to(wide), teacher_logits.detach().to(wide)


def check_weights(**weights: float) -> None:
    """Raise ArgumentError unless the weights of an objective's two parts are >= 0."""
    if not all(0 <= weight < math.inf for weight in weights.values()):
        got = " and ".join(str(weight) for weight in weights.values())
        raise ArgumentError(f"{' and '.join(weights)} must be >= 0, got {got}")


def mixed(soft: Tensor, student_logits: Tensor, labels: Tensor | None, hard_weight: float) -> Tensor:
    """Return (1 - hard_weight)·soft + hard_weight·CE, one value per example."""
    check_hard_weight(hard_weight, labelled=labels is not None)
    if hard_weight == 0 or labels is None:
        return soft
    return (1 - hard_weight) * soft + hard_weight * label_loss(student_logits, labels)
