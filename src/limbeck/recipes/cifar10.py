"""Three quick convolution nets into one of 437 thousand and one of 101 thousand parameters, on CIFAR-10.

All are nets in the manner of cifar10-airbench (a fixed whitening convolution first, then six more, most of them on
small maps), trained in minutes on crop + flip views. The three teachers judge K views of each image; a student sees one
of them an epoch, the very pixels that they judged. Its label-only twin sees the same views under the same budget. The
small student is also taught from fewer stored views: with K = 1 it learns one fixed picture by heart.

    limbeck run cifar10 --data DIR --seeds 3 --record    three paired seeds; DIR holds the Parquet or .bin files

Nothing of it is in the paper. Expected figures, time and machine: results/cifar10.json, shown by `limbeck list`.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import limbeck
from limbeck.budget import Budget
from limbeck.recipes.cifar10_labml import Blocks
from limbeck.recipes.cifar10_labml_ours import cropped
from limbeck.recipes.mnist_ensemble import MOST_MEMBERS
from limbeck.runs import Run

if TYPE_CHECKING:
    from limbeck.study import Arm, NetMaker

SMALLER = "smaller"
WHITENED = 5000  # training images whose patches the first convolution whitens
TEACHERS = Budget(20, batch_size=250, learning_rate=1e-2, warmup=0.2, weight_decay=0.05, compiled=True, cuda_graph=True)
STUDENTS = replace(TEACHERS, epochs=40)


@dataclass(frozen=True)
class Cifar10:
    """Three quick nets into small ones on CIFAR-10, and how many stored views it takes."""

    large: Blocks = ((64,), (64, 256), (256, 256), (256,))
    """Channels of the convolutions of a teacher, block by block."""
    members: int = 3
    """Teachers in the ensemble."""
    medium: Blocks = ((32,), (32, 96), (96, 140), (144,))
    """The same of the student of 436,510 parameters."""
    small: Blocks = ((16,), (16, 48), (48, 64), (64,))
    """The same of the student of 101,258."""
    temperature: float = 4.0
    """Temperature of the soft targets while students learn."""
    hard_weight: float = 0.1
    """The labels' share (0..1) of a student's loss."""
    pixels: int = 4
    """A view is cropped from the image, padded by so many pixels, and mirrored or not."""
    views: int = 20
    """Views of each image that the teachers judge: K."""
    fewer_views: tuple[int, ...] = (1, 5)
    """What else is tried for K with the small student."""
    examples: int | None = None
    """Training examples, the first so many; all by default."""
    validation: int = 0
    """Training examples held out; none for the figures of record. Choices were made with 5,000."""
    teacher: Budget = TEACHERS
    """What each teacher may spend."""
    student: Budget = STUDENTS
    """What students and twins may spend."""

    def check(self) -> None:
        """Find what is wrong before anything is trained.

        Raises:
            ArgumentError: a field is not what its rule allows.
        """
        limbeck.objective.check_temperature(self.temperature)
        limbeck.objective.check_hard_weight(self.hard_weight, labelled=True)
        if not 2 <= self.members <= MOST_MEMBERS:
            raise limbeck.ArgumentError(f"members must lie in 2..{MOST_MEMBERS}, got {self.members}")
        limbeck.targets.check_views(self.views)
        every = (*self.fewer_views, self.views)
        if min(every) < 1 or any(before >= after for before, after in pairwise(every)):
            raise limbeck.ArgumentError(
                f"fewer_views must be >= 1, rise and stay below views, got {self.fewer_views} and {self.views}"
            )
        for blocks in (self.large, self.medium, self.small):
            limbeck.models.VGG(blocks, 10)

    def smoke(self) -> "Cifar10":
        """Return the same run in seconds."""
        few = Budget(epochs=1, batch_size=1000)
        blocks = {"large": ((2,),), "medium": ((2,),), "small": ((1,),)}
        return replace(self, **blocks, members=2, views=2, fewer_views=(1,), examples=1000, teacher=few, student=few)


def main(config: Cifar10, run: Run) -> "limbeck.conclusion.Result":
    """Compare students with their twins, and numbers of views."""
    config.check()
    sets = limbeck.data.load_cifar10(run.data)
    study = limbeck.study.Study.on(run, sets, config.validation, config.examples, accuracy=True)
    whitening = limbeck.models.Whitening(study.train.at(study.train.ids[:WHITENED]))

    def maker(blocks: Blocks) -> "NetMaker":
        return lambda: limbeck.models.VGG(blocks, 10, whitening=whitening)

    study.check(maker(config.medium)(), config.teacher, config.student)
    seen = cropped(study.train, config.pixels)
    fitted = study.teach("teacher", maker(config.large), seen, config.teacher, config.members)
    ensemble = limbeck.Ensemble([each.net for each in fitted])
    asked = limbeck.Ensemble([limbeck.study.as_trained(each.net, config.teacher) for each in fitted])
    arms: list[Arm] = []

    def arm(setting: str, blocks: Blocks, objective: "limbeck.training.Objective") -> None:
        arms.append(limbeck.study.Arm(setting, maker(blocks), seen, objective, config.student))

    targets = study.soften(asked, seen, config.views)

    def taught(views: int) -> "limbeck.training.FromSoftTargets":
        return limbeck.training.FromSoftTargets(targets.first_views(views), config.temperature, config.hard_weight)

    labels = limbeck.training.FromLabels(config.views)
    arm("twin", config.medium, labels)
    arm("student", config.medium, taught(config.views))
    arm(f"twin, {SMALLER}", config.small, labels)
    for views in (*config.fewer_views, config.views):
        arm(of_views(views), config.small, taught(views))
    trials = study.compare(lambda _: arms, controlled=["student"], random_teacher=maker(config.large))
    together = limbeck.teachers.predict(ensemble, study.test)
    teachers = [study.trial(each) for each in fitted]
    rows = study.rows({"teacher": teachers}, together)
    rows += limbeck.evidence.setting_rows(
        "ensemble", [[limbeck.judge.measure(together, study.labels)]], study.paper, accuracy=True
    )
    rows += study.rows(trials, together)
    smallest = of_views(config.views)
    findings = [
        study.compared("The student", trials["student"], "its label-only twin", trials["twin"]),
        study.compared("The smaller student", trials[smallest], "its twin", trials[f"twin, {SMALLER}"]),
        *(
            f"{after} stored views in the place of {before}, smaller student: "
            f"{study.changed(trials[of_views(before)], trials[of_views(after)])}."
            for before, after in pairwise((*config.fewer_views, config.views))
        ),
        *study.controls_told(trials, "student"),
    ]
    return study.conclude(
        rows,
        findings,
        trials,
        teacher=("ensemble", together),
        asked=ensemble,
        twin="twin",
        student="student",
        teacher_validation=study.validation_logits(ensemble),
    )


def of_views(views: int) -> str:
    """Return the setting of the smaller student that is taught from so many stored views."""
    return f"student, {SMALLER}, K={views}"
