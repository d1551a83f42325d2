"""Training a seed's generalists and specialists: arms of one study, so that every net is trained once."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import nn

from limbeck.budget import Budget
from limbeck.data import TransferSet
from limbeck.errors import ArgumentError
from limbeck.specialists import clustered, moments_of, special_sets, specialist_from
from limbeck.specialists.covariance import Moments
from limbeck.specialists.learning import FromGeneralist, budget_within, mixture
from limbeck.study import Arm, NetMaker, Study, Trial
from limbeck.targets import SoftTargets
from limbeck.teams.plan import Plan, Way
from limbeck.training import FromLabels, FromSoftTargets

GENERALIST, LONGER = "teacher", "teacher, trained longer"


@dataclass(frozen=True)
class Ground:
    """What all of a run's trainings share."""

    study: Study
    plan: Plan
    make_net: NetMaker
    """Makes an untrained generalist."""
    seen: TransferSet
    """The training set, seen through the view of generalists and specialists."""
    shown: TransferSet
    """The same, seen through the view of students and twins."""
    num_classes: int


@dataclass(frozen=True)
class Squad:
    """The specialists of one try: how they are trained, and the special sets of each seed."""

    way: Way
    size: int
    sets: tuple[tuple[tuple[int, ...], ...], ...]
    """Of each seed, each specialist's special classes."""

    @property
    def number(self) -> int:
        """Specialists."""
        return len(self.sets[0])

    @property
    def full_softmax(self) -> bool:
        """Whether they give a logit for each class."""
        return self.way == "full softmax"

    def setting(self, place: int) -> str:
        """Return the name of one of its specialists."""
        return f"specialist {place + 1} of {self.number} with {self.size} classes, {self.way}"


def generalists(ground: Ground) -> list[Trial]:
    """Train each seed's generalist."""
    arm = Arm(GENERALIST, ground.make_net, ground.seen, FromLabels(), ground.plan.generalist, member=0)
    return ground.study.compare(lambda _: [arm])[GENERALIST]


def rivals(ground: Ground, count: int) -> dict[str, list[Trial]]:
    """Train what stands beside a team that costs at most `count` generalists: as many, and one for as long."""
    plan, make, labels = ground.plan, ground.make_net, FromLabels()
    longer = replace(plan.generalist, epochs=plan.generalist.epochs * count)
    arms = [
        Arm(other_generalist(place), make, ground.seen, labels, plan.generalist, member=place)
        for place in range(1, count)
    ]
    return ground.study.compare(lambda _: [*arms, Arm(LONGER, make, ground.seen, labels, longer, member=0)])


def other_generalist(place: int) -> str:
    """Return the setting of a generalist that joins the first in an ensemble."""
    return f"{GENERALIST}, generalist {place + 1}"


def moments_of_trial(trial: Trial) -> Moments:
    """Return the moments of a generalist's predictions on the held-out examples.

    Raises:
        ArgumentError: nothing is held out.
    """
    if trial.validation_logits is None:
        raise ArgumentError("special sets and choices are made by held-out examples, validation must be >= 1")
    return moments_of([trial.validation_logits.softmax(1)])


def squads(plan: Plan, trials: Sequence[Trial]) -> list[Squad]:
    """Return all tries: special sets by each seed's own generalist, each trained in each way."""
    every, found = [moments_of_trial(trial) for trial in trials], []
    for number, size in plan.teams:
        sets = tuple(
            tuple(tuple(own) for own in special_sets(moments, clustered(moments, number, largest=size), size))
            for moments in every
        )
        found += [Squad(way, size, sets) for way in plan.ways]
    return found


def specialists(
    ground: Ground, squad: Squad, trials: Sequence[Trial], stores: Sequence[SoftTargets]
) -> list[list[Trial]]:
    """Train a squad's specialists and return their trials: a list a seed. Those that are in the cache are read.

    Args:
        ground: of the run.
        squad: who is trained.
        trials: each seed's generalist.
        stores: its soft targets for the training set; not read by specialists that learn from labels alone.
    """

    def arms_of(seed: int) -> list[Arm]:
        return [
            specialist_arm(ground, squad, trials[seed].net, squad.sets[seed][place], stores[seed], squad.setting(place))
            for place in range(squad.number)
        ]

    study = ground.study
    found = study.compare(arms_of)
    return [[found[squad.setting(place)][seed] for place in range(squad.number)] for seed in range(study.run.num_seeds)]


def specialist_arm(  # noqa: PLR0917 - six things are what a specialist is made of
    ground: Ground, squad: Squad, generalist: nn.Module, classes: tuple[int, ...], store: SoftTargets, setting: str
) -> Arm:
    """Return the arm of one specialist: it starts from the generalist's weights (s. 5.2)."""
    full, plan = squad.full_softmax, ground.plan
    mixed, budget = trained_on(ground, squad, classes)
    soft = FromSoftTargets(store, 1.0, 1 - plan.soft_share)
    objective = FromLabels() if squad.way == "dustbin" else FromGeneralist(soft, None if full else classes)

    def start() -> nn.Module:
        return copy.deepcopy(generalist) if full else specialist_from(generalist, classes, ground.num_classes)

    return Arm(setting, start, mixed, objective, budget, followed=False)


def trained_on(ground: Ground, squad: Squad, classes: tuple[int, ...]) -> tuple[TransferSet, Budget]:
    """Return a specialist's mixture, and what it may spend."""
    plan = ground.plan
    mixed = mixture(ground.seen, classes, ground.num_classes, full_softmax=squad.full_softmax)
    return mixed, budget_within(plan.share, plan.generalist, ground.seen, mixed, plan.specialist_rate)
