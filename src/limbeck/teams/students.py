"""Back into one net (s. 8, 'not yet shown'): students of the generalist's own kind, and what stands beside them.

All start from the generalist's weights, see the same stored views in the same order and differ in their targets alone;
one twin is trained for as much longer as the specialists took. The labels' share of the loss is the student's that does
best on held-out examples; the student that learns from the generalist itself has the same.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import nn

from limbeck.budget import Budget
from limbeck.data import TransferSet
from limbeck.evidence import mean_of, percent, row_of
from limbeck.launch import shared
from limbeck.specialists.completed import FromTeam
from limbeck.specialists.solved import made_of, solve_stored
from limbeck.specialists.team import Terms
from limbeck.study import Arm, Study, Trial, as_trained
from limbeck.targets import SoftTargets
from limbeck.teams.tables import HELD_OUT
from limbeck.teams.training import Ground
from limbeck.training import FromLabels, FromSoftTargets, Objective

STUDENT, STORED, ITSELF = "student", "student, equation 5 solved and stored", "student, the generalist into itself"
TWIN, TWIN_SEEN = "twin", "twin, shown what the generalist was"
TWIN_LONGER = "twin, trained as much longer as the specialists took"


@dataclass(frozen=True)
class Said:
    """What one seed's generalist and specialists say of the training set, in store."""

    generalist: SoftTargets
    specialists: tuple[SoftTargets, ...]
    terms: Terms
    solution: SoftTargets


@dataclass(frozen=True)
class Taught:
    """All students and twins, and by what their labels' share was chosen."""

    trials: dict[str, list[Trial]]
    """By setting; those of a share that wasn't chosen too."""
    held_out: dict[float, list[float]]
    """Each seed's errors on held-out examples, by the labels' share of the student's loss."""

    @property
    def hard_weight(self) -> float:
        """The share with the fewest, of equal ones the first."""
        return min(self.held_out, key=lambda share: sum(self.held_out[share]))


def softened(ground: Ground, nets: Sequence[nn.Module], seen: TransferSet, views: int) -> list[SoftTargets]:
    """Return the soft targets of nets for a training set's views, shared with other processes."""
    study, plan = ground.study, ground.plan

    def job(net: nn.Module, wait: bool) -> SoftTargets:
        return study.soften(as_trained(net, plan.generalist), seen, views, wait=wait)

    return shared([partial(job, net) for net in nets])


def said_by(ground: Ground, generalist: SoftTargets, specialists: Sequence[SoftTargets], terms: Terms) -> Said:
    """Return what a seed's team has in store, with equation 5's solution for all of it."""
    study: Study = ground.study
    solution = study.stored(
        made_of(generalist, specialists, terms),
        lambda folder: solve_stored(generalist, specialists, terms, folder, study.run.progress),
    )
    return Said(generalist, tuple(specialists), terms, solution)


def students(ground: Ground, trials: Sequence[Trial], said: Sequence[Said], more: int) -> Taught:
    """Train each seed's students and twins, and the controls of the student of the stored solution, if any.

    Args:
        ground: of the run.
        trials: each seed's generalist.
        said: what each seed's team has in store.
        more: generalists that cost at least as much as the specialists: the longer twin's time in addition.
    """
    plan, study = ground.plan, ground.study

    def arm(setting: str, seed: int, objective: Objective, budget: Budget) -> Arm:
        return Arm(setting, partial(copy.deepcopy, trials[seed].net), ground.shown, objective, budget)

    def tried(seed: int) -> list[Arm]:
        own = said[seed]
        return [
            arm(_tried(share), seed, FromTeam(own.generalist, own.specialists, own.terms, share), plan.student)
            for share in plan.hard_weights
        ]

    found = study.compare(tried)
    taught = Taught({}, {share: study.validation_errors(found[_tried(share)]) for share in plan.hard_weights})
    share = taught.hard_weight
    longer = replace(plan.student, epochs=plan.student.epochs + more * plan.generalist.epochs)

    def others(seed: int) -> list[Arm]:
        own, twin = said[seed], arm(TWIN, seed, FromLabels(plan.student_views), plan.student)
        return [
            arm(STORED, seed, FromSoftTargets(own.solution, 1.0, share), plan.student),
            arm(ITSELF, seed, FromSoftTargets(own.generalist, 1.0, share), plan.student),
            twin,
            arm(TWIN_LONGER, seed, FromLabels(), longer),
            *([] if ground.shown is ground.seen else [replace(twin, setting=TWIN_SEEN, transfer_set=ground.seen)]),
        ]

    beside = study.compare(others, controlled=[STORED], random_teacher=ground.make_net)
    rest = {name: own for name, own in found.items() if name != _tried(share)}
    return replace(taught, trials={STUDENT: found[_tried(share)], **beside, **rest})


def share_rows(taught: Taught) -> list[dict[str, Any]]:
    """Return the errors on held-out examples by which the labels' share was chosen."""
    return [row_of(_tried(share), HELD_OUT, errors, None) for share, errors in taught.held_out.items()]


def share_told(study: Study, taught: Taught) -> str:
    """Return in words what the labels' share of a student's loss was chosen by."""
    tries = ", ".join(f"{percent(share)} {mean_of(errors):.1f}" for share, errors in taught.held_out.items())
    beside = (
        f"“{name}” {mean_of(study.validation_errors(taught.trials[name])):.1f}"
        for name in (ITSELF, TWIN, TWIN_SEEN)
        if name in taught.trials
    )
    return (
        f"The labels' share of the students' loss is {percent(taught.hard_weight)}, chosen by errors on held-out "
        f"examples: {tries}; there {', '.join(beside)}."
    )


def _tried(share: float) -> str:
    return f"{STUDENT}, labels' share {share:g}"
