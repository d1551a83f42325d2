"""The page that shows finished runs side by side."""

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from limbeck.files import write_bytes
from limbeck.report.frame import rendered
from limbeck.report.judged import Table
from limbeck.report.pictures import Picture, axis, layout, marks
from limbeck.report.trade_offs import interval

PARTS = {"teacher": "circle-open", "twin": "x", "student": "circle"}  # and plotly's names of their marks
LINE = 26  # pixels of a run's line in the picture for each part
SCRIPTS = ("page.js", "comparison.js")


@dataclass(frozen=True)
class Errors:
    """The test errors of one run's teacher, twin or student, one value a seed."""

    run: str
    part: str
    values: list[float]


@dataclass(frozen=True)
class Compared:
    """What a comparison came to, ready to be printed."""

    names: list[str]
    """Of the runs."""
    test_name: str
    num_examples: int
    warnings: list[str]
    findings: list[str]
    """A sentence for each two runs."""
    differences: Table
    errors: list[Errors]
    table: Table
    made: Table
    """Each run, its command and its folder."""
    settings: Table
    """The settings in which the runs differ."""


def write_comparison(path: str | Path, compared: Compared) -> Path:
    """Write a comparison as one self-contained HTML page and return its path.

    Raises:
        RunError: the file can't be written.
    """
    picture = Picture(
        "compared-errors",
        "Test errors, with 95% intervals",
        _caption(compared),
        _figure(compared),
    )
    title = f"Limbeck: {len(compared.names)} runs compared"
    page = rendered("comparison.html.j2", SCRIPTS, [picture], {**vars(compared), "title": title, "picture": picture})
    write_bytes(Path(path), page.encode(errors="replace"))
    return Path(path)


def _figure(compared: Compared) -> dict[str, Any]:
    lines = len(compared.names) * len(PARTS)
    return {
        "data": [_marks(part, compared) for part in PARTS],
        "layout": {
            **layout(),
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "margin": {"l": 60, "r": 16, "t": 14, "b": 44},
            "height": 110 + LINE * lines,
            "scattermode": "group",
            "xaxis": {**axis("test errors"), "rangemode": "tozero"},
            "yaxis": {**axis(), "type": "category", "autorange": "reversed", "showgrid": False},
        },
    }


def _marks(part: str, compared: Compared) -> dict[str, Any]:
    own = [each for each in compared.errors if each.part == part]
    means = [float(np.mean(each.values)) for each in own]
    bounds = [interval(each.values, compared.num_examples) for each in own]
    return {
        **marks(means, bounds, "x", part, PARTS[part]),
        "orientation": "h",
        "name": part,
        "y": [html.escape(each.run) for each in own],
        "hovertemplate": "%{x:.4g}",
    }


def _caption(compared: Compared) -> str:
    told = "; ".join(_in_words(each, compared.num_examples) for each in compared.errors)
    return f"Of {compared.num_examples:,} test examples. {told}."


def _in_words(errors: Errors, num_examples: int) -> str:
    low, high = interval(errors.values, num_examples)
    n = f"{len(errors.values)} seeds" if len(errors.values) > 1 else "1 seed, over the examples"
    return f"{errors.run}, {errors.part}: {np.mean(errors.values):,.1f} ({low:,.1f} to {high:,.1f}, {n})"
