"""What a teacher is: anything that turns a batch of inputs into logits (batch, classes).

Several teachers make an ensemble, whose soft target at temperature T is the arithmetic or the geometric mean of
its members' softened distributions (Hinton et al. 2015, s. 2). Adding up the members' losses, the other recipe in
circulation, has the arithmetic mean's gradient: cross-entropy is linear in its target.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.files import fingerprint, sha256
from limbeck.objective import check_temperature

if TYPE_CHECKING:
    from limbeck.data.transfer_set import TransferSet

Teacher = Callable[[Tensor], Tensor]
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
        return mean_logits(torch.stack([member(inputs) for member in self.members]), 1.0, self.mean, self.weights)


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
    shares = torch.tensor(relative_weights(weights, len(member_logits)), dtype=kind, device=member_logits.device)
    shares = shares[:, None, None]
    wide = member_logits.to(shares.dtype)
    if len(wide) == 1:
        return wide[0]
    wide, shares = wide[shares.flatten() > 0], shares[shares > 0][:, None, None]
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


def teacher_fingerprint(teacher: Teacher) -> str:
    """Return what binds a store to its teacher: a net's SHA-256 over weights and layers, or its own `fingerprint`.

    Layers are told by the net's `repr`. A number that is neither there nor in its buffers is not seen: make it a
    buffer, or give the net a `fingerprint`.

    Raises:
        ArgumentError: the teacher is neither a net nor says what it is.
    """
    told = getattr(teacher, "fingerprint", None)
    if isinstance(told, str):
        return told
    if isinstance(teacher, nn.Module):
        return fingerprint({"layers": repr(teacher), "weights": weights_fingerprint(teacher)})
    raise ArgumentError(
        f"a teacher that is no torch.nn.Module must have a `fingerprint`, {teacher!r} has none",
        "set teacher.fingerprint = 'name and version', so that a store of another teacher is recognised",
    )


def weights_fingerprint(net: nn.Module) -> str:
    """Return the SHA-256 over a net's parameters and buffers: names, types, shapes and values."""
    return tensors_fingerprint(net.state_dict())


def tensors_fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over named tensors, in whatever order: names, types, shapes and values."""
    parts: list[bytes | memoryview] = []
    for name, tensor in sorted(tensors.items()):
        flat = tensor.detach().cpu().contiguous()
        parts.append(f"{name} {flat.dtype} {tuple(flat.shape)};".encode())
        parts.append(flat.reshape(-1).view(torch.uint8).numpy().data)
    return sha256(*parts)


@torch.inference_mode()
def predict(
    teacher: Teacher, transfer_set: "TransferSet", *, ids: Tensor | None = None, number: int = 0, batch_size: int = 1024
) -> Tensor:
    """Return a teacher's (or student's) logits (examples, classes) in float32, a net's in evaluation mode.

    Args:
        teacher: the net or callable.
        transfer_set: what it judges, seen through the set's view.
        ids: which examples; all of the set where None.
        number: which view of them.
        batch_size: examples judged at once.

    Raises:
        ArgumentError: its output is no tensor (batch, classes).
    """
    parts = (transfer_set.ids if ids is None else ids).split(batch_size)
    with judging(teacher) as device:
        logits = [_checked(teacher(transfer_set.at(part, number).to(device)), len(part)) for part in parts]
    widths = {part.shape[1] for part in logits}
    if len(widths) > 1:
        raise ArgumentError(f"a model must return the same classes for every batch, got {sorted(widths)}")
    return torch.cat(logits)


def _checked(logits: object, count: int) -> Tensor:
    """Return a model's output in float32 on the CPU.

    Raises:
        ArgumentError: it is no tensor (count, classes).
    """
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != count or not logits.shape[1]:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ArgumentError(f"a model must return logits (batch, classes) for a batch, got {got} for {count} inputs")
    return logits.float().cpu()


@contextlib.contextmanager
def judging(teacher: Teacher) -> Iterator[torch.device | None]:
    """Put a net and all its parts into evaluation mode, and back as they were; yield where its parameters are."""
    modules = list(teacher.modules()) if isinstance(teacher, nn.Module) else []
    modes = [module.training for module in modules]
    try:
        for module in modules:
            module.training = False
        yield next((parameter.device for module in modules for parameter in module.parameters()), None)
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
