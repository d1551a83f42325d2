"""Back into one net (s. 8, 'not yet shown'): students of the generalist's own kind, and what stands beside them.

All start from the generalist's weights, see the same stored views in the same order and differ in their targets alone;
one twin is trained for as much longer as the specialists took.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from torch import nn

from limbeck.launch import shared
from limbeck.specialists.completed import FromTeam
from limbeck.specialists.solved import made_of, solve_stored
from limbeck.specialists.team import Terms
from limbeck.study import Arm, Study, Trial, as_trained
from limbeck.targets import SoftTargets
from limbeck.teams.training import Ground
from limbeck.training import FromLabels, FromSoftTargets

STUDENT, STORED, ITSELF = "student", "student, equation 5 solved and stored", "student, the generalist into itself"
TWIN, TWIN_LONGER = "twin", "twin, trained as much longer as the specialists took"


@dataclass(frozen=True)
class Said:
    """What one seed's generalist and specialists say of the training set, in store."""

    generalist: SoftTargets
    specialists: tuple[SoftTargets, ...]
    terms: Terms
    solution: SoftTargets


def softened(ground: Ground, nets: Sequence[nn.Module]) -> list[SoftTargets]:
    """Return the soft targets of nets for all views of the training set, shared with other processes."""
    study, plan = ground.study, ground.plan

    def job(net: nn.Module, wait: bool) -> SoftTargets:
        return study.soften(as_trained(net, plan.generalist), ground.seen, plan.views, wait=wait)

    return shared([partial(job, net) for net in nets])


def said_by(ground: Ground, generalist: SoftTargets, specialists: Sequence[SoftTargets], terms: Terms) -> Said:
    """Return what a seed's team has in store, with equation 5's solution for all of it."""
    study: Study = ground.study
    solution = study.stored(
        made_of(generalist, specialists, terms),
        lambda folder: solve_stored(generalist, specialists, terms, folder, study.run.progress),
    )
    return Said(generalist, tuple(specialists), terms, solution)


def students(ground: Ground, trials: Sequence[Trial], said: Sequence[Said], more: int) -> dict[str, list[Trial]]:
    """Train each seed's students and twins, and the controls of the student of the stored solution, if any.

    Args:
        ground: of the run.
        trials: each seed's generalist.
        said: what each seed's team has in store.
        more: generalists that cost at least as much as the specialists: the longer twin's time in addition.
    """
    plan, study = ground.plan, ground.study
    longer = replace(plan.student, epochs=plan.student.epochs + more * plan.generalist.epochs)
    labels = FromLabels(plan.views)

    def arms_of(seed: int) -> list[Arm]:
        own = said[seed]
        objectives = {
            STUDENT: FromTeam(own.generalist, own.specialists, own.terms, plan.hard_weight),
            STORED: FromSoftTargets(own.solution, 1.0, plan.hard_weight),
            ITSELF: FromSoftTargets(own.generalist, 1.0, plan.hard_weight),
            TWIN: labels,
        }
        start = partial(copy.deepcopy, trials[seed].net)
        arms = [Arm(name, start, ground.seen, each, plan.student) for name, each in objectives.items()]
        return [*arms, Arm(TWIN_LONGER, start, ground.seen, FromLabels(), longer)]

    return study.compare(arms_of, controlled=[STORED], random_teacher=ground.make_net)
