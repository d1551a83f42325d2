"""Soft targets from all the data, for a student that has a little of it (Hinton et al. 2015, s. 6).

A student learns from 1%, 3%, 10% or 30% of the training set: on labels, with early stopping and to the end, and on the
soft targets of a teacher that was trained on all of it, with no early stopping. The paper did this on speech, with 3%
and frame accuracy. Which examples are kept is drawn anew for each seed, the smaller parts from the larger.

Beyond the paper, both once more with views, and for more steps: the part's images shifted as the teacher's were, on
labels, and on what the teacher says of each shifted image.

    limbeck run mnist-few --data DIR --seeds 5 --record    five paired seeds

Paper (speech): all labels 58.9%, 3% of the labels 44.5%, 3% with soft targets 57.0%. Expected figures, time and
machine: results/mnist-few.json, shown by `limbeck list`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import limbeck
from limbeck.budget import Budget
from limbeck.recipes.mnist import Lesson, Mnist, distinct
from limbeck.runs import Run

if TYPE_CHECKING:
    from limbeck.study import Arm, Trial

SECTION_6 = 0.03  # the paper's part
VIEWS = ", with views"


@dataclass(frozen=True)
class MnistParts(Mnist):
    """What nets that learn from a part of the training set may spend."""

    steps: int = 2000
    """Steps of a training on a part."""
    patience: float = 0.2
    """A training on labels stops after this share (0..1) of its epochs without a lower validation NLL."""
    batches: int = 32
    """A part has at least so many batches, and none is over the student's batch size."""

    def small(self) -> dict[str, Any]:
        return {**super().small(), "steps": 4}

    def check(self) -> None:
        super().check()
        if not 0 < self.patience <= 1 or self.steps < 1 or self.batches < 1:
            raise limbeck.ArgumentError(
                "patience must lie in 0..1, 0 excluded, steps and batches must be >= 1, "
                f"got {self.patience}, {self.steps} and {self.batches}"
            )

    def budget_for(self, part: "limbeck.TransferSet", steps: int) -> Budget:
        """Return the student's budget for a part: so many steps, in smaller batches where there are few examples.

        The rate goes with the square root of the batch, as Adam's noise does.
        """
        size = min(self.student.batch_size, max(1, len(part) // self.batches))
        rate = self.student.learning_rate * math.sqrt(size / self.student.batch_size)
        epochs = max(1, round(steps * size / len(part)))
        return replace(self.student, batch_size=size, epochs=epochs, learning_rate=rate)

    def stopping_early(self, budget: Budget) -> Budget:
        """Return the same budget for a training on labels."""
        return replace(budget, early_stop=max(1, round(self.patience * budget.epochs)))


@dataclass(frozen=True)
class MnistFew(MnistParts):
    """A part of the training set, on labels and on soft targets."""

    fractions: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3)
    """Parts (0..1) of the training set; all of it comes on top."""
    views: int = 16
    """Shifted views of each image that the teacher judges; a net with views sees one an epoch."""
    view_steps: int = 4000
    """Steps of a training with views."""

    def check(self) -> None:
        super().check()
        distinct("fractions", self.fractions)
        check_fractions("fractions", self.fractions)
        limbeck.targets.check_views(self.views)
        if self.view_steps < 1:
            raise limbeck.ArgumentError(f"view_steps must be >= 1, got {self.view_steps}")

    def check_on(self, train: "limbeck.TransferSet") -> None:
        super().check_on(train)
        for fraction in self.fractions:
            self.budget_for(part_of(train, fraction, 0), max(self.steps, self.view_steps))

    def small(self) -> dict[str, Any]:
        return {**super().small(), "fractions": (0.3,), "views": 2, "view_steps": 4}


def check_fractions(name: str, fractions: Sequence[float]) -> None:
    """Raise ArgumentError unless all are parts of the training set: some of it, not all."""
    if not all(0 < fraction < 1 for fraction in fractions):
        raise limbeck.ArgumentError(f"{name} must lie between 0 and 1, got {', '.join(map(str, fractions))}")


def percent(fraction: float) -> str:
    """Return a part in per cent.

    >>> percent(0.03), percent(0.005)
    ('3%', '0.5%')
    """
    return f"{100 * fraction:g}%"


def part_of(train: "limbeck.TransferSet", fraction: float, seed: int) -> "limbeck.TransferSet":
    """Return a part (0..1) of the training set, drawn by the seed, a smaller one from a larger."""
    return train.split(max(1, round(fraction * len(train))), seed + 1, f"{percent(fraction)} part")[1]


def main(config: MnistFew, run: Run) -> "limbeck.conclusion.Result":
    """Compare labels and soft targets on parts of the data."""
    lesson = Lesson(config, run)
    study = lesson.study
    [fitted] = lesson.teachers()
    targets = study.soften(fitted.net, study.train)
    targets_of_views = study.soften(fitted.net, lesson.jittered, config.views)

    def arms_of(seed: int) -> "list[Arm]":
        arms = [lesson.twin(_twin(1)), lesson.student(_student(1), targets)]
        for fraction in config.fractions:
            part = part_of(study.train, fraction, seed)
            budget = config.budget_for(part, config.steps)
            arms.append(lesson.twin(stopped(fraction), seen=part, budget=config.stopping_early(budget)))
            arms.append(lesson.twin(_twin(fraction), seen=part, budget=budget))
            arms.append(lesson.student(_student(fraction), targets, seen=part, budget=budget))
        for fraction in (1.0, *config.fractions):
            seen = lesson.jittered if fraction == 1 else part_of(lesson.jittered, fraction, seed)
            budget = config.budget_for(seen, config.view_steps)
            arms.append(lesson.twin(_twin(fraction, VIEWS), seen=seen, num_views=config.views, budget=budget))
            arms.append(lesson.student(_student(fraction, VIEWS), targets_of_views, seen=seen, budget=budget))
        return arms

    nearest = min(config.fractions, key=lambda fraction: abs(fraction - SECTION_6))
    controlled = [_student(nearest), _student(nearest, VIEWS)]
    trials = study.compare(arms_of, controlled=controlled, random_teacher=lesson.teacher_net)
    teacher = study.trial(fitted)
    told = [told for name in controlled for told in study.controls_told(trials, name)]
    return study.conclude_taught(
        [*_findings(config, lesson, trials), *told],
        trials,
        teacher=teacher,
        twin=_twin(nearest),
        student=_student(nearest),
        charts=[_chart(config, lesson, trials)],
    )


def stopped(fraction: float) -> str:
    """Return the setting of a net on a part's labels that stops early."""
    return f"{_twin(fraction)}, early stopping"


def _twin(fraction: float, views: str = "") -> str:
    return f"twin, {percent(fraction)} labels{views}"


def _student(fraction: float, views: str = "") -> str:
    return f"student, {percent(fraction)} soft{views}"


def _findings(config: MnistFew, lesson: Lesson, trials: "dict[str, list[Trial]]") -> list[str]:
    examples, mean_of = len(lesson.study.test), limbeck.evidence.mean_of
    accuracy = {name: 1 - mean_of(lesson.study.errors(own)) / examples for name, own in trials.items()}
    found = []
    for views, seen in (("", "of the data"), (VIEWS, "of the data, all with views")):
        whole = accuracy[_twin(1, views)]
        for fraction in config.fractions:
            labels, soft = accuracy[_twin(fraction, views)], accuracy[_student(fraction, views)]
            told = f"{labels:.2%} right on labels"
            if not views:
                early = accuracy[stopped(fraction)]
                told = f"{early:.2%} right on labels with early stopping, {labels:.2%} to the end"
                labels = max(labels, early)
            found.append(
                f"{percent(fraction)} {seen}: {told}, {soft:.2%} on soft targets: {soft / whole:.1%} of the "
                f"{whole:.2%} that all labels give{_lost(whole, labels, soft)}."
            )
    return found


def _lost(whole: float, labels: float, soft: float) -> str:
    return (
        f"; they lose {(whole - soft) / (whole - labels):.0%} of what labels lose" if whole > max(labels, soft) else ""
    )


def _chart(config: MnistFew, lesson: Lesson, trials: "dict[str, list[Trial]]") -> "limbeck.report.Chart":
    fractions, series = [*sorted(config.fractions), 1.0], []
    for name, setting in (("soft targets", _student), ("labels", _twin)):
        for views in (VIEWS, ""):
            errors = [lesson.study.errors(trials[setting(fraction, views)]) for fraction in fractions]
            places = [100 * fraction for fraction in fractions]
            series.append(limbeck.report.Series.of(f"{name}{views}", places, errors))
    title = "Test errors by share of the training set"
    return limbeck.report.Chart("few", title, "% of the training set", "test errors", series, log_y=True)
