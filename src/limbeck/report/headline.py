"""A run in a sentence: student against twin, the share of the gap that it recovers, how small and how quick it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from limbeck.evidence import LATENCY
from limbeck.judge import share_recovered

Rows = Sequence[Mapping[str, Any]]
"""Rows of record."""


def headline(rows: Rows, costs: Sequence[Mapping[str, Any]], num_examples: int) -> str:
    """Return the sentence, "" where there are not both a student and a twin."""
    errors = {row["setting"]: row["values"] for row in rows if row["metric"] == "test errors"}
    by = "ensemble" if "ensemble" in errors else "teacher"
    if not {"student", "twin"} <= errors.keys():
        return ""
    student, twin = _mean(errors["student"]), _mean(errors["twin"])
    said = f"The student makes {student:,.1f} test errors in {num_examples:,}, its label-only twin {twin:,.1f}"
    share = None
    if by in errors:
        said += f" and the {by} {_mean(errors[by]):,.1f}"
        share = share_recovered(errors["twin"], errors[by], errors["student"])
    seeds = len(errors["student"])
    said += " (1 seed)" if seeds == 1 else f" (means of {seeds} seeds)"
    said += "." if share is None else f": it recovers {round(share, 2) + 0.0:.0%} of the gap."
    told = " and ".join(_ratios(rows, costs, by))
    return f"{said} Beside the {by} it {told}." if told else said


def _ratios(rows: Rows, costs: Sequence[Mapping[str, Any]], by: str) -> list[str]:
    """Return in words how many times smaller and quicker the student is than who taught it."""
    figures = {(row["setting"], row["metric"]): row["mean"] for row in rows}
    parameters = figures.get((by, "parameters")), figures.get(("student", "parameters"))
    latencies = figures.get((by, LATENCY)), figures.get(("student", LATENCY))
    shipped = {cost["name"].removesuffix(", ONNX"): cost["one"]["p50_ms"] for cost in costs}
    if {by, "student"} <= shipped.keys():
        latencies = shipped[by], shipped["student"]
    told = {"has {} fewer parameters": parameters, "answers one example {} faster": latencies}
    return [what.format(_times(large / small)) for what, (large, small) in told.items() if large and small]


def _times(ratio: float) -> str:
    """Return a ratio in three figures.

    >>> _times(94.76), _times(3.618)
    ('95 ×', '3.6 ×')
    """
    return f"{ratio:,.0f} ×" if ratio >= 10 else f"{ratio:.2g} ×"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
