"""One point of the map of where specialists pay: a generalist, its team, and rivals of equal cost, on the test set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from limbeck.evidence import mean_of, percent, row_of
from limbeck.judge import count_errors, mean_interval
from limbeck.study import Trial
from limbeck.teachers import predict
from limbeck.teams.choosing import Chosen, best_of, terms_for
from limbeck.teams.costs import equal_cost
from limbeck.teams.plan import Correction
from limbeck.teams.road import choose, ensemble_logits
from limbeck.teams.students import softened
from limbeck.teams.tables import TEAM
from limbeck.teams.training import GENERALIST, LONGER, Ground, generalists, rivals

GENERALIST_ALONE, AS_LONG = "the generalist", "a generalist trained for as long"


@dataclass(frozen=True)
class Point:
    """What one point came to: test errors, one value a seed."""

    told: str
    """Where it lies, in words."""
    examples: int
    """Of the test set."""
    training: list[float]
    """Accuracy (0..1) of the generalist on its training examples."""
    generalist: list[float]
    team: list[float]
    by_correction: dict[Correction, list[float]]
    """Of the team with each correction, all else chosen on held-out examples."""
    rivals: dict[str, list[float]]
    """Of what costs at least as much."""
    trials: list[Trial]
    chosen: Chosen

    def gains(self) -> dict[str, list[float]]:
        """Return how many test errors fewer than each of the others the team makes, one value a seed."""
        others = {GENERALIST_ALONE: self.generalist, **self.rivals}
        return {
            name: [its - own for own, its in zip(self.team, values, strict=True)] for name, values in others.items()
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of record."""
        settings = {
            f"{GENERALIST}, {self.told}": self.generalist,
            f"{TEAM}, {self.told}": self.team,
            **{f"{TEAM}, {self.told}, correction {name}": own for name, own in self.by_correction.items()},
            **{f"{_part(name)}, {self.told}, {name}": own for name, own in self.rivals.items()},
        }
        rows = [row_of(name, "test errors", values, None) for name, values in settings.items()]
        rows += [row_of(name, "accuracy", self._accuracies(values), None) for name, values in settings.items()]
        return [*rows, row_of(f"{GENERALIST}, {self.told}", "training accuracy", self.training, None)]

    def found(self) -> str:
        """Return in a sentence what specialists bring there, in points of accuracy with their intervals."""
        gains = "; ".join(f"{self._points(values)} over {name}" for name, values in self.gains().items())
        trained, right = percent(mean_of(self.training)), percent(mean_of(self._accuracies(self.generalist)))
        return (
            f"{self.told[0].upper()}{self.told[1:]}: of its training examples the generalist has {trained} right, of "
            f"the test set {right}; specialists bring {gains}."
        )

    def _accuracies(self, errors: list[float]) -> list[float]:
        return [1 - each / self.examples for each in errors]

    def mean_accuracy(self, correction: Correction) -> float:
        """Return the team's accuracy with a correction."""
        return mean_of(self._accuracies(self.by_correction[correction]))

    def _points(self, errors: list[float]) -> str:
        """Return a difference of errors in points of accuracy, with its interval."""
        interval, points = mean_interval(errors), 100 / self.examples
        told = "1 seed" if interval is None else f"{points * interval[1]:+.1f} to {points * interval[2]:+.1f}"
        return f"{points * mean_of(errors):+.1f} points ({told})"


def point_at(ground: Ground, told: str) -> Point:
    """Train what one point needs and return what it came to.

    Raises:
        LimbeckError: as training and combining do; what was finished is kept.
    """
    study = ground.study
    trials = generalists(ground)
    chosen = choose(ground, trials, softened(ground, [trial.net for trial in trials], ground.seen, ground.plan.views))
    count = equal_cost(ground, chosen.choice.squad)
    every = {GENERALIST: trials, **rivals(ground, count)}
    ensembles = [ensemble_logits(every, count, seed) for seed in range(len(trials))]
    train = ground.study.train
    return Point(
        told,
        len(study.test),
        [1 - count_errors(predict(each.net, train), train.labels_to_judge()) / len(train) for each in trials],
        _errors(ground, [each.test_logits for each in trials]),
        _errors(ground, [each.together for each in chosen.told]),
        {correction: _corrected(ground, chosen, trials, correction) for correction in ground.plan.corrections},
        {
            f"an ensemble of {count} generalists": _errors(ground, ensembles),
            AS_LONG: study.errors(every[LONGER]),
        },
        trials,
        chosen,
    )


def corrections_found(points: Sequence[Point]) -> str:
    """Return in a sentence what each correction is worth over all points."""
    names = points[0].by_correction
    told = ", ".join(f"“{name}” {percent(mean_of([each.mean_accuracy(name) for each in points]))}" for name in names)
    return f"Test accuracy of generalist and specialists with each correction, the mean of all points: {told}."


def _corrected(ground: Ground, chosen: Chosen, trials: Sequence[Trial], correction: Correction) -> list[float]:
    best = best_of(
        [each for each in chosen.every if each.correction == correction and each.squad == chosen.choice.squad]
    )
    logits = [
        terms_for(ground, best, seed, said).together(said[0].test_logits, [each.test_logits for each in said[1]])
        for seed, said in enumerate(zip(trials, chosen.own, strict=True))
    ]
    return _errors(ground, logits)


def _errors(ground: Ground, logits: Sequence[Tensor]) -> list[float]:
    return [float(count_errors(own, ground.study.labels)) for own in logits]


def _part(rival: str) -> str:
    return GENERALIST if rival == AS_LONG else TEAM
