"""What specialists cost beside their generalist: examples seen, and seconds."""

from collections.abc import Sequence
from math import ceil
from typing import Any

from limbeck.evidence import mean_of, row_of
from limbeck.study import Trial
from limbeck.teams.choosing import Chosen
from limbeck.teams.tables import TEAM
from limbeck.teams.training import Ground, Squad, trained_on

ONE, ALL = "one specialist / generalist", "all specialists / generalist"


def examples_seen(ground: Ground, squad: Squad, seed: int) -> list[float]:
    """Return how many examples each specialist of a seed sees, as shares of what its generalist sees."""
    costs = (trained_on(ground, squad, classes) for classes in squad.sets[seed])
    whole = ground.plan.generalist.epochs * ground.seen.num_drawn
    return [budget.epochs * mixed.num_drawn / whole for mixed, budget in costs]


def equal_cost(ground: Ground, squad: Squad) -> int:
    """Return how many generalists cost at least as much as one and its specialists, whatever the seed."""
    totals = [sum(examples_seen(ground, squad, seed)) for seed in range(len(squad.sets))]
    return 1 + ceil(max(totals) - 1e-9)


def cost_rows(ground: Ground, chosen: Chosen, trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Return how much of the generalist's examples and seconds the costliest specialist takes, and all together."""
    examples = [examples_seen(ground, chosen.choice.squad, seed) for seed in range(len(trials))]
    seconds = [
        [each.fitted.seconds / trial.fitted.seconds for each in own]
        for trial, own in zip(trials, chosen.own, strict=True)
    ]
    found = [row_of(TEAM, "seconds", [sum(each.fitted.seconds for each in own) for own in chosen.own], None)]
    for what, shares in (("examples seen", examples), ("seconds", seconds)):
        found.append(row_of(f"{TEAM}, {ONE}, {what}", "ratio", [max(each) for each in shares], None))
        found.append(row_of(f"{TEAM}, {ALL}, {what}", "ratio", [sum(each) for each in shares], None))
    return found


def costs_told(rows: Sequence[dict[str, Any]]) -> str:
    """Return in words what the rows of costs say."""
    told = {row["setting"]: mean_of(row["values"]) for row in rows if row["metric"] == "ratio"}
    one, every = ([told[f"{TEAM}, {who}, {what}"] for what in ("examples seen", "seconds")] for who in (ONE, ALL))
    return (
        f"The costliest specialist sees {one[0]:.3f} of the examples that the generalist sees and takes {one[1]:.3f} "
        f"of its seconds; all together {every[0]:.2f} and {every[1]:.2f}."
    )
