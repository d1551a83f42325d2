"""The objective of distillation (Hinton et al. 2015, s. 2).

    soften(z, T) = softmax(z / T)
    loss         = (1 - hard_weight) · T² · KL(softmax(v/T) ‖ softmax(z/T)) + hard_weight · CE(z, labels)

for student logits z and teacher logits v. T² keeps the soft gradient's size when T changes (s. 2), so that
`hard_weight` means the same at every temperature. Losses come one per example; the caller averages.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from limbeck.errors import ArgumentError

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 1e-6, 1e9
SMALL = 0.03  # below this |x|, three terms of the series give exp(x) - 1 - x to float32's last digits
EXACT_UP_TO = 10.0  # above this temperature float32 loses the direct KL to cancellation: see `_kl`


def soften(logits: Float[Tensor, "*batch classes"] | Sequence[Any], temperature: float) -> Tensor:
    """Return the softened distribution softmax(logits / temperature) (Hinton et al. 2015, s. 2, eq. 1).

    Computed in float32 at least. A logit of -inf is a class of probability 0.

    Raises:
        ArgumentError: the temperature is not > 0.

    >>> soften([1.0, 2.0, 3.0, 4.0], 2)
    tensor([0.1015, 0.1674, 0.2760, 0.4551])
    """
    check_temperature(temperature)
    return _scaled(torch.as_tensor(logits), temperature).softmax(-1)


def distillation_loss(
    student_logits: Float[Tensor, "batch classes"],
    teacher_logits: Float[Tensor, "batch classes"],
    labels: Int[Tensor, " batch"] | None = None,
    *,
    temperature: float = 4.0,
    hard_weight: float = 0.0,
) -> Float[Tensor, " batch"]:
    """Return each example's (1 - hard_weight)·T²·KL(teacher ‖ student) + hard_weight·CE (Hinton et al. 2015, s. 2).

    The gradient for the student's logits is (1 - hard_weight)·T·(q_T - p_T) + hard_weight·(q_1 - onehot), p the
    teacher and q the student; none flows to the teacher. Computed in float32, in float64 where an input is float64,
    and returned in that type. A class masked with -inf in both takes no part; masked in the teacher alone it has
    probability 0; masked in the student alone the loss saturates at the largest float, its gradient stays finite. A row
    that is -inf throughout, or holds NaN or +inf, gives NaN.

    Raises:
        ArgumentError: shapes that differ, a temperature that is not > 0, a hard_weight outside 0..1,
            labels that are missing though hard_weight > 0, or outside 0..classes - 1.

    >>> z = torch.tensor([[1.0, 2.0, 3.0]])
    >>> distillation_loss(z, z + 5)
    tensor([0.])
    """
    check_temperature(temperature)
    check_hard_weight(hard_weight, labelled=labels is not None)
    temperature, hard_weight = float(temperature), float(hard_weight)
    _check_shapes(student_logits, teacher_logits)
    if hard_weight == 0:
        labels = None
    elif labels is not None:
        check_labels(labels, student_logits)
    return _DistillationLoss.apply(student_logits, teacher_logits, labels, temperature, hard_weight)  # pyright: ignore[reportReturnType]


def label_loss(logits: Float[Tensor, "batch classes"], labels: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """Return each example's cross-entropy with its label, computed in float32 at least.

    Raises:
        ArgumentError: not one label per row, or labels outside 0..classes - 1.

    >>> label_loss(torch.zeros(1, 4), torch.tensor([2]))
    tensor([1.3863])
    """
    check_labels(labels, logits)
    return torch.nn.functional.cross_entropy(_scaled(logits, 1.0), labels.long(), reduction="none")


def check_temperature(temperature: float) -> None:
    """Raise ArgumentError unless the temperature lies where float32 can compute with it and its square."""
    if not LOWEST_TEMPERATURE <= temperature <= HIGHEST_TEMPERATURE:
        raise ArgumentError(
            f"temperature must be > 0, from {LOWEST_TEMPERATURE:g} to {HIGHEST_TEMPERATURE:g}, got {temperature}",
            "the paper uses 1 to 20; 1 is the ordinary softmax",
        )


def check_hard_weight(hard_weight: float, *, labelled: bool) -> None:
    """Raise ArgumentError unless hard_weight lies in 0..1 and there are labels wherever it is > 0."""
    if not 0 <= hard_weight <= 1:
        raise ArgumentError(f"hard_weight must lie in 0..1, got {hard_weight}", "it is the labels' share of the loss")
    if hard_weight > 0 and not labelled:
        raise ArgumentError(
            f"hard_weight must be 0 where there are no labels, got {hard_weight}",
            "give labels, or hard_weight=0 to train on soft targets alone",
        )


def check_labels(labels: Tensor, logits: Tensor) -> None:
    """Raise ArgumentError unless there is one whole number in 0..classes - 1 for each row of the logits."""
    classes = logits.shape[-1]
    if labels.shape != logits.shape[:-1] or labels.is_floating_point():
        raise ArgumentError(
            f"labels must be whole numbers of shape {tuple(logits.shape[:-1])}, "
            f"got {labels.dtype} of shape {tuple(labels.shape)}"
        )
    if labels.device.type == "cpu" and labels.numel():  # elsewhere reading a value would stall the device
        low, high = (int(edge) for edge in labels.aminmax())
        if low < 0 or high >= classes:
            raise ArgumentError(f"labels must lie in 0..{classes - 1}, got {low}..{high}")


def _check_shapes(student_logits: Tensor, teacher_logits: Tensor) -> None:
    if student_logits.ndim != 2 or student_logits.shape != teacher_logits.shape:
        raise ArgumentError(
            "student and teacher logits must have one shape (batch, classes), "
            f"got {tuple(student_logits.shape)} and {tuple(teacher_logits.shape)}"
        )
    if student_logits.shape[1] == 0:
        raise ArgumentError("logits must have at least one class, got 0")


def _scaled(logits: Tensor, temperature: float) -> Tensor:
    """Return logits / temperature, upcast first: bfloat16 throughout puts the gradient 5% off at T = 20."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    if temperature < 1:  # the quotient could overflow; less its maximum it can only underflow, to probability 0
        wide = wide - wide.max(-1, keepdim=True).values
    return wide if temperature == 1 else wide / temperature


class _DistillationLoss(torch.autograd.Function):
    """Value and gradient together: both need the same two softmaxes, and the gradient is their difference."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes them by position
        ctx: Any,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Tensor | None,
        temperature: float,
        hard_weight: float,
    ) -> Tensor:
        ctx.student_dtype = student_logits.dtype
        wide = torch.promote_types(torch.promote_types(student_logits.dtype, teacher_logits.dtype), torch.float32)
        student_logits, teacher_logits = student_logits.to(wide), teacher_logits.to(wide)
        value, gradient = student_logits.new_zeros(len(student_logits)), torch.zeros_like(student_logits)
        if hard_weight < 1:
            z, v = _scaled(student_logits, temperature), _scaled(teacher_logits, temperature)
            log_q, log_p = z.log_softmax(-1), v.log_softmax(-1)
            kl = _kl(z, v, log_q, log_p, series=temperature > EXACT_UP_TO)
            value = (1 - hard_weight) * temperature**2 * kl
            gradient = log_q.exp().sub_(log_p.exp()).mul_((1 - hard_weight) * temperature)
        if labels is not None:
            index = labels.long().unsqueeze(-1)
            log_q = student_logits.log_softmax(-1)
            value = value - hard_weight * log_q.gather(-1, index).squeeze(-1)
            gradient.add_(log_q.exp(), alpha=hard_weight)
            gradient.scatter_add_(-1, index, gradient.new_full(index.shape, -hard_weight))
        ctx.save_for_backward(gradient)
        return value.clamp(max=torch.finfo(wide).max)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = ctx.saved_tensors
        student = (gradient * grad_outputs[0].unsqueeze(-1)).to(ctx.student_dtype)
        return student, None, None, None, None


def _kl(z: Tensor, v: Tensor, log_q: Tensor, log_p: Tensor, *, series: bool) -> Tensor:
    """Return KL(p ‖ q) per row, where p = 0 counts as 0, for logits z and v that are already softened.

    At high temperature p and q are nearly equal and Σ p (log p - log q) cancels to rounding error. There, with
    d = z - v centred on its mean under p, KL = log(1 + E_p[exp(d) - 1 - d]): a sum of non-negative terms.
    """
    p = log_p.exp()
    direct = torch.where(p == 0, 0, p * (log_p - log_q)).sum(-1)  # a NaN in the teacher stays one
    if not series:
        return direct.clamp(min=0)
    masked = z.isneginf() & v.isneginf()
    d = torch.where(masked, 0, z - v)
    d = d - (p * d).sum(-1, keepdim=True)
    excess = torch.where(d.abs() < SMALL, d * d * (0.5 + d * (1 / 6 + d / 24)), d.expm1() - d)
    centred = (p * excess).sum(-1).log1p()
    usable = (masked | ((d.abs() < 1) & (p > 0))).all(-1)
    return torch.where(usable, centred, direct.clamp(min=0))
