"""labml's two nets on CIFAR-10 by our protocol: what each change brings.

The teacher is trained on crop + flip views with a schedule, in bfloat16 where the machine computes in it, without
dropout. The first student learns from it exactly as labml's does from theirs (cifar10-labml); then one change follows
the other: less weight on the labels; a cosine with a higher peak and larger batches, after which no statistics are
measured anew; matched crop + flip views; all within labml's ten epochs. Last, more epochs and weight decay, beside the
label-only twin on the same views and under the same budget. One teacher serves all seeds.

    limbeck run cifar10-labml-ours --data DIR --seeds 3 --record    three paired seeds

Nothing of it is in the paper. Expected figures, time and machine: results/cifar10-labml-ours.json, shown by
`limbeck list`.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import limbeck
from limbeck.budget import Budget
from limbeck.recipes.cifar10_labml import LARGE, SMALL, THEIR_STUDENTS, Blocks, check_loss
from limbeck.runs import Run

THEIRS = "student, labml's protocol"
MEANS = {  # what is changed from one student to the next
    "student, less weight on labels": "Less weight on labels",
    "student, and our schedule": "A cosine with a higher peak, and larger batches",
    "student, and matched views": "Matched views",
    "student": "More epochs, and weight decay",
}
WEIGHTS, SCHEDULE, VIEWS, BEST = MEANS


@dataclass(frozen=True)
class Cifar10LabmlOurs:
    """labml's nets on CIFAR-10 by our protocol, change by change."""

    large: Blocks = LARGE
    """Channels of the convolutions of the teacher, block by block."""
    small: Blocks = SMALL
    """The same of students and twin."""
    temperature: float = 5.0
    """Temperature of the soft targets while students learn."""
    labml_hard_weight: float = 5 / 9
    """The labels' share (0..1) of labml's loss: 0.5 of 0.4 + 0.5."""
    hard_weight: float = 0.1
    """The labels' share (0..1) of the loss in all that follows."""
    pixels: int = 4
    """A view is cropped from the image, padded by so many pixels, and mirrored or not."""
    views: int = 40
    """Views of each image that the teacher judges; students and twin see one an epoch."""
    examples: int | None = None
    """Training examples, the first so many; all by default."""
    validation: int = 0
    """Training examples held out; none for the figures of record. Choices were made with 5,000."""
    teacher: Budget = field(
        default_factory=lambda: Budget(
            60,
            batch_size=250,
            learning_rate=2e-3,
            warmup=0.2,
            weight_decay=0.05,
            compiled=True,
            cuda_graph=True,
        )
    )
    """What the teacher may spend."""
    labml_student: Budget = THEIR_STUDENTS
    """What a student may spend by labml's protocol."""
    scheduled: Budget = field(
        default_factory=lambda: Budget(10, batch_size=250, learning_rate=4e-3, warmup=0.1, cuda_graph=True)
    )
    """What a student may spend with a schedule in labml's number of epochs."""
    student: Budget = field(
        default_factory=lambda: Budget(
            100, batch_size=250, learning_rate=4e-3, warmup=0.1, weight_decay=0.05, compiled=True, cuda_graph=True
        )
    )
    """What the last student, and its twin, may spend."""

    def check(self) -> None:
        """Find what is wrong before anything is trained.

        Raises:
            ArgumentError: a field is not what its rule allows.
        """
        check_loss(self.temperature, self.hard_weight, self.labml_hard_weight)
        limbeck.targets.check_views(self.views, least=2)
        for blocks in (self.large, self.small):
            limbeck.models.VGG(blocks, 10)

    def smoke(self) -> "Cifar10LabmlOurs":
        """Return the same run in seconds."""
        few = Budget(epochs=1, batch_size=1000)
        budgets = {"teacher": few, "labml_student": few, "scheduled": few, "student": few}
        return replace(self, large=((2,),), small=((1,),), views=2, examples=1000, **budgets)


def main(config: Cifar10LabmlOurs, run: Run) -> "limbeck.conclusion.Result":
    """Begin with labml's protocol for the student, then change one thing after the other."""
    config.check()
    sets = limbeck.data.load_cifar10(run.data)
    study = limbeck.study.Study.on(run, sets, config.validation, config.examples, accuracy=True)
    vgg = limbeck.models.VGG
    study.check(vgg(config.small, 10), config.teacher, config.labml_student, config.scheduled, config.student)
    train, seen = study.train, cropped(study.train, config.pixels)
    [fitted] = study.teach("teacher", lambda: vgg(config.large, 10), seen, config.teacher)
    asked = limbeck.study.as_trained(fitted.net, config.teacher)
    plain, matched = study.soften(asked, train), study.soften(asked, seen, config.views)

    def arm(setting: str, objective: "limbeck.training.Objective", budget: Budget) -> "limbeck.study.Arm":
        images = train if objective.num_views == 1 else seen
        return limbeck.study.Arm(setting, lambda: vgg(config.small, 10), images, objective, budget)

    def student(
        setting: str, targets: "limbeck.SoftTargets", hard_weight: float, budget: Budget
    ) -> "limbeck.study.Arm":
        return arm(setting, limbeck.training.FromSoftTargets(targets, config.temperature, hard_weight), budget)

    arms = [
        student(THEIRS, plain, config.labml_hard_weight, config.labml_student),
        student(WEIGHTS, plain, config.hard_weight, config.labml_student),
        student(SCHEDULE, plain, config.hard_weight, config.scheduled),
        student(VIEWS, matched, config.hard_weight, config.scheduled),
        student(BEST, matched, config.hard_weight, config.student),
        arm("twin", limbeck.training.FromLabels(config.views), config.student),
    ]
    trials = study.compare(lambda _: arms, controlled=[BEST], random_teacher=lambda: vgg(config.large, 10))
    findings = [
        study.compared("The student", trials[BEST], "its label-only twin", trials["twin"]),
        *(
            f"{MEANS[after]}: {study.changed(trials[before], trials[after])}."
            for before, after in pairwise((THEIRS, *MEANS))
        ),
        *study.controls_told(trials, BEST),
    ]
    return study.conclude_taught(findings, trials, teacher=study.trial(fitted), twin="twin", student=BEST)


def cropped(train: "limbeck.TransferSet", pixels: int) -> "limbeck.TransferSet":
    """Return a training set seen through crop + flip views.

    Raises:
        ArgumentError: its images can't be cropped so.
    """
    seen = train.seen_through(limbeck.data.CropFlip(pixels))
    seen.at(seen.ids[:1])
    return seen
