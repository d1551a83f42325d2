"""Which of all tries stands for section 5: the one with the fewest errors on held-out examples, over all seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.judge import count_errors
from limbeck.specialists import folded_labels, folded_logits
from limbeck.specialists.calibration import Calibration, fit_generalist, fit_specialist
from limbeck.specialists.checks import as_sets
from limbeck.specialists.dustbin import dustbin_correction
from limbeck.specialists.groups import membership
from limbeck.specialists.learning import special_share
from limbeck.specialists.team import Member, Terms
from limbeck.study import Trial
from limbeck.teams.plan import Correction
from limbeck.teams.training import Ground, Squad


@dataclass(frozen=True)
class Choice:
    """A try: who, corrected how, asked when; and how often it was wrong on held-out examples."""

    squad: Squad
    correction: Correction
    n: int
    errors: tuple[int, ...] = ()
    """Of each seed."""

    @property
    def told(self) -> str:
        """The try in words."""
        squad = self.squad
        how = {"none": "uncorrected", "oversampling": "corrected for oversampling", "calibrated": "calibrated"}
        return (
            f"{squad.number} specialists with {squad.size} classes each ({squad.way}), {how[self.correction]}, "
            f"n = {self.n}"
        )


@dataclass(frozen=True)
class Told:
    """What one seed's generalist, specialists and all together say of the test set."""

    generalist: Float[Tensor, "examples classes"]
    specialists: tuple[Tensor, ...]
    terms: Terms
    together: Float[Tensor, "examples classes"]

    @property
    def inside(self) -> Bool[Tensor, "classes sets"]:
        """Whether each class belongs to each special set."""
        num_classes = self.generalist.shape[1]
        return torch.from_numpy(membership(as_sets(self.terms.special_classes, num_classes), num_classes))


@dataclass(frozen=True)
class Chosen:
    """What was chosen, and each seed's part of it."""

    choice: Choice
    own: list[list[Trial]]
    """Each seed's specialists."""
    told: list[Told]
    """What each seed's team says of the test set."""
    every: list[Choice]
    """All tries."""


def held_out(trial: Trial) -> Tensor:
    """Return what a net says of the held-out examples, of which there are some."""
    assert trial.validation_logits is not None  # seen by `moments_of_trial`
    return trial.validation_logits


def terms_for(ground: Ground, choice: Choice, seed: int, said: tuple[Trial, Sequence[Trial]]) -> Terms:
    """Return the terms of one seed's generalist and specialists; what is fitted is fitted on held-out examples."""
    generalist, own = said
    full, correction = choice.squad.full_softmax, choice.correction
    labels, members = ground.study.validation_labels, []
    for classes, trial in zip(choice.squad.sets[seed], own, strict=True):
        calibration = Calibration()
        if correction == "oversampling":
            calibration = Calibration(bias=dustbin_correction(special_share(ground.seen, classes)))
        elif correction == "calibrated":
            logits = folded_logits(held_out(trial).double(), classes) if full else held_out(trial)
            calibration = fit_specialist(logits, folded_labels(labels, classes, ground.num_classes))
        members.append(Member(classes, calibration, full))
    fitted = fit_generalist(held_out(generalist), labels) if correction == "calibrated" else Calibration()
    return Terms(tuple(members), choice.n, fitted)


def tries(ground: Ground, squad: Squad, trials: Sequence[Trial], own: Sequence[Sequence[Trial]]) -> list[Choice]:
    """Return a squad's tries, one for each correction and n, with their errors on held-out examples."""
    found, labels = [], ground.study.validation_labels
    for correction, n in product(ground.plan.corrections, ground.plan.most_probable):
        choice, errors = Choice(squad, correction, n), []
        for seed, said in enumerate(zip(trials, own, strict=True)):
            terms = terms_for(ground, choice, seed, said)
            together = terms.together(held_out(said[0]), [held_out(each) for each in said[1]])
            errors.append(count_errors(together, labels))
        found.append(replace(choice, errors=tuple(errors)))
    return found


def best_of(every: Sequence[Choice]) -> Choice:
    """Return the try with the fewest errors over all seeds, of equal ones the first."""
    return min(every, key=lambda choice: sum(choice.errors))
