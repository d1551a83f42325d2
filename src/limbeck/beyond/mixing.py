"""What the objectives beyond the paper share: the type they compute in, and the labels' part."""

import torch
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.objective import check_hard_weight, label_loss


def wide_pair(student_logits: Tensor, teacher_logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in float32, in float64 where one is, the teacher's with no gradient.

    Raises:
        ArgumentError: they differ in shape, or are not (batch, classes).
    """
    if student_logits.ndim != 2 or student_logits.shape != teacher_logits.shape:
        raise ArgumentError(
            "student and teacher logits must have one shape (batch, classes), "
            f"got {tuple(student_logits.shape)} and {tuple(teacher_logits.shape)}"
        )
    wide = torch.promote_types(torch.promote_types(student_logits.dtype, teacher_logits.dtype), torch.float32)
    return student_logits.to(wide), teacher_logits.detach().to(wide)


def mixed(soft: Tensor, student_logits: Tensor, labels: Tensor | None, hard_weight: float) -> Tensor:
    """Return (1 - hard_weight)·soft + hard_weight·CE, one value per example."""
    check_hard_weight(hard_weight, labelled=labels is not None)
    if hard_weight == 0 or labels is None:
        return soft
    return (1 - hard_weight) * soft + hard_weight * label_loss(student_logits, labels)
