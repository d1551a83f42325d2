"""Anybody's own teacher and student, made ready for the road: behind their preprocessing, and seen to fit the data."""

import contextlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from limbeck.budget import Budget
from limbeck.data import TransferSet
from limbeck.errors import ArgumentError
from limbeck.models import Logits, Normalised
from limbeck.models.proposed import NetMaker
from limbeck.ship.parity import measure_parity
from limbeck.teachers import (
    Ensemble,
    Teacher,
    from_function,
    judging,
    layout_for,
    members_of,
    predict,
    refuse_probabilities,
    teacher_fingerprint,
)
from limbeck.training.learning import check_can_learn
from limbeck.training.loop import device_here

LOOKED_AT = 1000  # rows on which a teacher is looked at before anything is trained
LEARNED_FROM = 16  # rows that a student is tried on
ASKED_TWICE = 64  # rows: a little chance shows in some of them
ASKED_ALONE = 8  # of these
ROUNDED = 0.05  # of the largest of their logits: in bfloat16 or int8 a row is rounded otherwise in another batch
SMALL = 100_000  # parameters of a net of matrix products that bfloat16 slows on a CPU: casting costs more than it saves
DOUBTFUL = 0.5  # a teacher that is right on so few rows may have been given something else than it learned on
ROWS_HINT = "look at that row; --mean and --std, one number a column, bring columns to one size"
PIXELS_HINT = "--scale 255 gives it pixels as floats in 0..1; --mean and --std normalise them"


@dataclass(frozen=True)
class Preprocessing:
    """What teacher and student want done to raw inputs: (inputs / scale - mean) / std."""

    scale: float | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def before(self, net: nn.Module) -> nn.Module:
        """Return a net behind this preprocessing; the net itself where there is none."""
        if self == Preprocessing():
            return net
        behind = Normalised(net, 1.0 if self.scale is None else self.scale, self.mean or 0.0, self.std or 1.0)
        first = next(net.parameters(), None)
        return behind if first is None else behind.to(first.device)


def ready_teacher(teacher: Teacher, preprocessing: Preprocessing, train: TransferSet) -> Teacher:
    """Return a teacher that takes rows as the data set holds them and gives logits for its classes.

    Raises:
        ArgumentError: it can't judge two rows, gives other classes, probabilities or no finite logits, or answers at
            random or by the rest of its batch.
    """
    members, mean, weights = members_of(teacher)
    own = [_ready_member(member, preprocessing, train) for member in members]
    return own[0] if len(own) == 1 else Ensemble(own, mean, weights)


def _ready_member(teacher: Teacher, preprocessing: Preprocessing, train: TransferSet) -> Teacher:
    if isinstance(teacher, nn.Module):
        ready: Teacher = _ready_net(teacher, preprocessing, train)
    elif preprocessing != Preprocessing():
        before = preprocessing.before(nn.Identity())
        told = f"{teacher_fingerprint(teacher)} after {preprocessing}"
        ready = from_function(lambda inputs: teacher(before(inputs)), told)
    else:
        ready = teacher
    logits = _two_rows(ready, train, "the teacher")
    refuse_probabilities(logits)
    _check_finite(logits, train, train.ids[:2])
    _check_classes(logits, train)
    _check_steady(ready, train, "a teacher")
    return ready


def ready_student(make: NetMaker, preprocessing: Preprocessing, train: TransferSet, num_classes: int) -> NetMaker:
    """Return what makes a student that takes rows as the data set holds them and gives logits for so many classes.

    Raises:
        ArgumentError: it can't judge two rows, or learn from some, gives other classes, or answers at random or by the
            rest of its batch.
    """
    first = make()
    ready = _ready_net(first, preprocessing, train)
    given = _two_rows(ready, train, "the student").shape[1]
    if given != num_classes:
        raise ArgumentError(f"the student must give {num_classes} logits, as many as the teacher, it gives {given}")
    _check_steady(ready, train, "a student")
    check_can_learn(ready, train.at(train.ids[:LEARNED_FROM]))
    wrapped = any(isinstance(module, Logits) for module in ready.modules())
    return lambda: preprocessing.before(Logits(make()) if wrapped else make())


def quick_budget(budget: Budget, student: nn.Module) -> Budget:
    """Return a budget with `auto` precision as float32 where a student is small and does not convolve, on a CPU."""
    small = sum(parameter.numel() for parameter in student.parameters()) < SMALL
    convolves = layout_for(student) != torch.contiguous_format
    if budget.precision != "auto" or not small or convolves or device_here() != "cpu":
        return budget
    return replace(budget, precision="32-true")


def _ready_net(net: nn.Module, preprocessing: Preprocessing, train: TransferSet) -> nn.Module:
    """Return a net behind its preprocessing, that gives its logits alone."""
    ready, said = preprocessing.before(net), None
    with (
        contextlib.suppress(Exception, SystemExit),
        judging(ready) as device,
        torch.no_grad(),
    ):  # told where the rows are judged
        said = ready(train.at(train.ids[:2]).to(device))
    return preprocessing.before(Logits(net)) if isinstance(getattr(said, "logits", None), Tensor) else ready


def _two_rows(model: Teacher, train: TransferSet, who: str) -> Tensor:
    """Return what a model says of two training rows.

    Raises:
        ArgumentError: it can't judge them.
    """
    try:
        return predict(model, train, ids=train.ids[:2])
    except ArgumentError as error:
        failed_on_pixels = error.__cause__ is not None and train.inputs.dtype == torch.uint8
        hint = PIXELS_HINT if failed_on_pixels else error.hint
        raise ArgumentError(f"{who} must judge the {train.name}: {error.message}", hint) from error


def _check_steady(model: Teacher, train: TransferSet, who: str) -> None:
    """Raise ArgumentError for a model that says something else of a row when it is asked again, or in another batch."""
    ids = train.ids[:ASKED_TWICE]
    first, second = (predict(model, train, ids=ids) for _ in range(2))
    _check_finite(first, train, ids, who)
    parity = measure_parity(first, second)
    if not parity.largest_difference <= parity.tolerance:
        raise ArgumentError(
            f"{who} must say the same of the same rows, asked twice about {parity.rows} its logits differ by up to "
            f"{parity.largest_difference:.2g}",
            "it answers at random: dropout or noise that stays on in evaluation mode, as functional.dropout without "
            "training=self.training does",
        )
    for size, rows in (((len(ids) + 1) // 2, len(ids)), (1, min(len(ids), ASKED_ALONE))):
        again = predict(model, train, ids=ids[:rows], batch_size=size)
        before = first[: len(again)]
        differs = measure_parity(before, again).largest_difference
        if not differs <= ROUNDED * max(1.0, before.abs().max().item()):
            raise ArgumentError(
                f"{who} must say the same of a row whatever else is in its batch, asked about {parity.rows} at once "
                f"and in batches of {size} its logits differ by up to {differs:.2g}",
                "it compares the rows of a batch: batch normalisation without running statistics or kept in training "
                "mode, or a mean or softmax over dimension 0",
            )


def _check_finite(logits: Tensor, data: TransferSet, ids: Tensor, who: str = "a teacher") -> None:
    """Raise ArgumentError, which names the row, unless what a model says of the examples `ids` is finite."""
    bad = (~logits.isfinite().all(1)).nonzero().flatten().tolist()
    if bad:
        place, values = data.origin_of(int(data.rows_of(ids)[bad[0]])), logits[bad[0]].tolist()
        raise ArgumentError(
            f"{who} must give finite logits, of {place} it gives {values[:5]}",
            PIXELS_HINT if data.inputs.dtype == torch.uint8 else ROWS_HINT,
        )


def _check_classes(logits: Tensor, train: TransferSet) -> None:
    classes, names = logits.shape[1], train.class_names
    if classes == 1:
        raise ArgumentError(
            "a teacher must give a logit for each class, this one gives one",
            "a net with one output z for two classes is wrapped to give (0, z)",
        )
    if names and len(names) != classes:
        raise ArgumentError(
            f"the teacher must give a logit for each of the {len(names)} classes of the data, it gives {classes}",
            "--classes names all classes, in the order of the teacher's outputs"
            if classes > len(names)
            else "the teacher must know them all: take the rows of other classes out, or teach it these",
        )


def looked_at(teacher: Teacher, held_out: TransferSet, *, cut: bool) -> list[str]:
    """Return what to say of a teacher on labelled rows that are held out: how often it is right, and if that is odd.

    `cut` is whether they were cut from the training set: the teacher may know them.
    """
    if not held_out.has_labels or held_out.partly_labelled:
        return []
    ids = held_out.ids[:: -(-len(held_out) // LOOKED_AT)]
    labels = held_out.labels_at(ids)
    assert labels is not None
    logits = predict(teacher, held_out, ids=ids)
    _check_finite(logits, held_out, ids)
    right = float((logits.argmax(1) == labels).double().mean())
    commonest = float(labels.bincount().max()) / len(labels)
    known = ", on which it may have been trained" if cut else ""
    told = [f"the teacher is right on {right:.1%} of {len(labels):,} rows of the {held_out.name}{known}"]
    if right <= max(commonest, DOUBTFUL):
        told.append(
            f"warning: always choosing the commonest class is right on {commonest:.1%}. If the teacher should be right "
            "more often, look at the order of the classes (--classes) and of the columns (--inputs), and at what it "
            "wants of its inputs (--scale, --mean, --std)"
        )
    return told
