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

from limbeck.divergence import BatchTargets, DenseTargets, scaled
from limbeck.errors import ArgumentError

UNLABELLED = -1  # in the place of a label: this row has none
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 1e-6, 1e9
IN_CACHE = 262_144  # elements taken at once on a CPU: what is between two passes, a MiB each, stays in its caches


def soften(logits: Float[Tensor, "*batch classes"] | Sequence[Any], temperature: float) -> Tensor:
    """Return the softened distribution softmax(logits / temperature) (Hinton et al. 2015, s. 2, eq. 1).

    Computed in float32 at least. A logit of -inf is a class of probability 0.

    Raises:
        ArgumentError: the temperature is not > 0.

    >>> soften([1.0, 2.0, 3.0, 4.0], 2)
    tensor([0.1015, 0.1674, 0.2760, 0.4551])
    """
    check_temperature(temperature)
    return scaled(torch.as_tensor(logits), temperature).softmax(-1)


def distillation_loss(
    student_logits: Float[Tensor, "batch classes"],
    teacher_logits: Float[Tensor, "batch classes"] | BatchTargets,
    labels: Int[Tensor, " batch"] | None = None,
    *,
    temperature: float = 4.0,
    hard_weight: float = 0.0,
) -> Float[Tensor, " batch"]:
    """Return each example's (1 - hard_weight)·T²·KL(teacher ‖ student) + hard_weight·CE (Hinton et al. 2015, s. 2).

    The gradient for the student's logits is (1 - hard_weight)·T·(q_T - p_T) + hard_weight·(q_1 - onehot), p the
    teacher and q the student; none flows to the teacher, which is given by all its logits, or in part as the store
    reads it (`TopKTargets`, `SampledTargets`, `MixedTargets`). Computed in float32, in float64 where an input is
    float64, and returned in that type. A class masked with -inf in both takes no part; masked in the teacher alone it
    has probability 0; masked in the student alone the loss saturates at the largest float, its gradient stays finite.
    A row that is -inf throughout, or holds NaN or +inf, gives NaN. A row whose label is -1 has none: its loss is the
    soft part alone, with its weight of 1 - hard_weight.

    Raises:
        ArgumentError: shapes that differ, a temperature that is not > 0, a hard_weight outside 0..1,
            labels that are missing though hard_weight > 0, or outside -1..classes - 1.

    >>> z = torch.tensor([[1.0, 2.0, 3.0]])
    >>> distillation_loss(z, z + 5)
    tensor([0.])
    """
    check_temperature(temperature)
    check_hard_weight(hard_weight, labelled=labels is not None)
    temperature, hard_weight = float(temperature), float(hard_weight)
    targets = DenseTargets(teacher_logits) if isinstance(teacher_logits, Tensor) else teacher_logits
    check_shapes(student_logits, targets)
    if hard_weight == 0:
        labels = None
    elif labels is not None:
        check_labels(labels, student_logits, lowest=UNLABELLED)
    return _DistillationLoss.apply(student_logits, targets, labels, temperature, hard_weight)  # pyright: ignore[reportReturnType]


def label_loss(logits: Float[Tensor, "batch classes"], labels: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """Return each example's cross-entropy with its label, computed in float32 at least.

    Raises:
        ArgumentError: not one label per row, or labels outside 0..classes - 1.

    >>> label_loss(torch.zeros(1, 4), torch.tensor([2]))
    tensor([1.3863])
    """
    check_labels(labels, logits)
    return torch.nn.functional.cross_entropy(scaled(logits, 1.0), labels.long(), reduction="none")


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


def check_labels(labels: Tensor, logits: Tensor, *, lowest: int = 0) -> None:
    """Raise ArgumentError unless there is one whole number in lowest..classes - 1 for each row of the logits."""
    classes = logits.shape[-1]
    if not isinstance(labels, Tensor):
        raise ArgumentError(f"labels must be a tensor of whole numbers, one for each row, got {type(labels).__name__}")
    if labels.shape != logits.shape[:-1] or labels.is_floating_point():
        raise ArgumentError(
            f"labels must be whole numbers of shape {tuple(logits.shape[:-1])}, "
            f"got {labels.dtype} of shape {tuple(labels.shape)}"
        )
    if labels.device.type == "cpu" and labels.numel():  # elsewhere reading a value would stall the device
        low, high = (int(edge) for edge in labels.aminmax())
        if low < lowest or high >= classes:
            raise ArgumentError(f"labels must lie in {lowest}..{classes - 1}, got {low}..{high}")


def check_shapes(student_logits: Tensor, targets: BatchTargets) -> None:
    """Raise ArgumentError unless the student's logits and the targets are of the same (batch, classes)."""
    given = tuple(targets.logits.shape) if isinstance(targets, DenseTargets) else (len(targets), targets.num_classes)
    if student_logits.ndim != 2 or tuple(student_logits.shape) != given:
        raise ArgumentError(
            "student and teacher logits must have one shape (batch, classes), "
            f"got {tuple(student_logits.shape)} and {given}"
        )
    if student_logits.shape[1] == 0:
        raise ArgumentError("logits must have at least one class, got 0")


class _DistillationLoss(torch.autograd.Function):
    """Value and gradient together: both need the same two softmaxes, and the gradient is their difference."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes them by position
        ctx: Any,
        student_logits: Tensor,
        targets: BatchTargets,
        labels: Tensor | None,
        temperature: float,
        hard_weight: float,
    ) -> Tensor:
        ctx.save_for_backward(student_logits)
        ctx.again = (targets, labels, temperature, hard_weight)
        value, ctx.gradient = _value_and_gradient(student_logits, *ctx.again)
        return value

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            raise ArgumentError(
                "the loss has no second derivative, it was asked for one", "leave out create_graph=True"
            )  # torch's own once_differentiable takes the gradient for a constant
        (student_logits,) = ctx.saved_tensors
        _, labels, temperature, hard_weight = ctx.again
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:  # a second time through a graph that was kept: the first took the memory
            gradient = _value_and_gradient(student_logits, *ctx.again)[1]
        scale = 1.0 if labels is not None else (1 - hard_weight) * temperature
        gradient = gradient.mul_((grad_outputs[0] * scale).unsqueeze(-1))
        return gradient.to(student_logits.dtype), None, None, None, None


def _value_and_gradient(
    student_logits: Tensor, targets: BatchTargets, labels: Tensor | None, temperature: float, hard_weight: float
) -> tuple[Tensor, Tensor]:
    """Return each row's loss and its gradient (batch, classes), in float32 at least, a few rows at a time on a CPU.

    Without labels the gradient is q - p; its factor waits for backward, where one more costs nothing.
    """
    given = targets.logits.dtype if isinstance(targets, DenseTargets) else torch.float32
    wide = torch.promote_types(torch.promote_types(student_logits.dtype, given), torch.float32)
    rows, classes = student_logits.shape
    gradient = torch.empty((rows, classes), dtype=wide, device=student_logits.device)
    step = max(1, IN_CACHE // classes)
    if rows <= step or student_logits.device.type != "cpu":
        return _of_rows(student_logits.to(wide), targets, labels, temperature, hard_weight, gradient), gradient
    values = []
    for start in range(0, rows, step):
        part = slice(start, start + step)
        z, own = student_logits[part].to(wide), None if labels is None else labels[part]
        values.append(_of_rows(z, targets[part], own, temperature, hard_weight, gradient[part]))
    return torch.cat(values), gradient


def _of_rows(  # noqa: PLR0917 - private
    z: Tensor, targets: BatchTargets, labels: Tensor | None, temperature: float, hard_weight: float, gradient: Tensor
) -> Tensor:
    soft = (1 - hard_weight) * temperature
    value = targets.divergence(z, temperature, gradient).mul_(soft * temperature)
    if labels is None:
        return value.clamp_(max=torch.finfo(value.dtype).max)
    index = labels.long().unsqueeze(-1)
    weight = z.new_full(index.shape, hard_weight)
    log_q = z.log_softmax(-1)
    unlabelled = index == UNLABELLED
    if index.device.type != "cpu" or unlabelled.any():
        weight.masked_fill_(unlabelled, 0)
        index = index.masked_fill(unlabelled, 0)
    value.sub_((log_q.gather(-1, index).masked_fill_(unlabelled, 0) * weight).squeeze(-1))
    gradient.mul_(soft).addcmul_(log_q.exp_(), weight)
    gradient.scatter_add_(-1, index, -weight)
    return value.clamp_(max=torch.finfo(value.dtype).max)
