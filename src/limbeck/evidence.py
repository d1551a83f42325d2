"""From what each seed came to, to the figures of record, the printed table and the sentences above it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from limbeck.controls import control_of
from limbeck.judge import (
    Judgement,
    Measures,
    NetsDifference,
    paired_interval,
    recovered_interval,
    share_recovered,
    sign_flip_p,
)
from limbeck.results import papers_figure
from limbeck.settings import STUDENT, TEACHERS, TWIN, part_of, remark_of, teacher_of

ACCURACY, LATENCY, SIZE, KL = "accuracy", "latency p50 (ms)", "size (bytes)", "KL (nats)"
FRAMES, WER = "frame accuracy", "WER"  # of speech: shares of frames that are right, and of words that are not
PUBLISHED = {  # metrics, and their columns of a table
    "test errors": "paper's errors",
    ACCURACY: "published accuracy",
    FRAMES: "paper's frame accuracy",
    WER: "paper's WER",
}
METRICS = {  # of results/*.json, and what they are of a model
    "test errors": lambda m: m.errors,
    ACCURACY: lambda m: m.accuracy,
    "NLL": lambda m: m.nll,
    "Brier": lambda m: m.brier,
    "ECE": lambda m: m.ece,
    "agreement": lambda m: m.agreement,
    "parameters": lambda m: m.parameters,
}


@dataclass(frozen=True)
class Outcome:
    """What one seed came to: each setting's measures on the test set, and the student for keeps."""

    measures: dict[str, list[Measures]]
    judgements: dict[str, Judgement]
    """Of the teacher (the ensemble, where there is one), and of each net that learned beside the student."""
    difference: NetsDifference
    """Of this seed's twin and student."""
    seconds: dict[str, float]
    """Training time of each setting; an ensemble's is that of all its members."""
    latency_ms: dict[str, float]
    """Median time of one example, alone, on one thread."""
    student_validation: Measures
    weights: Path

    @property
    def held_out_loss(self) -> float:
        """By which the student for keeps is chosen among seeds: its NLL on the validation split."""
        return self.student_validation.nll


def figures(
    outcomes: Sequence[Outcome], paper: dict[tuple[str, str], float], *, one_teacher: bool = False
) -> list[dict[str, Any]]:
    """Return the rows of record: each setting's metrics, one value a seed (the mean over a seed's teachers).

    `one_teacher` is whether all seeds have the same: it is measured once, and timed beside each seed's student.
    """
    rows = []
    for setting in outcomes[0].measures:
        own = outcomes[:1] if one_teacher and setting in TEACHERS else outcomes
        rows += setting_rows(setting, [outcome.measures[setting] for outcome in own], paper)
    rows += [row_of(name, "seconds", [o.seconds[name] for o in outcomes], None) for name in outcomes[0].seconds]
    latencies = {name: [outcome.latency_ms[name] for outcome in outcomes] for name in outcomes[0].latency_ms}
    rows += [row_of(name, LATENCY, values, None) for name, values in latencies.items()]
    by = teacher_of(outcomes[0].measures)
    rows.append(ratio_row(by, [outcome.latency_ms for outcome in outcomes]))
    share = share_recovered(*(errors_of(outcomes, name) for name in ("twin", by, "student")))
    if share is not None:
        rows.append(row_of(f"student, gap to its twin / gap between twin and {by}", "ratio", [share], None))
    return rows


def setting_rows(
    setting: str, measures: Sequence[Sequence[Measures]], paper: dict[tuple[str, str], float], *, accuracy: bool = False
) -> list[dict[str, Any]]:
    """Return one setting's rows of record from its measures, a list a seed; accuracies, which errors tell, if asked."""
    rows = []
    for metric, value_of in METRICS.items():
        if metric == ACCURACY and not accuracy:
            continue
        told = [[value_of(m) for m in own] for own in measures]
        if not any(value is None for own in told for value in own):  # a teacher that is no net has no parameters
            values = [float(np.mean(own)) for own in told]
            rows.append(row_of(setting, metric, values, paper.get((setting, metric))))
    return rows


def row_of(setting: str, metric: str, values: list[float], paper: float | None) -> dict[str, Any]:
    """Return one row of record; the sd is that of a sample, 0 for one value.

    A value that is no finite number is None, as in JSON, and where one is, so are mean and sd.

    >>> row_of("twin", "NLL", [0.5, math.inf], None)["values"]
    [0.5, None]
    """
    finite = [value if math.isfinite(value) else None for value in values]
    mean, sd = (None, None) if None in finite else (mean_of(values), sd_of(values))
    told = {"setting": setting, "metric": metric, "n": len(values), "mean": mean, "sd": sd}
    return {**told, "values": finite, "paper": paper}


def ratio_row(by: str, latencies: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return the row of record of how many times as long one example takes who taught the student, one value a seed."""
    ratios = [own[by] / own["student"] for own in latencies]
    return row_of(f"{by}, one example / student, one example", "ratio", ratios, None)


def costs_told(by: str, parameters: Mapping[str, int | None], latencies: Sequence[Mapping[str, float]]) -> list[str]:
    """Return in words what a student costs beside who taught it; `latencies` are in ms, one mapping a seed."""
    large, small = (parameters[setting] or 0 for setting in (by, "student"))
    slow, fast = (np.median([own[setting] for own in latencies]) for setting in (by, "student"))
    return [
        *([f"It has {small:,} parameters, the {by} {large:,}."] if large > small else []),
        f"As they were trained, one example alone takes the {by} {slow:.3g} ms and the student {fast:.3g} ms.",
    ]


def mean_of(values: Sequence[float]) -> float:
    """Return the mean of some figures."""
    return float(np.mean(values))


def sd_of(values: Sequence[float]) -> float:
    """Return their sample sd, 0 for one value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def errors_of(outcomes: Sequence[Outcome], setting: str) -> list[float]:
    """Return a setting's test errors, one value a seed."""
    return [float(np.mean([m.errors for m in outcome.measures[setting]])) for outcome in outcomes]


def tabulate(rows: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the printed table: one line a setting, mean ± sd over the seeds."""
    headline = ("test errors", "agreement", WER, SIZE)  # that of a model's setting: without labels it has no errors
    settings = list(dict.fromkeys(row["setting"] for row in rows if row["metric"] in headline))
    there = {row["metric"] for row in rows}
    told = [metric for metric in (*METRICS, FRAMES, WER, KL, LATENCY, SIZE) if metric in there]
    table = []
    for setting in settings:
        own = {row["metric"]: row for row in rows if row["setting"] == setting}
        line = {"model": setting, "seeds": str(next(own[metric]["n"] for metric in headline if metric in own))}
        line |= {metric: formatted(own[metric]) if metric in own else "–" for metric in told}
        for metric, column in PUBLISHED.items():
            if any(row["paper"] is not None for row in rows if row["metric"] == metric and row["setting"] in settings):
                line[column] = papers_figure(own[metric]) if metric in own else "–"
        table.append(line)
    return table


def formatted(row: dict[str, Any]) -> str:
    """Return a row's figure as it is printed.

    >>> formatted(row_of("twin", "test errors", [14, 16], None))
    '15.0 ± 1.4'
    >>> formatted(row_of("twin", "NLL", [math.inf], None))
    'not finite'
    """
    if row["mean"] is None:
        return "not finite"
    if row["metric"] in ("parameters", SIZE):
        return f"{row['mean']:,.0f}"
    scale, digits, unit = {
        "test errors": (1, 1, ""),
        "agreement": (100, 1, "%"),
        "accuracy": (100, 2, "%"),
        FRAMES: (100, 1, "%"),
        WER: (100, 1, "%"),
        LATENCY: (1, 4, ""),
    }.get(row["metric"], (1, 3, ""))
    spread = f" ± {row['sd'] * scale:.{digits}f}" if row["n"] > 1 else ""
    return f"{row['mean'] * scale:.{digits}f}{spread}{unit}"


def find(outcomes: Sequence[Outcome]) -> list[str]:
    """Return in words whether the soft targets helped, and how much of the gap they closed."""
    twin, student = errors_of(outcomes, "twin"), errors_of(outcomes, "student")
    name = teacher_of(outcomes[0].measures)
    examples = outcomes[0].measures["student"][0].examples
    said = [compared("The student", student, "its label-only twin", twin, examples, one_seed=outcomes[0].difference)]
    said += recovered("It", twin, errors_of(outcomes, name), student, name)
    parameters = {setting: outcomes[0].measures[setting][0].parameters for setting in (name, "student")}
    *size, latency = costs_told(name, parameters, [outcome.latency_ms for outcome in outcomes])
    said += size
    for other in outcomes[0].measures:
        control = control_of(other)
        if control is not None:
            said.append(compared("The student", student, control, errors_of(outcomes, other), examples))
        if part_of(other) == TWIN and remark_of(other):
            alone = f"a net on labels alone, {remark_of(other)},"
            said.append(compared("The student", student, alone, errors_of(outcomes, other), examples))
    return [*said, *_worse_told(outcomes, (name, TWIN)), latency]


def _worse_told(outcomes: Sequence[Outcome], others: Sequence[str]) -> list[str]:
    """Return in words where the student's probabilities are worse than others', nothing where they are nowhere."""
    told = []
    for metric in ("NLL", "ECE"):
        own = _means(outcomes, STUDENT, metric)
        for setting in others:
            its = _means(outcomes, setting, metric)
            first, second = (formatted(row_of("", metric, values, None)) for values in (own, its))
            if mean_of(own) > mean_of(its) and first != second:
                told.append(f"{metric} {first} against the {setting}'s {second}")
    if not told:
        return []
    return [f"Its probabilities are worse: {', '.join(told)}. Lower is better; a fitted temperature may mend it."]


def _means(outcomes: Sequence[Outcome], setting: str, metric: str) -> list[float]:
    """Return a figure of a setting, one value a seed: the mean over its nets."""
    return [mean_of([METRICS[metric](each) for each in outcome.measures[setting]]) for outcome in outcomes]


def compared(
    name: str,
    errors: Sequence[float],
    other: str,
    its: Sequence[float],
    examples: int,
    *,
    one_seed: NetsDifference | None = None,
) -> str:
    """Return in words by how much two settings of the same seeds differ, and whether it is a difference.

    The interval is that of what is told: of how many errors fewer, or of how many more. Of one seed there are two nets,
    and `one_seed` tells their difference, the other's errors less its own.

    >>> compared("It", [70, 72], "its twin", [80, 78], 10_000)  # doctest: +NORMALIZE_WHITESPACE
    'It makes 8.0 fewer test errors than its twin (71.0 against 79.0 of 10,000; 2 paired seeds, 95% interval of the
    difference -17.4 to +33.4, sign-flip p = 0.5).'
    """
    difference = np.mean(its) - np.mean(errors)
    fewer = difference >= 0
    interval = paired_interval(its, errors) if fewer else paired_interval(errors, its)
    verb = f"{abs(difference):.1f} {'fewer' if fewer else 'more'} test errors than {other}"
    test = "1 seed"
    if one_seed is not None:
        test = f"1 seed, {over_examples(one_seed if fewer else one_seed.turned())}"
    if interval is not None:
        test = (
            f"{len(errors)} paired seeds, 95% interval of the difference {interval[1]:+.1f} to {interval[2]:+.1f}, "
            f"sign-flip p = {sign_flip_p(its, errors):.2g}"
        )
    return f"{name} makes {verb} ({np.mean(errors):.1f} against {np.mean(its):.1f} of {examples:,}; {test})."


def over_examples(difference: NetsDifference) -> str:
    """Return in words what the test examples tell of two nets.

    >>> over_examples(NetsDifference(8.0, 2.5, 13.5, 0.004))
    '95% interval over test examples +2.5 to +13.5, exact McNemar p = 0.004'
    """
    bounds = f"{difference.low:+.1f} to {difference.high:+.1f}"
    return f"95% interval over test examples {bounds}, exact McNemar p = {difference.p:.2g}"


def difference_told(before: Sequence[float], after: Sequence[float], *, one_seed: NetsDifference | None = None) -> str:
    """Return in words by how much test errors change, with its interval: over seeds, or over the examples of one.

    >>> difference_told([80, 79, 81], [70, 70, 71])
    '-9.7 test errors (3 paired seeds, 95% interval -11.1 to -8.2)'
    """
    interval = paired_interval(after, before)
    if interval is None:
        over = "" if one_seed is None else f", {over_examples(one_seed)}"
        return f"{mean_of(after) - mean_of(before):+.1f} test errors (1 seed{over})"
    mean, low, high = interval
    return f"{mean:+.1f} test errors ({len(before)} paired seeds, 95% interval {low:+.1f} to {high:+.1f})"


def recovered(
    name: str, twin: Sequence[float], teacher: Sequence[float], student: Sequence[float], by: str
) -> list[str]:
    """Return in words which share of the gap between twin and teacher a student closes, nothing where there is none.

    Of one seed nothing: it doesn't show that there is a gap.

    >>> recovered("It", [80, 79, 81], [60], [70, 70, 71], "teacher")[0]
    'It recovers 48% of the gap between the twin and the teacher (3 paired seeds, 95% interval 45% to 52%).'
    """
    share, interval = share_recovered(twin, teacher, student), recovered_interval(twin, teacher, student)
    if share is None or len(twin) == 1:
        return []
    n = f"{len(twin)} paired seeds"
    if interval is not None:
        told = f"{n}, 95% interval {percent(interval[0])} to {percent(interval[1])}"
    else:
        told = f"{n}, and no interval: they don't show that there is a gap"
    return [f"{name} recovers {share_told(share)} of the gap between the twin and the {by} ({told})."]


def share_told(share: float) -> str:
    """Return in words how much of a gap a share is: below 0 it is none.

    >>> share_told(0.48), share_told(-0.72)
    ('48%', 'none')
    """
    return percent(share) if share >= 0 else "none"


def percent(share: float) -> str:
    """Return a share in whole per cent, without a zero's sign."""
    return f"{round(share, 2) + 0.0:.0%}"
