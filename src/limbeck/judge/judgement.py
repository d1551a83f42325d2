"""All that one trained net is judged by, as a run keeps it for each setting and seed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError
from limbeck.files import as_json
from limbeck.judge.calibration import fit_temperature
from limbeck.judge.fidelity import Fidelity, fidelity, fidelity_where
from limbeck.judge.measures import measure
from limbeck.targets import SoftTargets
from limbeck.teachers import Teacher, predict

MOST_TRAINING = 10_000  # training examples on which a net is asked again

HeldOut = tuple[Float[Tensor, "others classes"], Int[Tensor, " others"]]
"""What a net says of the validation split, and the labels there."""


@dataclass(frozen=True)
class Judgement:
    """One net's figures on the test set, and how far it says what its teacher says."""

    examples: int
    errors: int
    nll: float
    brier: float
    ece: float
    temperature: float | None
    """That makes the NLL of the validation split lowest; None where there is no such split, or no such temperature."""
    calibrated_nll: float | None
    """On the test set, at that temperature."""
    calibrated_ece: float | None
    test: Fidelity | None
    """To the teacher on the test set; None where no teacher is known."""
    teacher_right: Fidelity | None
    """On the test examples that the teacher gets right."""
    teacher_wrong: Fidelity | None
    training: Fidelity | None
    """On the first training examples, up to 10,000, in their first view."""
    start: str | None
    """Hash of the weights it was trained from: of one start come pairs."""


def judgement_of(
    logits: Float[Tensor, "examples classes"],
    labels: Int[Tensor, " examples"],
    *,
    held_out: HeldOut | None = None,
    teacher_logits: Float[Tensor, "examples classes"] | None = None,
    training: Fidelity | None = None,
    start: str | None = None,
) -> Judgement:
    """Return what a net comes to by its logits on the test set; nothing is ever fitted there.

    Args:
        logits: on the test set.
        labels: there.
        held_out: what it says of the validation split, to which the temperature is fitted.
        teacher_logits: on the test set.
        training: as `fidelity_on_training` tells it.
        start: hash of the weights it was trained from.

    Raises:
        ArgumentError: shapes differ.
    """
    own = measure(logits, labels)
    temperature = None if held_out is None else fit_temperature(*held_out)
    calibrated = None if temperature is None else measure(logits.double() / temperature, labels)
    to_teacher = (None, None, None)
    if teacher_logits is not None:
        to_teacher = (fidelity(logits, teacher_logits), *fidelity_where(logits, teacher_logits, labels))
    return Judgement(
        examples=own.examples,
        errors=own.errors,
        nll=own.nll,
        brier=own.brier,
        ece=own.ece,
        temperature=temperature,
        calibrated_nll=None if calibrated is None else calibrated.nll,
        calibrated_ece=None if calibrated is None else calibrated.ece,
        test=to_teacher[0],
        teacher_right=to_teacher[1],
        teacher_wrong=to_teacher[2],
        training=training,
        start=start,
    )


def fidelity_on_training(net: Teacher, transfer_set: TransferSet, targets: SoftTargets) -> Fidelity | None:
    """Return a net's fidelity to the teachers of a store on the first 10,000 training rows, in their first view.

    Of a set in runs those are the first whole runs that make so many rows, at least one.

    None where the store keeps only a part of what the teachers said.
    """
    if not targets.tells_all:
        return None
    ids, lengths = transfer_set.ids, transfer_set.run_lengths
    rows = torch.ones_like(ids) if lengths is None else lengths[ids]
    ids = ids[: max(1, int((rows.cumsum(0) <= MOST_TRAINING).sum()))]
    return fidelity(predict(net, transfer_set, ids=ids), targets.logits(ids, temperature=1.0))


def told_judgement(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement as JSON holds it; a figure that is no finite number is None."""
    return as_json(asdict(judgement))


def read_judgement(value: Mapping[str, Any]) -> Judgement:
    """Return the judgement that JSON holds.

    Raises:
        ArgumentError: it is of another form.
    """
    parts = ("test", "teacher_right", "teacher_wrong", "training")
    try:
        return Judgement(**{**value, **{part: value[part] and Fidelity(**value[part]) for part in parts}})
    except (KeyError, TypeError, AttributeError) as error:
        raise ArgumentError(f"a judgement must have the figures of one, got {type(error).__name__}: {error}") from error
