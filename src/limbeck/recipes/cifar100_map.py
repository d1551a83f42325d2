"""Where specialists pay on images: a small map around `cifar100` (Hinton et al. 2015, s. 5; not in the paper).

As in `specialists-map` one thing at a time is varied: how many classes there are, how many specialists, how large their
sets are. The point in the middle is made of `cifar100`'s own nets, which are in the cache where that has been run.

    limbeck run cifar100-map --data DIR --seeds 3 --record    three paired seeds

`--wider 0.5` and `--longer 0.5 2` draw more of it, for hours. Expected figures, time and machine:
results/cifar100-map.json, shown by `limbeck list`.
"""

from dataclasses import dataclass, field
from typing import Literal

import limbeck
from limbeck.recipes import specialists_map
from limbeck.recipes.cifar100 import Cifar100
from limbeck.recipes.mnist import left_alone
from limbeck.recipes.specialists_map import SpecialistsMap
from limbeck.runs import Run


@dataclass(frozen=True)
class Cifar100Map(SpecialistsMap):
    """What is varied around `cifar100`, one thing at a time."""

    source: Literal["clinc150", "cifar100"] = "cifar100"
    longer: tuple[float, ...] = (1.0,)
    wider: tuple[float, ...] = (1.0,)
    specialists: tuple[int, ...] = (5,)
    sizes: tuple[int, ...] = (20,)
    cifar100: Cifar100 = field(
        default_factory=lambda: Cifar100(teams=((10, 10),), ways=("dustbin",), hard_weights=(0.75,))
    )

    def check(self) -> None:
        left_alone("source", self.source, "cifar100", "specialists-map draws the other")
        super().check()


def main(config: Cifar100Map, run: Run) -> "limbeck.conclusion.Result":
    """Draw the map, and put the team at its centre back into one net."""
    return specialists_map.main(config, run)
