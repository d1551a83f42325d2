"""From stored soft targets to a student and its label-only twin.

The twin starts from the same weights, sees the same examples in the same order through the same views, and has the
same budget. What the student is better by is what the soft targets brought.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from limbeck.budget import Budget
from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError
from limbeck.judge import Measures, evaluate, measure
from limbeck.progress import Progress
from limbeck.targets import SoftTargets
from limbeck.teachers import Teacher, predict
from limbeck.teachers.copies import copy_of
from limbeck.training import Fitted, FromLabels, FromSoftTargets, Objective, fit
from limbeck.training.loop import check_affordable

TAUGHT_ON_THESE = (
    "The test examples were held out from student and twin alone: the teacher may have been trained on them, "
    "and its own figures may flatter it."
)
HELD_OUT_SHARE = 10  # one example in so many is held out where no test set is given


@dataclass(frozen=True)
class Distilled:
    """A student, its twin (None without labels), and what they were judged on."""

    student_fit: Fitted
    twin_fit: Fitted | None
    test_set: TransferSet
    teacher_logits: Tensor | None
    """The teachers' logits (rows, classes) on the test set at temperature 1, where their store holds these whole."""
    temperature: float
    hard_weight: float
    held_out: bool
    """Whether the test set was cut from the transfer set: its teacher may have been trained on it."""

    @property
    def student(self) -> nn.Module:
        """The small net that learned from the soft targets."""
        return self.student_fit.net

    @property
    def twin(self) -> nn.Module | None:
        """The same net, trained on labels alone; None where the transfer set has none."""
        return None if self.twin_fit is None else self.twin_fit.net

    def measures(self) -> dict[str, Measures]:
        """Return the figures of teacher, twin and student on the test set.

        Raises:
            ArgumentError: the test set has no labels.
        """
        found: dict[str, Measures] = {}
        labels = self.test_set.labels_at(self.test_set.ids)
        if self.teacher_logits is not None and labels is not None:
            found["teacher"] = measure(self.teacher_logits, labels, self.teacher_logits)
        if self.twin is not None:
            found["twin"] = evaluate(self.twin, self.test_set, teacher_logits=self.teacher_logits)
        found["student"] = evaluate(self.student, self.test_set, teacher_logits=self.teacher_logits)
        return found

    def report(self, path: str | Path = "report.html") -> Path:
        """Write the evidence as one self-contained page and return its path."""
        from limbeck.report import Judged, write_report

        models = []
        if self.teacher_logits is not None:
            models.append(Judged("teacher", self.teacher_logits))
        for name, fitted in (("twin", self.twin_fit), ("student", self.student_fit)):
            if fitted is not None:
                models.append(Judged(name, predict(fitted.net, self.test_set), fitted.history))
        told = {"temperature": self.temperature, "hard_weight": self.hard_weight}
        note = TAUGHT_ON_THESE if self.held_out and self.teacher_logits is not None else ""
        return write_report(path, "Distillation", models, self.test_set, config=told, note=note)


def distill(
    student: nn.Module,
    soft_targets: SoftTargets,
    transfer_set: TransferSet,
    *,
    temperature: float = 4.0,
    hard_weight: float = 0.1,
    epochs: int | None = None,
    budget: Budget | None = None,
    validation: TransferSet | None = None,
    test_set: TransferSet | None = None,
    test_targets: SoftTargets | None = None,
    seed: int = 0,
    folder: str | Path | None = None,
    progress: Progress | None = None,
) -> Distilled:
    """Train a student from a store, and its label-only twin under the same budget (Hinton et al. 2015, s. 2).

    The student is trained in place. Labels are optional: without them hard_weight must be 0 and there is no twin. Where
    some rows have none (-1), these teach by their soft targets alone; the twin sees only the others, in as many steps.

    Args:
        student: a net from inputs to logits (batch, classes); its weights are where both start.
        soft_targets: the store its teachers wrote for this set and view.
        transfer_set: what it is trained on.
        temperature: at which teacher and student are softened while training.
        hard_weight: the labels' share (0..1) of the loss.
        epochs: passes over the set; `budget` tells the rest.
        budget: steps, rate and regularisation of both trainings.
        validation: labelled set for curves and early stopping.
        test_set: what both are judged on; where None, a tenth of the transfer set is held out for it. Held out from
            student and twin, that is: if the teacher was trained on it, its own figures there flatter it.
        test_targets: the teachers' store for a `test_set` that is given, for its rows in the report.
        seed: of the order of the data, of dropout and of what is held out.
        folder: where checkpoints and the nets go; a killed distillation goes on from there.
        progress: where to tell how far it is; nowhere by default.

    Raises:
        ArgumentError: a temperature, hard_weight or budget out of range, or labels that are needed and not there.
        TargetsError: the store is of other data, another view or other classes, or damaged.
        TrainingError: a loss that is not finite.
        RunError: the folder holds another training, or can't be written.
    """
    budget = budget or Budget()
    budget = budget if epochs is None else replace(budget, epochs=epochs)
    objective = FromSoftTargets(soft_targets, temperature, hard_weight)
    objective.check(transfer_set)
    soft_targets.check(transfer_set, num_outputs(student, transfer_set))
    held_out = test_set is None
    if test_set is None:
        if test_targets is not None:
            raise ArgumentError("test_targets need the test_set they were written for, got none")
        size = max(1, len(transfer_set) // HELD_OUT_SHARE)
        transfer_set, test_set = transfer_set.split(size, seed, "held-out tenth of the transfer set")
        test_targets = soft_targets if soft_targets.tells_all else None
    transfer_set.check_classes(soft_targets.num_classes, partly_labelled=True)
    for judged in (test_set, *([] if validation is None else [validation])):
        num_outputs(student, judged)
        judged.check_classes(soft_targets.num_classes)
    if test_targets is not None:
        test_targets.check(test_set, soft_targets.num_classes)
        if not test_targets.tells_all:
            raise ArgumentError(
                f"test_targets must hold what the teachers say of every class at temperature 1, "
                f"{test_targets.folder} does not",
                "write them with Dense(), or leave them out: the report then has no teacher",
            )
    check_can_distill(student, transfer_set, budget, validation)
    twin = copy_of(student)

    def train(net: nn.Module, seen: TransferSet, objective: Objective, own: Budget, name: str) -> Fitted:
        return fit(
            net,
            seen,
            objective=objective,
            validation=validation,
            budget=own,
            seed=seed,
            folder=None if folder is None else Path(folder) / name,
            name=name,
            progress=progress,
        )

    twin_fit = None
    if transfer_set.has_labels:
        seen = transfer_set.labelled()
        steps, own = (-(-len(part) // budget.batch_size) for part in (transfer_set, seen))
        longer = replace(budget, epochs=max(1, budget.epochs * steps // own))
        twin_fit = train(twin, seen, FromLabels(soft_targets.num_views), longer, "twin")
    student_fit = train(student, transfer_set, objective, budget, "student")
    logits = None if test_targets is None else test_targets.logits(test_set.ids, temperature=1.0)
    return Distilled(student_fit, twin_fit, test_set, logits, temperature, hard_weight, held_out)


def check_can_distill(
    student: nn.Module, transfer_set: TransferSet, budget: Budget, validation: TransferSet | None
) -> None:
    """Find what keeps a student or its twin, which sees the labelled rows alone, from training with a budget.

    Raises:
        ArgumentError: as `training.loop.check_affordable`.
    """
    for seen in (transfer_set, transfer_set.labelled() if transfer_set.has_labels else transfer_set):
        check_affordable(budget, student, seen, validation)


def num_outputs(net: Teacher, transfer_set: TransferSet) -> int:
    """Return the number of a net's logits, seen on one example.

    Raises:
        ArgumentError: its output is not (batch, classes).
    """
    return predict(net, transfer_set, ids=transfer_set.ids[:1]).shape[1]
