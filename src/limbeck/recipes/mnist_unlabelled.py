"""A transfer set without labels, or with labels for one example in a hundred (Hinton et al. 2015, s. 2).

The transfer set may be anything that the teacher can judge: "it could consist entirely of unlabeled data". Here it is
MNIST's training images with no labels, with labels for 1% of them, and with all; an example without a label teaches by
its soft targets alone. Beside them stand nets on the labels alone, 1% and all of them.

    limbeck run mnist-unlabelled --data DIR --seeds 5 --record    five paired seeds

The paper gives no figures. Expected figures, time and machine: results/mnist-unlabelled.json, shown by `limbeck list`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import limbeck
from limbeck.recipes.mnist import Lesson
from limbeck.recipes.mnist_few import MnistParts, check_fractions, part_of, percent, stopped
from limbeck.runs import Run

if TYPE_CHECKING:
    from limbeck.study import Arm

NONE, SOME, ALL = "student, no labels", "student, {} labels", "student, all labels"


@dataclass(frozen=True)
class MnistUnlabelled(MnistParts):
    """Soft targets for all of the transfer set, labels for none, some or all of it."""

    labelled: float = 0.01
    """Part (0..1) of the transfer set that has labels."""
    hard_weight: float = 0.1
    """The labels' share (0..1) of a labelled example's loss."""

    def check(self) -> None:
        super().check()
        check_fractions("labelled", [self.labelled])

    def check_on(self, train: "limbeck.TransferSet") -> None:
        super().check_on(train)
        self.budget_for(part_of(train, self.labelled, 0), self.steps)


def main(config: MnistUnlabelled, run: Run) -> "limbeck.conclusion.Result":
    """Compare transfer sets with labels for none, some and all."""
    lesson = Lesson(config, run)
    study = lesson.study
    [fitted] = lesson.teachers()
    targets = study.soften(fitted.net, study.train)
    share = percent(config.labelled)
    some, alone = SOME.format(share), stopped(config.labelled)

    def arms_of(seed: int) -> "list[Arm]":
        part = part_of(study.train, config.labelled, seed)
        partly = study.train.labelled_only(part.ids)
        budget = config.stopping_early(config.budget_for(part, config.steps))
        return [
            lesson.twin(alone, seen=part, budget=budget),
            lesson.twin("twin"),
            lesson.student(NONE, targets, seen=study.train.without_labels(), hard_weight=0.0),
            lesson.student(some, targets, seen=partly),
            lesson.student(ALL, targets),
        ]

    trials = study.compare(arms_of, controlled=[ALL], random_teacher=lesson.teacher_net)
    teacher = study.trial(fitted)
    findings = [
        study.compared("A student without labels", trials[NONE], f"a net on {share} of the labels", trials[alone]),
        study.compared("A student without labels", trials[NONE], "a net on all labels", trials["twin"]),
        study.compared(f"With labels for {share} the student", trials[some], "without", trials[NONE]),
        study.compared("With all labels the student", trials[ALL], "without", trials[NONE]),
        *study.controls_told(trials, ALL),
    ]
    return study.conclude_taught(findings, trials, teacher=teacher, twin="twin", student=NONE)
