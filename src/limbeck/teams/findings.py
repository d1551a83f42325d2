"""What section 5's road came to, in sentences: every difference with its interval."""

from collections.abc import Mapping, Sequence

from limbeck.evidence import compared, mean_of, percent, share_told
from limbeck.judge import mean_interval, recovered_interval, share_recovered
from limbeck.specialists import agreement, cluster_report, clustered, stability
from limbeck.study import Trial
from limbeck.teams.choosing import Choice, Chosen, held_out
from limbeck.teams.students import ITSELF, STORED, STUDENT, TWIN, TWIN_LONGER, TWIN_SEEN
from limbeck.teams.tables import PAPER, TEAM
from limbeck.teams.training import GENERALIST, LONGER, Ground, moments_of_trial

Errors = Mapping[str, Sequence[float]]
"""Test errors by setting, one value a seed."""


def differences_told(errors: Errors, ensemble: str, examples: int) -> list[str]:
    """Return what specialists bring beside the generalist and rivals of equal cost, and what of it one net keeps."""

    def against(name: str, own: str, other: str, its: str) -> str:
        return compared(name, errors[own], other, errors[its], examples)

    team = "The generalist with its specialists"
    rivals = {ensemble: f"an ensemble of {ensemble.split(', ')[1]}", LONGER: "a generalist trained for as long"}
    others = {
        TWIN: "that net trained on labels in its place",
        TWIN_SEEN: "that net trained on labels and what the generalist was shown",
        TWIN_LONGER: "that net trained on labels for the specialists' time too",
        ITSELF: "the generalist distilled into itself",
        STORED: "the student of equation 5 solved and stored",
        GENERALIST: "the generalist",
        LONGER: "the generalist trained longer",
    }
    return [
        against(team, TEAM, "the generalist alone", GENERALIST),
        _relative(errors, examples),
        *(against(team, TEAM, told, name) for name, told in rivals.items()),
        *(
            against("The one net that learned from both", STUDENT, told, name)
            for name, told in others.items()
            if name in errors
        ),
        *_kept(errors),
    ]


def _relative(errors: Errors, examples: int) -> str:
    """Return the relative change of accuracy, beside the paper's."""
    before, after = ([1 - each / examples for each in errors[name]] for name in (GENERALIST, TEAM))
    changes = [100 * (new / old - 1) if old else 0.0 for old, new in zip(before, after, strict=True)]
    interval = mean_interval(changes)
    told = "1 seed" if interval is None else f"95% interval {interval[1]:+.1f}% to {interval[2]:+.1f}%"
    paper = 100 * PAPER[TEAM, "relative change"]
    change = f"{mean_of(changes):+.1f}% of itself ({told}; the paper's specialists {paper:+g}%)"
    return f"That changes the accuracy by {change}."


def _kept(errors: Errors) -> list[str]:
    """Return which share of the specialists' gain the one net keeps, nothing where there is no gain."""
    own = (errors[GENERALIST], errors[TEAM], errors[STUDENT])
    share, interval = share_recovered(*own), recovered_interval(*own)
    if share is None:
        return ["Specialists bring no gain that one net could keep."]
    told = "no interval: a gain is not shown" if interval is None else f"95% interval {_interval(interval)}"
    return [f"The one net keeps {share_told(share)} of the specialists' gain over the generalist ({told})."]


def _interval(interval: tuple[float, float]) -> str:
    return f"{percent(interval[0])} to {percent(interval[1])}"


def tries_told(chosen: Chosen, alone: Sequence[float]) -> list[str]:
    """Return how the best try of each way and of each correction does on held-out examples."""

    def best(name: str, tries: Sequence[Choice]) -> str:
        return f"{name} {min(mean_of(each.errors) for each in tries):.1f}"

    ways = [
        best(f"“{way}”", [each for each in chosen.every if each.squad.way == way])
        for way in dict.fromkeys(each.squad.way for each in chosen.every)
    ]
    corrections = [
        best(f"“{correction}”", [each for each in chosen.every if each.correction == correction])
        for correction in dict.fromkeys(each.correction for each in chosen.every)
    ]
    told = f"of each way to train specialists: {', '.join(ways)}; of each correction: {', '.join(corrections)}"
    return [
        f"Chosen of {len(chosen.every)} tries by errors on held-out examples: {chosen.choice.told}.",
        f"Errors there, the best try {told}; the generalist alone {mean_of(alone):.1f}.",
    ]


def sets_told(ground: Ground, chosen: Chosen, trials: Sequence[Trial], groups: Sequence[int] | None) -> list[str]:
    """Return what the chosen special sets are worth: coverage, correlation, ceiling, stability, agreement."""
    squad = chosen.choice.squad
    moments = [moments_of_trial(trial) for trial in trials]
    reports = [
        cluster_report(own, sets, held_out(trial), ground.study.validation_labels, chosen.choice.n)
        for own, sets, trial in zip(moments, squad.sets, trials, strict=True)
    ]
    clusters = [clustered(own, squad.number, largest=squad.size) for own in moments]
    within, between = ([getattr(each, name) or 0.0 for each in reports] for name in ("within", "between"))
    found = (
        f"Special sets cover {percent(mean_of([each.coverage for each in reports]))} of the classes; predictions "
        f"correlate by {mean_of(within):.3f} within and {mean_of(between):.3f} between them; of the generalist's "
        f"errors on held-out examples {percent(mean_of([each.ceiling or 0.0 for each in reports]))} could be mended"
    )
    agree = [f"over seeds by {stability(clusters):.2f}"] if len(clusters) > 1 else []
    if groups is not None:
        agree.append(f"with the given superclasses by {mean_of([agreement(each, groups) for each in clusters]):.2f}")
    return [f"{found}; clusters agree {', '.join(agree)} (adjusted Rand index)." if agree else f"{found}."]
