"""Errors against what a net costs: its size, and the time it takes."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limbeck.evidence import LATENCY
from limbeck.judge import mean_interval, proportion_interval
from limbeck.report.pictures import Picture, axis, layout, logarithmic, marks
from limbeck.settings import ENSEMBLE, INT8, STUDENT, TEACHER, TWIN, net_of_file

ROLES = {  # settings that have a point, with its colour and plotly's name of its mark
    TEACHER: ("teacher", "circle-open"),
    ENSEMBLE: ("teacher", "circle"),
    TWIN: ("twin", "x"),
    STUDENT: ("student", "circle"),
    INT8: ("student", "square-open"),
}
SIZES = {"size": "size of the file (bytes)", "parameters": "parameters", "latency": "time for one example (ms)"}


@dataclass(frozen=True)
class Point:
    """One setting's test errors, and what it costs; None is unknown."""

    setting: str
    errors: float
    low: float
    high: float
    num_seeds: int
    size: float | None
    parameters: float | None
    latency: float | None


def points(rows: Sequence[Mapping[str, Any]], costs: Sequence[Mapping[str, Any]], num_examples: int) -> list[Point]:
    """Return the settings of ROLES with their 95% intervals: over seeds, or of one over the test examples.

    Costs are those of the ONNX files, where these were measured; a twin is a net of its student's form.
    """
    figures = {(row["setting"], row["metric"]): row for row in rows}
    shipped = {net_of_file(cost["name"]): cost for cost in costs}
    found = []
    for setting in ROLES:
        if (setting, "test errors") in figures:
            form = STUDENT if setting == TWIN else setting
            cost = shipped.get(form, {})
            told = [figures.get((form, metric), {}).get("mean") for metric in ("parameters", LATENCY)]
            low, high = interval(figures[setting, "test errors"]["values"], num_examples)
            row = figures[setting, "test errors"]
            latency = cost["one"]["p50_ms"] if cost else None if shipped else told[1]
            found.append(Point(setting, row["mean"], low, high, row["n"], cost.get("size_bytes"), told[0], latency))
    return found


def interval(errors: Sequence[float], num_examples: int) -> tuple[float, float]:
    """Return the 95% interval of mean errors: Student's over seeds, of one seed Wilson's over its test examples.

    >>> interval([24, 22], 897), interval([9], 10)  # doctest: +ELLIPSIS
    ((10.29..., 35.70...), (5.95..., 9.82...))
    """
    over_seeds = mean_interval(errors)
    if over_seeds is not None:
        return max(over_seeds[1], 0.0), over_seeds[2]
    low, high = proportion_interval(round(errors[0]), num_examples)
    return low * num_examples, high * num_examples


def trade_offs(found: Sequence[Point], num_examples: int) -> list[Picture]:
    """Return errors against size and against time, each where two points at least have it."""
    by_size = "size" if len([point for point in found if point.size]) > 1 else "parameters"
    pictures = []
    for what in (by_size, "latency"):
        drawn = [(point, cost) for point in found if (cost := getattr(point, what))]
        if len({cost for _, cost in drawn}) > 1:
            title = f"Test errors against {SIZES[what]}"
            caption = _caption(drawn, num_examples)
            pictures.append(Picture(f"cost-{what}", title, caption, _figure(drawn, SIZES[what])))
    return pictures


def _figure(drawn: Sequence[tuple[Point, float]], cost_title: str) -> dict[str, Any]:
    return {
        "data": [_mark(point, cost) for point, cost in drawn],
        "layout": {
            **layout(),
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "margin": {"l": 52, "r": 12, "t": 10, "b": 44},
            "xaxis": {**axis(cost_title), "showgrid": False, **_scale(drawn)},
            "yaxis": {**axis("test errors"), "rangemode": "tozero"},
        },
    }


def _scale(drawn: Sequence[tuple[Point, float]]) -> dict[str, Any]:
    """Return a logarithmic cost axis with room at both ends."""
    least, most = (end(cost for _, cost in drawn) for end in (min, max))
    low, high = math.log10(least), math.log10(most)
    room = max(0.15, 0.1 * (high - low))
    return {**logarithmic(least, most), "range": [low - room, high + room]}


def _mark(point: Point, cost: float) -> dict[str, Any]:
    return {
        **marks([point.errors], [(point.low, point.high)], "y", *ROLES[point.setting]),
        "name": html.escape(point.setting),
        "x": [cost],
        "hovertemplate": "%{y:.4g} errors at %{x:.4g}",
    }


def _caption(drawn: Sequence[tuple[Point, float]], num_examples: int) -> str:
    told = "; ".join(_in_words(point, cost) for point, cost in drawn)
    return f"In {num_examples:,} test examples, with 95% intervals: {told}."


def _in_words(point: Point, cost: float) -> str:
    seeds = f"{point.num_seeds} seeds" if point.num_seeds > 1 else "1 seed, over the examples"
    bounds = f"{point.low:,.1f} to {point.high:,.1f}, {seeds}"
    return f"{point.setting} {point.errors:,.1f} ({bounds}) at {f'{cost:,.0f}' if cost >= 100 else f'{cost:.3g}'}"
