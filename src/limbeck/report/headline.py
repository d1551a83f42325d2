"""A run in a sentence: student against twin, the share of the gap that it recovers, how small and how quick it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from limbeck.evidence import LATENCY, percent, share_told
from limbeck.judge import paired_interval, recovered_interval, share_recovered
from limbeck.settings import net_of_file, teacher_of

Rows = Sequence[Mapping[str, Any]]
"""Rows of record."""


def headline(rows: Rows, costs: Sequence[Mapping[str, Any]], num_examples: int) -> str:
    """Return the sentence, "" where there are not both a student and a twin."""
    errors = {row["setting"]: row["values"] for row in rows if row["metric"] == "test errors"}
    by = teacher_of(errors)
    if not {"student", "twin"} <= errors.keys():
        return ""
    student, twin = _mean(errors["student"]), _mean(errors["twin"])
    said = f"The student makes {student:,.1f} test errors in {num_examples:,}, its label-only twin {twin:,.1f}"
    if by in errors:
        said += f" and the {by} {_mean(errors[by]):,.1f}"
    seeds = len(errors["student"])
    said += " (1 seed)" if seeds == 1 else f" (means of {seeds} seeds)"
    said += f"{_share(errors['twin'], errors[by], errors['student'])}." if by in errors else "."
    told = " and ".join(_ratios(rows, costs, by))
    return f"{said} Beside the {by} it {told}." if told else said


def _ratios(rows: Rows, costs: Sequence[Mapping[str, Any]], by: str) -> list[str]:
    """Return in words how many times smaller and quicker the student is than who taught it."""
    figures = {(row["setting"], row["metric"]): row["mean"] for row in rows}
    parameters = figures.get((by, "parameters")), figures.get(("student", "parameters"))
    latencies = figures.get((by, LATENCY)), figures.get(("student", LATENCY))
    shipped = {net_of_file(cost["name"]): cost for cost in costs}
    said = _ratio("has {} fewer parameters", *parameters)
    if not {by, "student"} <= shipped.keys():
        return said + _ratio("answers one example {} faster", *latencies)
    large, small = shipped[by], shipped["student"]
    if not large["from_python_ms"]:  # who has no file
        python = f" (it in ONNX Runtime, the {by} as it is called)"
        return said + _ratio(f"answers one example {{}} faster{python}", large["one"]["p50_ms"], small["one"]["p50_ms"])
    python = "".join(_ratio(" ({} asked from Python)", large["from_python_ms"], small["from_python_ms"]))
    bound = large["one"]["p50_ms"], small["one"]["p50_ms"]
    return said + _ratio(f"answers one example {{}} faster in ONNX Runtime{python}", *bound)


def _ratio(what: str, large: float | None, small: float | None) -> list[str]:
    """Return a ratio in words, nothing where one side is not known."""
    return [what.format(_times(large / small))] if large and small else []


def _share(twin: Sequence[float], teacher: Sequence[float], student: Sequence[float]) -> str:
    """Return in words which share of the gap the student recovers, "" where there is no gap.

    Of one seed nothing: its errors alone don't show that student and twin differ.
    """
    share, difference = share_recovered(twin, teacher, student), paired_interval(twin, student)
    if share is None or difference is None:
        return ""
    _, low, high = difference
    if low <= 0 <= high:
        return ": that the student differs from its twin is not shown"
    return f": it recovers {share_told(share)} of the gap{_told(recovered_interval(twin, teacher, student))}"


def _told(interval: tuple[float, float] | None) -> str:
    """Return the interval of the share in words, or why there is none."""
    if interval is None:
        return " (and no interval: they don't show that there is a gap)"
    return f" (95% interval {percent(interval[0])} to {percent(interval[1])})"


def _times(ratio: float) -> str:
    """Return a ratio in three figures.

    >>> _times(94.76), _times(3.618)
    ('95 ×', '3.6 ×')
    """
    return f"{ratio:,.0f} ×" if ratio >= 10 else f"{ratio:.2g} ×"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
