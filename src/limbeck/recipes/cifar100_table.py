"""The field's common table on CIFAR-100: pairs of nets, plain distillation, 240 epochs.

The protocol is the one that the later objectives are compared by (Tian et al. 2020, arXiv 1910.10699, and those after
it): SGD, batch 64, rate 0.05, a tenth of it after epochs 150, 180 and 210, weight decay 5e-4, crop + flip views, T = 4,
0.1 CE + 0.9 T²·KL. The last epoch's net is judged, never the best by test accuracy. Not the field's: pixels are
divided by 255 and not standardised, nets start as PyTorch starts them, and train in bfloat16 where the machine does.
The teacher judges one view for each epoch, which is what a teacher in the loop would say; its words are stored, 2.4 GB
a teacher, so that every seed shares them. The last pair's student of seed 0 is the one that is kept and shown.

It takes a GPU: a pair takes days on a CPU. Nets are kept in the cache, so a table that was stopped goes on with what is
missing, and pairs may be run one by one:

    limbeck run cifar100-table --data DIR --pairs ResNet56:ResNet20 --seeds 3
    limbeck run cifar100-table --data DIR --seeds 3 --record            the whole table

Published: as in Zhao et al. 2022 (arXiv 2203.08679), by the best epoch; ResNet20 taught by ResNet56 was since brought
to 71.54% by other rates. Expected figures, time and machine: results/cifar100-table.json, shown by `limbeck list`.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import limbeck
from limbeck.budget import Budget
from limbeck.recipes.cifar10_labml_ours import cropped
from limbeck.runs import Run

if TYPE_CHECKING:
    from limbeck.study import NetMaker

CLASSES = 100
VGGS = {
    "VGG8": ((64,), (128,), (256,), (512, 512)),
    "VGG13": ((64, 64), (128, 128), (256, 256), (512, 512, 512, 512)),
}
PUBLISHED = {  # (teacher, student): accuracies of the teacher, of the student alone, of the student plainly taught
    ("ResNet56", "ResNet20"): (0.7234, 0.6906, 0.7066),
    ("ResNet110", "ResNet32"): (0.7431, 0.7114, 0.7308),
    ("ResNet32x4", "ResNet8x4"): (0.7942, 0.7250, 0.7333),
    ("WRN-40-2", "WRN-16-2"): (0.7561, 0.7326, 0.7492),
    ("VGG13", "VGG8"): (0.7464, 0.7036, 0.7298),
}
PAIRS = tuple(f"{teacher}:{student}" for teacher, student in PUBLISHED)


@dataclass(frozen=True)
class Cifar100Table:
    """The field's pairs on CIFAR-100 by the field's protocol, plain distillation; it takes a GPU."""

    pairs: tuple[str, ...] = PAIRS
    """Which pairs of teacher and student."""
    temperature: float = 4.0
    """Temperature of the soft targets while students learn."""
    hard_weight: float = 0.1
    """The labels' share (0..1) of a student's loss."""
    pixels: int = 4
    """A view is cropped from the image, padded by so many pixels, and mirrored or not."""
    views: int = 240
    """Views of each image that a teacher judges; a student sees one an epoch."""
    examples: int | None = None
    """Training examples, the first so many; all by default."""
    validation: int = 0
    """Training examples held out; none by the field's protocol, in which the last epoch counts."""
    budget: Budget = field(
        default_factory=lambda: Budget(
            240,
            64,
            0.05,
            schedule="steps",
            warmup=0.0,
            weight_decay=5e-4,
            optimizer="sgd",
            compiled=True,
            cuda_graph=True,
        )
    )
    """What each net may spend, teachers too."""

    def check(self) -> None:
        """Find what is wrong before anything is trained.

        Raises:
            ArgumentError: a field is not what its rule allows.
        """
        limbeck.objective.check_temperature(self.temperature)
        limbeck.objective.check_hard_weight(self.hard_weight, labelled=True)
        unknown = [pair for pair in self.pairs if pair not in PAIRS]
        if unknown or not self.pairs or len(set(self.pairs)) < len(self.pairs):
            raise limbeck.ArgumentError(
                f"pairs must be one or more different ones of {', '.join(PAIRS)}, got {', '.join(self.pairs)}"
            )
        limbeck.targets.check_views(self.views)

    def smoke(self) -> "Cifar100Table":
        """Return the same run in little time: one pair, the smallest nets, one epoch."""
        few = Budget(1, 500, 0.05, schedule="steps", warmup=0.0, weight_decay=5e-4, optimizer="sgd")
        return replace(self, pairs=(PAIRS[0],), views=1, examples=1000, budget=few)


def main(config: Cifar100Table, run: Run) -> "limbeck.conclusion.Result":
    """Train each pair's teacher, twins and students."""
    config.check()
    pairs = [pair for pair in PUBLISHED if ":".join(pair) in config.pairs]
    study = limbeck.study.Study.on(
        run, limbeck.data.load_cifar100(run.data), config.validation, config.examples, paper=_published(), accuracy=True
    )
    study.check(maker(pairs[0][1])(), config.budget)
    seen = cropped(study.train, config.pixels)
    rows, findings, every, judged = [], [], {}, []
    for large, small in pairs:
        [fitted] = study.teach(f"teacher, {large}", maker(large), seen, config.budget)
        targets = study.soften(limbeck.study.as_trained(fitted.net, config.budget), seen, config.views)
        twin, student = (f"{role}, {large} to {small}" for role in ("twin", "student"))
        soft = limbeck.training.FromSoftTargets(targets, config.temperature, config.hard_weight)
        arms = [
            limbeck.study.Arm(twin, maker(small), seen, limbeck.training.FromLabels(config.views), config.budget),
            limbeck.study.Arm(student, maker(small), seen, soft, config.budget),
        ]
        trials = study.compare(lambda _, arms=arms: arms, controlled=[student], random_teacher=maker(large))
        teacher = study.trial(fitted)
        rows += study.rows({f"teacher, {large}": [teacher], **trials}, teacher.test_logits)
        told = (f"{small}, taught by {large},", trials[student], "its label-only twin", trials[twin])
        findings += [study.compared(*told), *study.controls_told(trials, student)]
        every |= trials
        judged.append(teacher)
    large, small = pairs[-1]
    twin, student = (f"{role}, {large} to {small}" for role in ("twin", "student"))
    return study.conclude(
        rows,
        findings,
        every,
        teacher=("teacher", judged[-1].test_logits),
        asked=judged[-1].net,
        twin=twin,
        student=student,
        teacher_validation=judged[-1].validation_logits,
    )


def _published() -> dict[tuple[str, str], float]:
    """Return what was published, by setting and metric."""
    told = {}
    for (large, small), (teacher, alone, taught) in PUBLISHED.items():
        told |= {f"teacher, {large}": teacher, f"twin, {large} to {small}": alone}
        told |= {f"student, {large} to {small}": taught}
    return {(setting, "accuracy"): value for setting, value in told.items()}


def maker(name: str) -> "NetMaker":
    """Return what makes a net that the field calls so: ResNet20, ResNet8x4, WRN-16-2, VGG8."""
    models = limbeck.models
    if name in VGGS:
        return lambda: models.VGG(VGGS[name], CLASSES, average=True)
    if name.startswith("WRN-"):
        depth, width = map(int, name.removeprefix("WRN-").split("-"))
        return lambda: models.WideResNet(depth, width, classes=CLASSES)
    depth, _, width = name.removeprefix("ResNet").partition("x")
    return lambda: models.ResNet(int(depth), int(width or 1), classes=CLASSES)
