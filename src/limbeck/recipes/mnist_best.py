"""How few errors the paper's small net can make, and what each means brings.

The student stays the 784-800-800-10 net of section 3. What changes, one means after the other: the teacher (a small
convolution net, trained on elastic views, in the place of the 1200-unit net), matched views (the student sees the
shifted and bent images that the teacher judged), several teachers, and a longer schedule. The paper's setting stands
first; one student tries another temperature; beside the last stands the same net on labels with the same views and
budget.

    limbeck run mnist-best --data DIR --seeds 5 --record    five paired seeds

Paper: 74 errors. Expected figures, time and machine: results/mnist-best.json, shown by `limbeck list`.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import limbeck
from limbeck.budget import Budget
from limbeck.recipes.mnist import PAPER, Lesson, Mnist
from limbeck.runs import Run

if TYPE_CHECKING:
    from limbeck.study import Arm

PLAIN, CONVOLUTION = "student, the paper's setting", "student, convolution teacher"
VIEWS, SEVERAL, BEST = "student, and matched views", "student, and several teachers", "student"
OTHER = "student, several teachers, another temperature"
STEPS = (PLAIN, CONVOLUTION, VIEWS, SEVERAL, BEST)
TWIN = "twin, same views and schedule"
MEANS = {
    CONVOLUTION: "A convolution net, trained on such views, as teacher",
    VIEWS: "Matched views",
    SEVERAL: "Several teachers",
    BEST: "A longer schedule",
}


@dataclass(frozen=True)
class MnistBest(Mnist):
    """Means beyond the paper's, one after the other, for the same small net."""

    blocks: tuple[tuple[int, ...], ...] = ((32,), (64, 64))
    """Channels of the convolutions of a teacher, block by block."""
    members: int = 3
    """Convolution nets in the ensemble."""
    views: int = 32
    """Elastic views of each image that the teachers judge; the student sees one an epoch."""
    linear: float = 0.15
    """Shear, scale and turn of a view (0..1), at most; shifts are the field jitter's."""
    bend: float = 1.0
    """Pixels by which a view's control points are moved, at most."""
    other_temperature: float = 4.0
    """Temperature of the student that tries another one."""
    convolution: Budget = field(default_factory=lambda: Budget(epochs=16, batch_size=256, learning_rate=4e-3))
    """What each convolution net may spend."""
    longer: Budget = field(default_factory=lambda: Budget(epochs=128, batch_size=256, learning_rate=5e-3))
    """What the last student, and its twin, may spend."""

    def check(self) -> None:
        super().check()
        limbeck.objective.check_temperature(self.other_temperature)
        limbeck.targets.check_views(self.views, least=2)
        if self.members < 2:
            raise limbeck.ArgumentError(f"members must be >= 2, got {self.members}")
        _convolution(self)

    def check_on(self, train: "limbeck.TransferSet") -> None:
        super().check_on(train)
        train.seen_through(_elastic(self)).at(train.ids[:1])

    def small(self) -> dict[str, Any]:
        few = Budget(epochs=1, batch_size=1024)
        return {**super().small(), "blocks": ((2,),), "members": 2, "views": 2, "convolution": few, "longer": few}


def main(config: MnistBest, run: Run) -> "limbeck.conclusion.Result":
    """Add one means after the other."""
    lesson = Lesson(config, run, {(PLAIN, "test errors"): PAPER["student", "test errors"]})
    study = lesson.study
    bent = study.train.seen_through(_elastic(config))
    [papers] = lesson.teachers()
    own = study.teach("convolution net", lambda: _convolution(config), bent, config.convolution, config.members)
    nets = [each.net for each in own]
    plain, one = study.soften(papers.net, study.train), study.soften(nets[0], study.train)
    of_views = study.soften(limbeck.Ensemble(nets), bent, config.views)
    first = of_views.averaged(weights=[1.0] + [0.0] * (config.members - 1))
    arms: list[Arm] = [
        lesson.student(PLAIN, plain),
        lesson.student(CONVOLUTION, one),
        lesson.student(VIEWS, first, seen=bent),
        lesson.student(SEVERAL, of_views, seen=bent),
        lesson.student(OTHER, of_views, seen=bent, temperature=config.other_temperature),
        lesson.student(BEST, of_views, seen=bent, budget=config.longer),
        lesson.twin(TWIN, seen=bent, num_views=config.views, budget=config.longer),
    ]
    trials = study.compare(lambda _: arms, controlled=[BEST], random_teacher=lambda: _convolution(config))
    ensemble = limbeck.Ensemble(nets)
    together = limbeck.teachers.predict(ensemble, study.test)
    teachers = [study.trial(each) for each in own]
    papers_own, first_says = study.trial(papers), teachers[0].test_logits
    rows = study.rows({"teacher, the paper's": [papers_own], "teacher, convolution net": teachers}, None)
    rows += limbeck.evidence.setting_rows("ensemble", [[limbeck.judge.measure(together, study.labels)]], study.paper)
    taught_by = {PLAIN: papers_own.test_logits, CONVOLUTION: first_says, VIEWS: first_says}
    for name, nets_of in trials.items():
        rows += study.rows({name: nets_of}, taught_by.get(name, together))

    def difference(before: str, after: str) -> str:
        return study.changed(trials[before], trials[after])

    findings = [
        study.compared("The student", trials[BEST], "that of the paper's setting", trials[PLAIN]),
        study.compared("The student", trials[BEST], "its label-only twin", trials[TWIN]),
        *(f"{MEANS[after]}: {difference(before, after)}." for before, after in pairwise(STEPS)),
        f"T = {config.other_temperature:g}, not {config.temperature:g}: {difference(SEVERAL, OTHER)}.",
        *study.controls_told(trials, BEST),
    ]
    return study.conclude(
        rows,
        findings,
        trials,
        teacher=("ensemble", together),
        asked=ensemble,
        twin=TWIN,
        student=BEST,
        teacher_validation=study.validation_logits(ensemble),
    )


def _elastic(config: MnistBest) -> "limbeck.data.Elastic":
    return limbeck.data.Elastic(config.jitter, config.linear, config.bend)


def _convolution(config: MnistBest) -> "limbeck.models.VGG":
    return limbeck.models.VGG(config.blocks, 10, channels=1, size=28)
