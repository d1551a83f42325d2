"""Choices by held-out speakers: scales once for all systems, temperature and hard weight once for all seeds."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from limbeck.acoustic import Scales
from limbeck.files import kept_json
from limbeck.hybrid.ground import Ground
from limbeck.hybrid.hearing import decoded, log_probs_of
from limbeck.hybrid.lessons import TRIED, first_alone, student
from limbeck.study import Trial
from limbeck.targets import SoftTargets

KEPT = "scales.json"
Tries = dict[tuple[float, float], float]
"""From temperature and hard weight to the held-out frame errors of the student that was tried."""


def kept_scales(ground: Ground, baseline: Trial) -> dict[str, Scales]:
    """Return what `chosen_scales` does, from the run's folder where it was chosen already.

    Raises:
        RunError: the file there is damaged.
    """

    def read(told: Any) -> dict[str, Scales]:
        return {language: Scales(**told[language]) for language in ground.languages}

    def make() -> dict[str, dict[str, float]]:
        return {language: asdict(own) for language, own in chosen_scales(ground, baseline).items()}

    return kept_json(ground.study.run.folder / KEPT, make, read)


def chosen_scales(ground: Ground, baseline: Trial) -> dict[str, Scales]:
    """Return for each model of language the scales with which the baseline makes the fewest word errors.

    First the acoustic scale and κ with the insertion penalty nearest to 0, then the penalty; of equals the first.
    """
    assert baseline.validation_logits is not None
    log_probs, plan = log_probs_of(baseline.validation_logits, ground.held_out), ground.plan

    def errors(language: str, scales: Scales) -> int:
        return decoded(ground, language, log_probs, ground.held_out, scales).heard.total.count

    found = {}
    nearest = min(plan.insertion_penalties, key=abs)
    for language in ground.languages:
        pairs = itertools.product(plan.acoustic_scales, plan.prior_scales)
        best = min((Scales(*pair, nearest) for pair in pairs), key=lambda each, own=language: errors(own, each))
        penalties = (Scales(best.acoustic, best.prior, each) for each in plan.insertion_penalties)
        found[language] = min(penalties, key=lambda each, own=language: errors(own, each))
    return found


def tried(ground: Ground, targets: SoftTargets) -> Tries:
    """Return what students come to on held-out speakers: each temperature with the first hard weight, then the others.

    Errors are those of the first seed's students, which lie in the cache for later. One try alone is not
    trained here.
    """
    plan = ground.plan
    first = plan.hard_weights[0]
    if len(plan.temperatures) == len(plan.hard_weights) == 1:
        return {(plan.temperatures[0], first): 0.0}
    found: Tries = {}
    found |= _errors(ground, targets, [(temperature, first) for temperature in plan.temperatures])
    return found | _errors(ground, targets, [(best_of(found)[0], weight) for weight in plan.hard_weights[1:]])


def _errors(ground: Ground, targets: SoftTargets, pairs: Sequence[tuple[float, float]]) -> Tries:
    """Return the held-out frame errors of the first seed's students."""
    arms = [student(ground, targets, *pair, setting=TRIED.format(*pair)) for pair in pairs]
    trials = first_alone(ground.study).compare(lambda _: arms) if arms else {}
    return {pair: ground.study.validation_errors(trials[arm.setting])[0] for pair, arm in zip(pairs, arms, strict=True)}


def best_of(tries: Mapping[tuple[float, float], float]) -> tuple[float, float]:
    """Return the temperature and hard weight with the fewest held-out frame errors, of equals the first."""
    return min(tries, key=lambda pair: tries[pair])
