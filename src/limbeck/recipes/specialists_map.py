"""Where specialists pay, and where an ensemble or a longer training does (Hinton et al. 2015, s. 5; not in the paper).

Around one point, a generalist and its team as in `clinc150` or `cifar100`, one thing at a time is varied: for how long
the generalist is trained, its width, the number of classes, the number of specialists and the size of their sets. At
each point stand beside them an ensemble of generalists and a generalist trained longer, both at no less cost; n and the
correction are chosen on held-out examples, and the team is told with each correction too.

    limbeck run specialists-map --data DIR --seeds 3 --record             on CLINC150
    limbeck run specialists-map --source cifar100 --data DIR --seeds 3    all of it on CIFAR-100, for many hours
    limbeck run cifar100-map --data DIR --seeds 3                         a part of that, around the team of `cifar100`

Expected figures, time and machine: results/specialists-map.json, shown by `limbeck list`.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import limbeck
from limbeck.errors import ArgumentError
from limbeck.recipes import cifar100, clinc150
from limbeck.recipes.cifar100 import Cifar100
from limbeck.recipes.clinc150 import Clinc150
from limbeck.recipes.mnist import distinct
from limbeck.runs import Run

if TYPE_CHECKING:
    from limbeck.teams.mapping import Point
    from limbeck.teams.training import Ground

TEAM = (10, 15)  # the specialists around which the map is drawn, and the classes of each


@dataclass(frozen=True)
class SpecialistsMap:
    """What is varied, one thing at a time."""

    source: Literal["clinc150", "cifar100"] = "clinc150"
    """On which data, with that recipe's net and budget."""
    longer: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    """For how long the generalist is trained, in multiples of the recipe's epochs."""
    wider: tuple[float, ...] = (0.25, 4.0)
    """Its width, in multiples of the recipe's."""
    classes: tuple[float, ...] = (0.25, 0.5)
    """Shares (0..1) of the classes, the first so many; special sets are smaller by as much."""
    specialists: tuple[int, ...] = (5, 20)
    """Numbers of specialists."""
    sizes: tuple[int, ...] = (8, 30)
    """Classes of each."""
    clinc150: Clinc150 = field(default_factory=lambda: Clinc150(teams=(TEAM,), ways=("dustbin",), hard_weights=(0.75,)))
    cifar100: Cifar100 = field(default_factory=lambda: Cifar100(teams=(TEAM,), ways=("dustbin",), hard_weights=(0.75,)))

    @property
    def base(self) -> Clinc150 | Cifar100:
        """The recipe around which the map is drawn."""
        return self.clinc150 if self.source == "clinc150" else self.cifar100

    def smoke(self) -> "SpecialistsMap":
        """Return the same map in seconds, of a few points."""
        few: dict[str, Any] = {"teams": ((2, 5),), "hard_weights": (0.5,), "share": 0.5}
        return replace(
            self,
            longer=(1.0, 2.0),
            wider=(0.5,),
            classes=(0.5,),
            specialists=(3,),
            sizes=(4,),
            clinc150=replace(self.clinc150.smoke(), ways=("dustbin",), **few),
            cifar100=replace(self.cifar100.smoke(), ways=("dustbin",), **few),
        )

    def check(self) -> None:
        """Find what is wrong before anything is trained.

        Raises:
            ArgumentError: a field is not what its rule allows.
        """
        for name in ("longer", "wider", "classes", "specialists", "sizes"):
            distinct(name, getattr(self, name))
            if min(getattr(self, name)) <= 0:
                raise ArgumentError(f"{name} must be > 0, got {getattr(self, name)}")
        if max(self.classes) > 1:
            raise ArgumentError(f"classes must lie in 0..1, got {self.classes}")
        if len(self.base.teams) != 1:
            raise ArgumentError(f"a map is drawn around one team, got {self.base.teams}")
        self.base.check()


@dataclass(frozen=True)
class Place:
    """Where a point lies: what is varied there, and how much of it."""

    axis: str
    at: float
    plan: Clinc150 | Cifar100
    share: float = 1.0
    """Of the classes."""


def places(config: SpecialistsMap) -> list[Place]:
    """Return where points lie; the first is the one around which the map is drawn."""
    base, [(number, size)] = config.base, config.base.teams

    def longer(factor: float) -> Place:
        epochs = max(1, round(factor * base.generalist.epochs))
        return Place("epochs", epochs, replace(base, generalist=replace(base.generalist, epochs=epochs)))

    def fewer(share: float) -> Place:  # smaller sets too, as many specialists: each has as large a part of all classes
        return Place("classes", share, replace(base, teams=((number, max(2, round(share * size))),)), share)

    return [
        Place("epochs", base.generalist.epochs, base),
        *(longer(factor) for factor in config.longer if factor != 1),
        *(Place("width", factor, base.widened(factor)) for factor in config.wider if factor != 1),
        *(fewer(share) for share in config.classes if share != 1),
        *(Place("specialists", m, replace(base, teams=((m, size),))) for m in config.specialists if m != number),
        *(Place("size of a set", k, replace(base, teams=((number, k),))) for k in config.sizes if k != size),
    ]


def main(config: SpecialistsMap, run: Run) -> "limbeck.conclusion.Result":
    """Draw the map, and put the team at its centre back into one net."""
    from limbeck.specialists.team import Team
    from limbeck.teams.choosing import held_out
    from limbeck.teams.mapping import corrections_found, point_at
    from limbeck.teams.road import NOTE, stored
    from limbeck.teams.students import STUDENT, TWIN, students
    from limbeck.teams.tables import TEAM

    config.check()
    study = whole_study(config, run)
    every = places(config)
    grounds = [ground_at(place, study) for place in every]
    points = [point_at(ground, _told(place, ground)) for place, ground in zip(every, grounds, strict=True)]
    centre, ground = points[0], grounds[0]
    trials, chosen = centre.trials, centre.chosen
    taught = students(ground, trials, stored(ground, chosen, trials), 1).trials
    together = [own.together for own in chosen.told]
    rows = [*study.rows(taught, together), *(row for point in points for row in point.rows())]
    said = held_out(trials[0]), [held_out(each) for each in chosen.own[0]]
    return study.conclude(
        rows,
        [*(point.found() for point in points), corrections_found(points)],
        taught,
        teacher=(TEAM, together[0]),
        asked=Team(trials[0].net, [each.net for each in chosen.own[0]], chosen.told[0].terms),
        twin=TWIN,
        student=STUDENT,
        teacher_validation=chosen.told[0].terms.together(*said),
        charts=charts(every, points),
        note=NOTE,
    )


def whole_study(config: SpecialistsMap, run: Run) -> "limbeck.study.Study":
    """Return the study of all classes."""
    if config.source == "clinc150":
        return clinc150.study_of(config.clinc150, run)[0]
    return cifar100.study_of(config.cifar100, run)


def ground_at(place: Place, study: "limbeck.study.Study") -> "Ground":
    """Return what the trainings of a point share, on the classes that it has."""
    count = int(study.train.labels_to_judge().max()) + 1
    if place.share < 1:
        count = max(1, round(place.share * count))
        assert study.validation is not None  # both recipes hold some out
        sets = {name: getattr(study, name).of_classes(range(count)) for name in ("train", "validation", "test")}
        study = replace(study, **sets)
    if isinstance(place.plan, Clinc150):
        return clinc150.ground_of(place.plan, study, count)
    return cifar100.ground_of(place.plan, study, count)


def charts(every: list[Place], points: "list[Point]") -> "list[limbeck.report.Chart]":
    """Return a chart over the generalist's training error, and one over each thing that is varied."""
    unfitted = [100 * max(1 - limbeck.evidence.mean_of(point.training), 1e-4) for point in points]
    axis = [place.axis for place in every]
    found = [_chart("training errors of the generalist (%)", list(zip(unfitted, points, strict=True)))]
    for name in dict.fromkeys(axis):
        own = [(place.at, point) for place, point in zip(every, points, strict=True) if place.axis == name]
        found.append(_chart(name, own))
    return found


def _chart(axis: str, own: "list[tuple[float, Point]]") -> "limbeck.report.Chart":
    own = sorted(own, key=lambda each: each[0])
    gains = [
        [[100 * each / point.examples for each in errors] for errors in point.gains().values()] for _, point in own
    ]
    names = ("the generalist", "an ensemble at equal cost", "a generalist trained for as long")
    series = [
        limbeck.report.Series.of(name, [x for x, _ in own], [told[place] for told in gains])
        for place, name in enumerate(names)
    ]
    title = f"What specialists bring, by {axis}"
    return limbeck.report.Chart(axis.replace(" ", "-"), title, axis, "points of test accuracy over", series)


def _told(place: Place, ground: "Ground") -> str:
    [(number, size)] = place.plan.teams
    width = f", width × {place.at:g}" if place.axis == "width" else ""
    return (
        f"{ground.num_classes} classes, {place.plan.generalist.epochs} epochs{width}, {number} specialists with {size} "
        "classes each"
    )
