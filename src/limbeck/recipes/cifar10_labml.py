"""labml's experiment on CIFAR-10, made honest: their two nets, their optimiser, rate, batches, epochs and loss.

Their annotated implementation teaches a VGG-like net of 437,034 parameters by one of 14,728,266: no augmentation, Adam
at a constant rate, T = 5, 0.4·T²·KL + 0.5·CE, here as shares of 1. What made its figures unsure is mended: the last
epoch's net is judged, with running statistics that are measured anew, once, by several seeds; the loss has its T². A
second student gives the labels as little weight as the paper asks for. One teacher serves all seeds. What our own
protocol makes of the same nets is cifar10-labml-ours.

    limbeck run cifar10-labml --data DIR --seeds 3 --record    three paired seeds; DIR holds the Parquet or .bin files

labml: teacher 85%, small net alone 80%, distilled 82%, one run each. Expected figures, time and machine:
results/cifar10-labml.json, shown by `limbeck list`.
"""

from dataclasses import dataclass, field, replace

import limbeck
from limbeck.budget import Budget
from limbeck.runs import Run

Blocks = tuple[tuple[int, ...], ...]
LARGE: Blocks = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
SMALL: Blocks = ((32, 32), (64, 64), (128,), (128,), (128,))

LESS = "student, less weight on labels"
LABML = {("teacher", "accuracy"): 0.85, ("twin", "accuracy"): 0.80, ("student", "accuracy"): 0.82}
THEIR_STUDENTS = Budget(
    10, batch_size=64, learning_rate=2.5e-4, schedule="constant", warmup=0.0, cuda_graph=True, precise_batchnorm=True
)


@dataclass(frozen=True)
class Cifar10Labml:
    """labml's nets on CIFAR-10 by labml's protocol, made honest."""

    large: Blocks = LARGE
    """Channels of the convolutions of the teacher, block by block."""
    small: Blocks = SMALL
    """The same of students and twin."""
    dropout: float = 0.1
    """Probability of dropping an input of a convolution of the teacher."""
    temperature: float = 5.0
    """Temperature of the soft targets while students learn."""
    labml_hard_weight: float = 5 / 9
    """The labels' share (0..1) of labml's loss: 0.5 of 0.4 + 0.5."""
    hard_weight: float = 0.1
    """The labels' share (0..1) of the other student's loss."""
    examples: int | None = None
    """Training examples, the first so many; all by default."""
    validation: int = 0
    """Training examples held out; none for the figures of record: the last epoch counts."""
    teacher: Budget = field(default_factory=lambda: replace(THEIR_STUDENTS, epochs=20))
    """What the teacher may spend."""
    student: Budget = THEIR_STUDENTS
    """What students and twin may spend."""

    def check(self) -> None:
        """Find what is wrong before anything is trained.

        Raises:
            ArgumentError: a field is not what its rule allows.
        """
        check_loss(self.temperature, self.hard_weight, self.labml_hard_weight)
        for blocks in (self.large, self.small):
            limbeck.models.VGG(blocks, 10, dropout=self.dropout)

    def smoke(self) -> "Cifar10Labml":
        """Return the same run in seconds."""
        few = replace(THEIR_STUDENTS, epochs=1, batch_size=1000)
        return replace(self, large=((2,),), small=((1,),), examples=1000, teacher=few, student=few)


def main(config: Cifar10Labml, run: Run) -> "limbeck.conclusion.Result":
    """Follow labml's protocol, with labml's weights of the loss and with the paper's."""
    config.check()
    sets = limbeck.data.load_cifar10(run.data)
    study = limbeck.study.Study.on(run, sets, config.validation, config.examples, paper=LABML, accuracy=True)
    vgg = limbeck.models.VGG
    study.check(vgg(config.small, 10), config.teacher, config.student)
    [fitted] = study.teach(
        "teacher", lambda: vgg(config.large, 10, dropout=config.dropout), study.train, config.teacher
    )
    targets = study.soften(limbeck.study.as_trained(fitted.net, config.teacher), study.train)

    def arm(setting: str, objective: "limbeck.training.Objective") -> "limbeck.study.Arm":
        return limbeck.study.Arm(setting, lambda: vgg(config.small, 10), study.train, objective, config.student)

    def taught(hard_weight: float) -> "limbeck.training.FromSoftTargets":
        return limbeck.training.FromSoftTargets(targets, config.temperature, hard_weight)

    arms = [
        arm("twin", limbeck.training.FromLabels(1)),
        arm("student", taught(config.labml_hard_weight)),
        arm(LESS, taught(config.hard_weight)),
    ]
    trials = study.compare(
        lambda _: arms, controlled=["student"], random_teacher=lambda: vgg(config.large, 10, dropout=config.dropout)
    )
    findings = [
        study.compared("The student", trials["student"], "its label-only twin", trials["twin"]),
        f"Less weight on labels: {study.changed(trials['student'], trials[LESS])}.",
        *study.controls_told(trials, "student"),
    ]
    return study.conclude_taught(findings, trials, teacher=study.trial(fitted), twin="twin", student="student")


def check_loss(temperature: float, hard_weight: float, labml_hard_weight: float) -> None:
    """Find what no loss has, before anything is trained.

    Raises:
        ArgumentError: a temperature that is not > 0, or a share outside 0..1.
    """
    limbeck.objective.check_temperature(temperature)
    limbeck.objective.check_hard_weight(hard_weight, labelled=True)
    if not 0 <= labml_hard_weight <= 1:
        raise limbeck.ArgumentError(f"labml_hard_weight must lie in 0..1, got {labml_hard_weight}")
