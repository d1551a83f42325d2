"""Later objectives beside the paper's, each at its best, on MNIST.

The paper's divergence, DKD (Zhao et al. 2022), DIST (Huang et al. 2022) and the divergence of standardised logits (Sun
et al. 2024) teach the same students from the same store. Each is tried at several temperatures, DKD with several
weights; which of its tries stands for it is chosen by the mean errors on held-out images. No labels are mixed in: only
what is said of the soft targets differs.

    limbeck run mnist-objectives --data DIR --seeds 5 --record    five paired seeds

Expected figures, time and machine: results/mnist-objectives.json, shown by `limbeck list`.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import limbeck
from limbeck.recipes.mnist import Lesson, Mnist, distinct, left_alone
from limbeck.runs import Run

if TYPE_CHECKING:
    from limbeck.study import Arm

DIVERGENCE, DKD, DIST, STANDARDISED = "divergence", "DKD", "DIST", "standardised logits"
LATER = (DKD, DIST, STANDARDISED)


@dataclass(frozen=True)
class MnistObjectives(Mnist):
    """Four objectives on one store, each tuned on held-out images."""

    temperatures: tuple[float, ...] = (4.0, 20.0)
    """Temperatures at which divergence, DKD and DIST are tried."""
    standardised_temperatures: tuple[float, ...] = (2.0, 4.0)
    """Temperatures at which standardised logits are tried: their deviation is 1."""
    others_weights: tuple[float, ...] = (2.0, 8.0)
    """DKD's weights of the other classes' part that are tried; the label's class has 1."""

    def check(self) -> None:
        super().check()
        if self.hard_weight > 0:
            raise limbeck.ArgumentError(f"hard_weight must be 0 where objectives are compared, got {self.hard_weight}")
        left_alone("temperature", self.temperature, Mnist.temperature, "`temperatures` are what is tried")
        for name in ("temperatures", "standardised_temperatures", "others_weights"):
            distinct(name, getattr(self, name))
        for temperature in (*self.temperatures, *self.standardised_temperatures):
            limbeck.objective.check_temperature(temperature)
        if not all(0 <= weight < float("inf") for weight in self.others_weights):
            raise limbeck.ArgumentError(f"others_weights must be >= 0, got {self.others_weights}")

    def small(self) -> dict[str, Any]:
        return {**super().small(), "others_weights": (8.0,), "standardised_temperatures": (2.0,)}


def main(config: MnistObjectives, run: Run) -> "limbeck.conclusion.Result":
    """Compare objectives."""
    lesson = Lesson(config, run)
    study = lesson.study
    [fitted] = lesson.teachers()
    targets = study.soften(fitted.net, study.train)
    tries: dict[str, list[Arm]] = {name: [] for name in (DIVERGENCE, *LATER)}

    def also(kind: str, t: float, told: str = "", **options: Any) -> None:
        objective = limbeck.training.BeyondThePaper(targets, t, 0.0, **options)
        tries[kind].append(replace(plain, setting=f"student, {kind}, T={t:g}{told}", objective=objective))

    for t in config.temperatures:
        plain = lesson.student(f"student, {DIVERGENCE}, T={t:g}", targets, temperature=t)
        tries[DIVERGENCE].append(plain)
        for weight in config.others_weights:
            also(DKD, t, f", weight {weight:g}", soft_loss="decoupled", weights=(1.0, weight))
        also(DIST, t, soft_loss="correlation")
    for t in config.standardised_temperatures:
        also(STANDARDISED, t, standardise=True)
    arms = [lesson.twin("twin"), *(arm for own in tries.values() for arm in own)]
    controlled = [arm.setting for arm in tries[DIVERGENCE]]
    trials = study.compare(lambda _: arms, controlled=controlled, random_teacher=lesson.teacher_net)
    teacher = study.trial(fitted)
    chosen = {
        name: min((arm.setting for arm in own), key=lambda setting: sum(study.validation_errors(trials[setting])))
        for name, own in tries.items()
    }
    best = chosen[DIVERGENCE]
    findings = [
        study.compared(
            f"The {chosen[name]}, the best of its tries on held-out images,",
            trials[chosen[name]],
            f"the {best}, the best of its own,",
            trials[best],
        )
        for name in LATER
    ]
    findings += study.controls_told(trials, best)
    return study.conclude_taught(findings, trials, teacher=teacher, twin="twin", student=best)
