"""A generalist of limited budget, specialists and one net of both, on CIFAR-100 (Hinton et al. 2015, s. 5).

The generalist is a small convolution net that is trained on crop + flip views for a few epochs: like the paper's it has
far from fitted its training set. Specialists start from its weights, each on a tenth of its examples, and a student
of its own kind learns from all together. Beside them, at equal total cost, an ensemble of generalists and a generalist
trained longer. Special sets, their size, n, and how specialists are trained and corrected are chosen on held-out
training images.

    limbeck run cifar100 --data DIR --seeds 3 --record    three paired seeds; DIR holds the Parquet or .bin files

Nets and soft targets lie in the cache: the same command in another folder (`--out`) shares the work of one that is on.

The paper's figures are those of 100 million images. Expected figures, time and machine: results/cifar100.json, shown by
`limbeck list`.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import limbeck
from limbeck.budget import Budget
from limbeck.recipes.cifar10_labml import Blocks
from limbeck.recipes.cifar10_labml_ours import cropped
from limbeck.runs import Run
from limbeck.teams.plan import Plan, Way

if TYPE_CHECKING:
    from limbeck.teams.training import Ground

CLASSES = 100
SUPERCLASSES = (
    "beaver dolphin otter seal whale",
    "aquarium_fish flatfish ray shark trout",
    "orchid poppy rose sunflower tulip",
    "bottle bowl can cup plate",
    "apple mushroom orange pear sweet_pepper",
    "clock keyboard lamp telephone television",
    "bed chair couch table wardrobe",
    "bee beetle butterfly caterpillar cockroach",
    "bear leopard lion tiger wolf",
    "bridge castle house road skyscraper",
    "cloud forest mountain plain sea",
    "camel cattle chimpanzee elephant kangaroo",
    "fox porcupine possum raccoon skunk",
    "crab lobster snail spider worm",
    "baby boy girl man woman",
    "crocodile dinosaur lizard snake turtle",
    "hamster mouse rabbit shrew squirrel",
    "maple_tree oak_tree palm_tree pine_tree willow_tree",
    "bicycle bus motorcycle pickup_truck train",
    "lawn_mower rocket streetcar tank tractor",
)  # the source's own


@dataclass(frozen=True)
class Cifar100(Plan):
    """Section 5 on CIFAR-100, with a generalist of limited budget."""

    blocks: Blocks = ((16, 16), (48, 48), (96, 96))
    """Channels of the convolutions of each net, block by block; the last block is averaged over the image."""
    pixels: int = 4
    """A view is cropped from the image, padded by so many pixels, and mirrored or not."""
    examples: int | None = None
    """Training examples, the first so many; all by default."""
    validation: int = 5000
    """Training examples held out: by them special sets are made and choices, and nets calibrated."""
    teams: tuple[tuple[int, int], ...] = ((10, 10), (10, 20))
    """Ten specialists take what a second generalist would: with more, their rivals may cost as much more."""
    ways: tuple[Way, ...] = ("dustbin", "full softmax")
    specialist_rate: float = 4e-3
    generalist: Budget = field(
        default_factory=lambda: Budget(
            epochs=10, batch_size=256, learning_rate=4e-3, warmup=0.2, weight_decay=0.05, cuda_graph=True
        )
    )
    views: int = 4
    student_views: int = 4
    student: Budget = field(
        default_factory=lambda: Budget(
            epochs=10, batch_size=256, learning_rate=3.2e-2, warmup=0.1, weight_decay=0.05, cuda_graph=True
        )
    )

    def check(self) -> None:
        super().check()
        limbeck.models.VGG(self.blocks, CLASSES, average=True)

    def smoke(self) -> "Cifar100":
        """Return the same run in seconds."""
        return replace(self, **self.small())

    def widened(self, factor: float) -> "Cifar100":
        """Return the same with convolutions of another width."""
        blocks = tuple(tuple(max(1, round(factor * channels)) for channels in block) for block in self.blocks)
        return replace(self, blocks=blocks)

    def small(self) -> dict[str, Any]:
        return {**super().small(), "blocks": ((2,),), "examples": 2000, "validation": 500}


def main(config: Cifar100, run: Run) -> "limbeck.conclusion.Result":
    """Take section 5's road."""
    from limbeck.teams.road import travel

    study = study_of(config, run)
    return travel(ground_of(config, study, CLASSES), superclasses(study.train.names_for(CLASSES)))


def study_of(config: Cifar100, run: Run) -> "limbeck.study.Study":
    """Return a study of the images."""
    from limbeck.teams.tables import PAPER

    config.check()
    sets = limbeck.data.load_cifar100(run.data)
    return limbeck.study.Study.on(run, sets, config.validation, config.examples, paper=PAPER, accuracy=True)


def ground_of(config: Cifar100, study: "limbeck.study.Study", num_classes: int) -> "Ground":
    """Return what all trainings share on these images or on those of some classes.

    Raises:
        ArgumentError: there is no room for a training.
    """
    from limbeck.teams.training import Ground

    def make() -> "limbeck.models.VGG":
        return limbeck.models.VGG(config.blocks, num_classes, average=True)

    study.check(make(), config.generalist, config.student)
    seen = cropped(study.train, config.pixels)
    return Ground(study, config, make, seen, seen, num_classes)


def superclasses(names: tuple[str, ...]) -> list[int] | None:
    """Return each class's superclass by its name; None where names are others."""
    place = {name: number for number, own in enumerate(SUPERCLASSES) for name in own.split()}
    return [place[name] for name in names] if set(names) == place.keys() else None
