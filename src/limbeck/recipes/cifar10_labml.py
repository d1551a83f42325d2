"""labml's experiment on CIFAR-10: their two nets by their protocol made honest, and what each change of ours brings.

Their annotated implementation teaches a VGG-like net of 437,034 parameters by one of 14,728,266. Its protocol (no
augmentation, Adam at a constant rate, T = 5, 0.4·T²·KL + 0.5·CE, here as shares of 1) is followed first, but for what
made its figures unsure: here the last epoch's net is judged, with running statistics, once. Then one change after the
other: less weight on the labels; a cosine with a higher peak and larger batches; matched crop + flip views; a teacher
that was trained on such views, with a schedule and without dropout; all within labml's ten epochs. Last, more epochs.
One teacher of each kind serves all seeds.

    limbeck run cifar10-labml --data DIR --seeds 3 --record    three paired seeds; DIR holds the Parquet or .bin files

labml: teacher 85%, small net alone 80%, distilled 82%, one run each. Expected figures, time and machine:
results/cifar10-labml.json, shown by `limbeck list`.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import limbeck
from limbeck.budget import Budget
from limbeck.runs import Run

if TYPE_CHECKING:
    from limbeck.study import Arm

Blocks = tuple[tuple[int, ...], ...]
LARGE: Blocks = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
SMALL: Blocks = ((32, 32), (64, 64), (128,), (128,), (128,))

THEIR_TEACHER, THEIR_TWIN, THEIRS = (f"{role}, labml's protocol" for role in ("teacher", "twin", "student"))
WEIGHTS, SCHEDULE = "student, less weight on labels", "student, and our schedule"
VIEWS, TEACHER = "student, and matched views", "student, and our teacher"
MEANS = {  # what is changed from one student to the next
    WEIGHTS: "Less weight on labels",
    SCHEDULE: "A cosine with a higher peak, and larger batches",
    VIEWS: "Matched views",
    TEACHER: "A teacher trained by our protocol",
    "student": "More epochs",
}
LABML = {(THEIR_TEACHER, "accuracy"): 0.85, (THEIR_TWIN, "accuracy"): 0.80, (THEIRS, "accuracy"): 0.82}


@dataclass(frozen=True)
class Cifar10Labml:
    """labml's nets on CIFAR-10: their protocol made honest, then ours, change by change."""

    large: Blocks = LARGE
    """Channels of the convolutions of the teachers, block by block."""
    small: Blocks = SMALL
    """The same of students and twins."""
    dropout: float = 0.1
    """Probability of dropping an input of a convolution of labml's teacher."""
    temperature: float = 5.0
    """Temperature of the soft targets while students learn."""
    labml_hard_weight: float = 5 / 9
    """The labels' share (0..1) of labml's loss: 0.5 of 0.4 + 0.5."""
    hard_weight: float = 0.1
    """The labels' share (0..1) of the loss in all that follows."""
    pixels: int = 4
    """A view is cropped from the image, padded by so many pixels, and mirrored or not."""
    views: int = 12
    """Views of each image that a teacher judges; students and the last twin see one an epoch."""
    examples: int | None = None
    """Training examples, the first so many; all by default."""
    validation: int = 0
    """Training examples held out; none for the figures of record: the last epoch counts."""
    labml_teacher: Budget = field(
        default_factory=lambda: Budget(20, batch_size=64, learning_rate=2.5e-4, schedule="constant", warmup=0.0)
    )
    """What labml's teacher may spend."""
    labml_student: Budget = field(
        default_factory=lambda: Budget(10, batch_size=64, learning_rate=2.5e-4, schedule="constant", warmup=0.0)
    )
    """What student and twin may spend by labml's protocol."""
    teacher: Budget = field(
        default_factory=lambda: Budget(20, batch_size=128, learning_rate=2e-3, warmup=0.2, weight_decay=0.05)
    )
    """What our teacher may spend."""
    scheduled: Budget = field(default_factory=lambda: Budget(10, batch_size=256, learning_rate=4e-3, warmup=0.1))
    """What a student may spend with a schedule in labml's number of epochs."""
    student: Budget = field(default_factory=lambda: Budget(50, batch_size=256, learning_rate=4e-3, warmup=0.1))
    """What the last student, and its twin, may spend."""

    def check(self) -> None:
        """Find what is wrong before anything is trained.

        Raises:
            ArgumentError: a field is not what its rule allows.
        """
        limbeck.objective.check_temperature(self.temperature)
        limbeck.objective.check_hard_weight(self.hard_weight, labelled=True)
        if not 0 <= self.labml_hard_weight <= 1:
            raise limbeck.ArgumentError(f"labml_hard_weight must lie in 0..1, got {self.labml_hard_weight}")
        if self.views < 2:
            raise limbeck.ArgumentError(f"views must be >= 2, got {self.views}")
        for blocks in (self.large, self.small):
            limbeck.models.VGG(blocks, 10, dropout=self.dropout)

    def smoke(self) -> "Cifar10Labml":
        """Return the same run in seconds."""
        few = Budget(epochs=1, batch_size=1000)
        budgets = {"labml_teacher": few, "labml_student": few, "teacher": few, "scheduled": few, "student": few}
        return replace(self, large=((2,),), small=((1,),), views=2, examples=1000, **budgets)


def main(config: Cifar10Labml, run: Run) -> "limbeck.conclusion.Result":
    """Follow labml's protocol, then change one thing after the other."""
    config.check()
    sets = limbeck.data.load_cifar10(run.data)
    study = limbeck.study.Study.on(run, sets, config.validation, config.examples, paper=LABML, accuracy=True)
    budgets = (config.labml_teacher, config.labml_student, config.teacher, config.scheduled, config.student)
    study.check(limbeck.models.VGG(config.small, 10), *budgets)
    train, seen = study.train, cropped(study.train, config.pixels)
    vgg = limbeck.models.VGG
    [theirs] = study.teach(
        THEIR_TEACHER, lambda: vgg(config.large, 10, dropout=config.dropout), train, config.labml_teacher
    )
    [ours] = study.teach("teacher", lambda: vgg(config.large, 10), seen, config.teacher)
    asked = limbeck.study.as_trained(theirs.net, config.labml_teacher)
    plain, their_views = study.soften(asked, train), study.soften(asked, seen, config.views)
    our_views = study.soften(limbeck.study.as_trained(ours.net, config.teacher), seen, config.views)

    def arm(setting: str, objective: "limbeck.training.Objective", budget: Budget) -> "Arm":
        views = 1 if objective.num_views is None else objective.num_views
        return limbeck.study.Arm(
            setting, lambda: vgg(config.small, 10), seen if views > 1 else train, objective, budget
        )

    def student(setting: str, targets: "limbeck.SoftTargets", hard_weight: float, budget: Budget) -> "Arm":
        return arm(setting, limbeck.training.FromSoftTargets(targets, config.temperature, hard_weight), budget)

    arms = [
        arm(THEIR_TWIN, limbeck.training.FromLabels(1), config.labml_student),
        student(THEIRS, plain, config.labml_hard_weight, config.labml_student),
        student(WEIGHTS, plain, config.hard_weight, config.labml_student),
        student(SCHEDULE, plain, config.hard_weight, config.scheduled),
        student(VIEWS, their_views, config.hard_weight, config.scheduled),
        student(TEACHER, our_views, config.hard_weight, config.scheduled),
        student("student", our_views, config.hard_weight, config.student),
        arm("twin", limbeck.training.FromLabels(config.views), config.student),
    ]
    trials = study.compare(lambda _: arms, controlled=["student"], random_teacher=lambda: vgg(config.large, 10))
    teachers = {THEIR_TEACHER: study.trial(theirs), "teacher": study.trial(ours)}
    rows = []
    for name, teacher in teachers.items():
        own = [setting for setting in trials if taught_by(setting) == name]
        rows += study.rows({name: [teacher], **{setting: trials[setting] for setting in own}}, teacher.test_logits)
    errors, examples = {name: study.errors(nets) for name, nets in trials.items()}, len(study.test)
    compared = limbeck.evidence.compared
    findings = [
        compared("The student", errors["student"], "its label-only twin", errors["twin"], examples),
        compared("By labml's protocol the student", errors[THEIRS], "its twin", errors[THEIR_TWIN], examples),
        *(
            f"{MEANS[after]}: {limbeck.evidence.difference_told(errors[before], errors[after])}."
            for before, after in pairwise((THEIRS, *MEANS))
        ),
        *study.controls_told(trials, "student"),
    ]
    told = ("teacher", teachers["teacher"].test_logits)
    return study.conclude(rows, findings, trials, teacher=told, twin="twin", student="student")


def cropped(train: "limbeck.TransferSet", pixels: int) -> "limbeck.TransferSet":
    """Return a training set seen through crop + flip views.

    Raises:
        ArgumentError: its images can't be cropped so.
    """
    seen = train.seen_through(limbeck.data.CropFlip(pixels))
    seen.at(seen.ids[:1])
    return seen


def taught_by(setting: str) -> str:
    """Return the teacher with which a setting is compared."""
    return THEIR_TEACHER if setting in (THEIR_TWIN, THEIRS, WEIGHTS, SCHEDULE, VIEWS) else "teacher"
