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
from limbeck.recipes.mnist import Lesson, Mnist, distinct
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
    beyond = limbeck.training.BeyondThePaper
    tries: dict[str, list[Arm]] = {name: [] for name in (DIVERGENCE, *LATER)}
    for t in config.temperatures:
        plain = lesson.student(f"student, {DIVERGENCE}, T={t:g}", targets, temperature=t)
        tries[DIVERGENCE].append(plain)
        for weight in config.others_weights:
            objective = beyond(targets, t, 0.0, soft_loss="decoupled", weights=(1.0, weight))
            tries[DKD].append(_by(plain, f"student, {DKD}, T={t:g}, weight {weight:g}", objective))
        objective = beyond(targets, t, 0.0, soft_loss="correlation")
        tries[DIST].append(_by(plain, f"student, {DIST}, T={t:g}", objective))
    for t in config.standardised_temperatures:
        objective = beyond(targets, t, 0.0, standardise=True)
        tries[STANDARDISED].append(_by(tries[DIVERGENCE][0], f"student, {STANDARDISED}, T={t:g}", objective))
    arms = [lesson.twin("twin"), *(arm for own in tries.values() for arm in own)]
    trials = study.compare(lambda _: arms)
    teacher = study.trial(fitted)
    chosen = {
        name: min((arm.setting for arm in own), key=lambda setting: sum(study.validation_errors(trials[setting])))
        for name, own in tries.items()
    }
    examples, plain = len(study.test), study.errors(trials[chosen[DIVERGENCE]])
    findings = [
        limbeck.evidence.compared(
            f"The {chosen[name]}, the best of its tries on held-out images,",
            study.errors(trials[chosen[name]]),
            f"the {chosen[DIVERGENCE]}, the best of its own,",
            plain,
            examples,
        )
        for name in LATER
    ]
    return study.conclude(
        study.rows({"teacher": [teacher], **trials}, teacher.test_logits),
        findings,
        trials,
        teacher=("teacher", teacher.test_logits),
        twin="twin",
        student=chosen[DIVERGENCE],
    )


def _by(arm: "Arm", setting: str, objective: "limbeck.training.BeyondThePaper") -> "Arm":
    return replace(arm, setting=setting, objective=objective)
