"""Ten teachers into one student (Hinton et al. 2015, s. 2 and 4, on MNIST).

Ten of the paper's teachers, on a tenth of its budget each, differ in their random start, order and dropout alone. Their
mean, arithmetic or geometric, is better than each of them; how much of that reaches the student? Beside the students of
both means stands, for each seed, the student of one member. All read one store, which holds ten column groups.

    limbeck run mnist-ensemble --data DIR --seeds 5 --record    five paired seeds

The paper gives no figures for MNIST. Expected figures, time and machine: results/mnist-ensemble.json, shown by
`limbeck list`.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import limbeck
from limbeck.budget import Budget
from limbeck.recipes.mnist import Lesson, Mnist
from limbeck.runs import Run

if TYPE_CHECKING:
    from limbeck.study import Arm

MEANS: tuple[Literal["arithmetic", "geometric"], ...] = ("arithmetic", "geometric")
SINGLE = "student, one teacher"
MOST_MEMBERS = 100


@dataclass(frozen=True)
class MnistEnsemble(Mnist):
    """Ten teachers, two means, one student."""

    members: int = 10
    """Teachers in the ensemble."""
    teacher: Budget = field(default_factory=lambda: Budget(epochs=25, batch_size=512, learning_rate=2e-3, max_norm=3.0))
    """What each teacher may spend."""

    def check(self) -> None:
        super().check()
        if not 2 <= self.members <= MOST_MEMBERS:
            raise limbeck.ArgumentError(f"members must lie in 2..{MOST_MEMBERS}, got {self.members}")

    def small(self) -> dict[str, Any]:
        return {**super().small(), "members": 2}


def main(config: MnistEnsemble, run: Run) -> "limbeck.conclusion.Result":
    """Compare students of one teacher and of both means of all."""
    lesson = Lesson(config, run)
    study = lesson.study
    fitted = lesson.teachers(config.members)
    nets = [each.net for each in fitted]
    targets = study.soften(limbeck.Ensemble(nets), study.train)

    def arms_of(seed: int) -> "list[Arm]":
        alone = [float(number == seed % config.members) for number in range(config.members)]
        return [
            lesson.twin("twin"),
            lesson.student(SINGLE, targets.averaged(weights=alone)),
            *(lesson.student(_student(mean), targets.averaged(mean)) for mean in MEANS),
        ]

    trials = study.compare(arms_of, controlled=[_student(MEANS[0])], random_teacher=lesson.teacher_net)
    teachers = [study.trial(each) for each in fitted]
    together = {mean: limbeck.teachers.predict(limbeck.Ensemble(nets, mean=mean), study.test) for mean in MEANS}
    rows = study.rows({"teacher": teachers}, None)
    ensemble = {mean: limbeck.judge.measure(logits, study.labels) for mean, logits in together.items()}
    for mean in MEANS:
        rows += limbeck.evidence.setting_rows(f"ensemble, {mean} mean", [[ensemble[mean]]], {})
    alone = [teachers[seed % config.members] for seed in range(run.num_seeds)]
    rows += study.rows({"twin": trials["twin"]}, None)
    rows += study.rows({SINGLE: trials[SINGLE]}, [each.test_logits for each in alone])
    errors = {name: study.errors(own) for name, own in trials.items()}
    findings = []
    for mean in MEANS:
        rows += study.rows({_student(mean): trials[_student(mean)]}, together[mean])
        found, row = _gain(study.errors(alone), ensemble[mean].errors, errors, mean)
        findings += [
            study.compared(
                f"The student of the {mean} mean", trials[_student(mean)], "that of one teacher", trials[SINGLE]
            ),
            *found,
        ]
        rows += row
    return study.conclude(
        rows,
        [*findings, *study.controls_told(trials, _student(MEANS[0]))],
        trials,
        teacher=("ensemble", together[MEANS[0]]),
        asked=limbeck.Ensemble(nets, mean=MEANS[0]),
        twin="twin",
        student=_student(MEANS[0]),
        teacher_validation=study.validation_logits(limbeck.Ensemble(nets, mean=MEANS[0])),
    )


def _gain(
    alone: list[float], ensemble: int, errors: dict[str, list[float]], mean: str
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return which share of the ensemble's gain over the teachers of the single students reaches the ensemble's."""
    gain = limbeck.evidence.mean_of(alone) - ensemble
    if gain <= 0:
        return [], []
    share = (limbeck.evidence.mean_of(errors[SINGLE]) - limbeck.evidence.mean_of(errors[_student(mean)])) / gain
    said = (
        f"The ensemble of the {mean} mean makes {ensemble} errors, the teachers of the single students "
        f"{limbeck.evidence.mean_of(alone):.1f}; of that gain {share:.0%} reaches the student."
    )
    setting = f"student, gain by the {mean} mean / gain of the ensemble"
    return [said], [limbeck.evidence.row_of(setting, "ratio", [share], None)]


def _student(mean: str) -> str:
    return f"student, {mean} mean"
