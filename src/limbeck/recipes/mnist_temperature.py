"""Which temperature for which student (Hinton et al. 2015, s. 3).

Students of 30, 100, 300 and 800 units a layer learn from one teacher at temperatures from 1 to 50. Its logits are
written once: every temperature reads the same store. The paper says of this, without figures, that with 300 or more
units every temperature above 8 gave fairly similar results, and that with 30 units temperatures of 2.5 to 4 worked
significantly better than higher or lower ones. Both are tested.

    limbeck run mnist-temperature --data DIR --seeds 5 --record    five paired seeds of 28 nets

Expected figures, time and machine: results/mnist-temperature.json, shown by `limbeck list`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import limbeck
from limbeck.recipes.mnist import Lesson, Mnist, distinct, left_alone
from limbeck.runs import Run

if TYPE_CHECKING:
    from limbeck.study import Arm, Trial

SIMILAR = 10.0  # errors of 10,000: a tenth of a point is our reading of "fairly similar", the paper gives no figure
WARM, LARGE = 8.0, 300  # the paper's words: temperatures above 8, 300 or more units; 8 itself is tested too
BEST, SMALL = (2.5, 4.0), 30  # and the temperatures that are best for 30 units

Errors = dict[tuple[int, float], list[float]]
"""Errors by units and temperature, one a seed."""


@dataclass(frozen=True)
class MnistTemperature(Mnist):
    """Students of several sizes at several temperatures, from one store."""

    temperatures: tuple[float, ...] = (1.0, 2.5, 4.0, 8.0, 20.0, 50.0)
    """Temperatures of the soft targets."""
    units: tuple[int, ...] = (30, 100, 300, 800)
    """Units in each of a student's two hidden layers."""

    def check(self) -> None:
        super().check()
        left_alone("student_hidden", self.student_hidden, Mnist.student_hidden, "`units` gives the sizes")
        distinct("temperatures", self.temperatures)
        distinct("units", self.units)
        for temperature in self.temperatures:
            limbeck.objective.check_temperature(temperature)
        for units in self.units:
            limbeck.models.MLP([784, units, units, 10])

    def small(self) -> dict[str, Any]:
        small = super().small() | {"student_hidden": self.student_hidden}
        return {**small, "temperatures": (1.0, 4.0, 8.0, 20.0), "units": (30, 300)}


def main(config: MnistTemperature, run: Run) -> "limbeck.conclusion.Result":
    """Compare temperatures for each size."""
    lesson = Lesson(config, run)
    study = lesson.study
    [fitted] = lesson.teachers()
    targets = study.soften(fitted.net, study.train)
    arms: list[Arm] = []
    for units in config.units:
        hidden = (units, units)
        arms.append(lesson.twin(_twin(units), hidden=hidden))
        arms += [lesson.student(_student(units, t), targets, hidden=hidden, temperature=t) for t in config.temperatures]
    headline = _student(max(config.units), _nearest(config.temperature, config.temperatures))
    trials = study.compare(lambda _: arms, controlled=[headline], random_teacher=lesson.teacher_net)
    teacher = study.trial(fitted)
    errors = {
        (units, t): study.errors(trials[_student(units, t)]) for units in config.units for t in config.temperatures
    }
    validation = {(units, t): study.validation_errors(trials[_student(units, t)]) for units, t in errors}
    findings = [*_large(errors), *_small(errors, validation), *study.controls_told(trials, headline)]
    charts = [_chart(config, errors, trials, lesson)]
    return study.conclude_taught(
        findings, trials, teacher=teacher, twin=_twin(max(config.units)), student=headline, charts=charts
    )


def _student(units: int, temperature: float) -> str:
    return f"student, {units} units, T={temperature:g}"


def _twin(units: int) -> str:
    return f"twin, {units} units"


def _nearest(wanted: float, there: Sequence[float]) -> float:
    return min(there, key=lambda temperature: abs(math.log(temperature / wanted)))


def _large(errors: Errors) -> list[str]:
    """Return the first statement, tested: above T = 8 nothing changes for large students."""
    found = []
    for units in sorted({units for units, _ in errors if units >= LARGE}):
        warm = sorted(t for size, t in errors if size == units and t >= WARM)
        pairs = [
            (a, b, limbeck.judge.paired_interval(errors[units, a], errors[units, b])) for a, b in combinations(warm, 2)
        ]
        pairs = [(a, b, interval) for a, b, interval in pairs if interval is not None]
        if pairs:
            a, b, (mean, low, high) = max(pairs, key=lambda pair: max(abs(pair[2][1]), abs(pair[2][2])))
            similar = max(abs(low), abs(high)) <= SIMILAR
            found.append(
                f"{units} units, temperatures of {WARM:g} and more: the paper's “fairly similar” "
                f"{'holds' if similar else 'is not shown'} to within {SIMILAR:g} errors; the interval that goes "
                f"furthest is T={a:g} less T={b:g}, {mean:+.1f} errors (95% interval {low:+.1f} to {high:+.1f})."
            )
    return found


def _small(errors: Errors, validation: Errors) -> list[str]:
    """Return the second statement, tested: small students want a temperature between.

    Which of those between stands for them is chosen on the held-out images.
    """
    own = {t: values for (units, t), values in errors.items() if units == SMALL}
    between = [t for t in own if BEST[0] <= t <= BEST[1]]
    if not between or len(between) == len(own):
        return []
    best = min(between, key=lambda t: sum(validation[SMALL, t]))
    told, all_better = [], True
    for t in sorted(set(own) - set(between)):
        interval = limbeck.judge.paired_interval(own[best], own[t])
        if interval is None:
            return []
        mean, low, high = interval
        all_better &= high < 0
        told.append(f"{mean:+.1f} for T={t:g} ({low:+.1f} to {high:+.1f})")
    verdict = "holds" if all_better else "does not hold throughout"
    claim = f"{SMALL} units: the paper's “2.5 to 4 significantly better than higher or lower” {verdict}; errors at "
    return [f"{claim}T={best:g} less those at others, 95% intervals: {', '.join(told)}."]


def _chart(
    config: MnistTemperature, errors: Errors, trials: "dict[str, list[Trial]]", lesson: Lesson
) -> "limbeck.report.Chart":
    series = []
    for units in config.units:
        own = [errors[units, t] for t in config.temperatures]
        twin = limbeck.evidence.mean_of(lesson.study.errors(trials[_twin(units)]))
        name = f"{units} units (labels alone: {twin:.0f})"
        series.append(limbeck.report.Series.of(name, config.temperatures, own))
    return limbeck.report.Chart(
        "temperature", "Test errors by temperature and size", "temperature T", "test errors", series, log_y=True
    )
