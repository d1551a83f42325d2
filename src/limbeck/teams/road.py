"""Section 5's road over a study: generalists, special sets, specialists, one choice, tables, and back into one net."""

from collections.abc import Sequence

import torch
from torch import Tensor

from limbeck.conclusion import Result
from limbeck.evidence import setting_rows
from limbeck.judge import measure
from limbeck.specialists.team import Team
from limbeck.study import Trial
from limbeck.targets import SoftTargets
from limbeck.teachers import mean_logits
from limbeck.teams.choosing import Choice, Chosen, Told, best_of, held_out, terms_for, tries
from limbeck.teams.costs import cost_rows, costs_told, equal_cost
from limbeck.teams.findings import differences_told, sets_told, tries_told
from limbeck.teams.students import (
    STORED,
    STUDENT,
    TWIN,
    Said,
    said_by,
    share_rows,
    share_told,
    softened,
    students,
)
from limbeck.teams.tables import TEAM, accuracy_rows, brought_rows, coverage_rows, try_rows
from limbeck.teams.training import (
    GENERALIST,
    Ground,
    Squad,
    generalists,
    other_generalist,
    rivals,
    specialists,
    squads,
)

NOTE = "The ensemble is the generalist and its specialists, by equation 5; the teacher is the generalist alone."


def travel(ground: Ground, groups: Sequence[int] | None = None) -> Result:
    """Take section 5's road once a seed and return what all seeds came to.

    Args:
        ground: of the run.
        groups: given superclasses, one a class, with which clusters are compared.

    Raises:
        LimbeckError: as training and combining do; what was finished is kept.
    """
    study = ground.study
    trials = generalists(ground)
    stores = softened(ground, [trial.net for trial in trials], ground.seen, ground.plan.views)
    chosen = choose(ground, trials, stores)
    count = equal_cost(ground, chosen.choice.squad)
    every = {GENERALIST: trials, **rivals(ground, count)}
    together = [own.together for own in chosen.told]
    rows = study.rows({GENERALIST: trials}, together)
    rows += setting_rows(TEAM, [[measure(logits, study.labels)] for logits in together], study.paper, accuracy=True)
    ensembles = [ensemble_logits(every, count, seed) for seed in range(study.run.num_seeds)]
    ensemble = f"ensemble, {count} generalists"
    rows += setting_rows(ensemble, [[measure(logits, study.labels)] for logits in ensembles], {}, accuracy=True)
    rows += study.rows({name: own for name, own in every.items() if name != GENERALIST}, together)
    taught = students(ground, trials, stored(ground, chosen, trials), count - 1)
    rows += study.rows(taught.trials, together) + share_rows(taught)
    rows += accuracy_rows(chosen.told, study.labels) + coverage_rows(chosen.told, study.labels)
    rows += brought_rows(chosen.told, study.labels)
    alone = study.validation_errors(trials)
    rows += try_rows(chosen.every, alone)
    costs = cost_rows(ground, chosen, trials)
    errors = {name: study.errors(own) for name, own in {**every, **taught.trials}.items()}
    errors |= {TEAM: _errors(together, study.labels), ensemble: _errors(ensembles, study.labels)}
    findings = [
        *tries_told(chosen, alone),
        *differences_told(errors, ensemble, len(study.test)),
        *study.controls_told(taught.trials, STORED),
        share_told(study, taught),
        *sets_told(ground, chosen, trials, groups),
        costs_told(costs),
    ]
    asked = Team(trials[0].net, [each.net for each in chosen.own[0]], chosen.told[0].terms)
    return study.conclude(
        [*rows, *costs],
        findings,
        taught.trials,
        teacher=(TEAM, together[0]),
        asked=asked,
        twin=TWIN,
        student=STUDENT,
        teacher_validation=chosen.told[0].terms.together(
            held_out(trials[0]), [held_out(each) for each in chosen.own[0]]
        ),
        note=NOTE,
    )


def choose(ground: Ground, trials: list[Trial], stores: Sequence[SoftTargets]) -> Chosen:
    """Train all squads, and return the try that does best on held-out examples, ready to be asked."""
    every: list[Choice] = []
    trained: dict[Squad, list[list[Trial]]] = {}
    for squad in squads(ground.plan, trials):
        trained[squad] = specialists(ground, squad, trials, stores)
        every += tries(ground, squad, trials, trained[squad])
    best = best_of(every)
    own, told = trained[best.squad], []
    for seed, said in enumerate(zip(trials, own, strict=True)):
        terms = terms_for(ground, best, seed, said)
        logits = tuple(each.test_logits for each in said[1])
        told.append(Told(said[0].test_logits, logits, terms, terms.together(said[0].test_logits, logits)))
    return Chosen(best, own, told, every)


def stored(ground: Ground, chosen: Chosen, trials: Sequence[Trial]) -> list[Said]:
    """Return what each seed's team has in store for students: each one's soft targets, and the solution."""
    team, shown, views = 1 + chosen.choice.squad.number, ground.shown, ground.plan.student_views
    nets = [each.net for trial, own in zip(trials, chosen.own, strict=True) for each in (trial, *own)]
    every = softened(ground, nets, shown, views)
    return [
        said_by(ground, every[seed * team], every[seed * team + 1 : (seed + 1) * team], told.terms)
        for seed, told in enumerate(chosen.told)
    ]


def ensemble_logits(every: dict[str, list[Trial]], count: int, seed: int) -> Tensor:
    """Return what the rival ensemble of a seed says of the test set: the arithmetic mean of its generalists."""
    names = [GENERALIST, *(other_generalist(place) for place in range(1, count))]
    return mean_logits(torch.stack([every[name][seed].test_logits for name in names]), 1.0)


def _errors(logits: Sequence[Tensor], labels: Tensor) -> list[float]:
    return [float((own.argmax(1) != labels).sum()) for own in logits]
