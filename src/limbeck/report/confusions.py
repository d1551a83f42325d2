"""Which class is taken for which: label against choice, the errors in colour."""

import html
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from jaxtyping import Int
from torch import Tensor

from limbeck.judge import most_confused, proportion_interval
from limbeck.report.judged import Evidence, Judged
from limbeck.report.mistakes import counts, drawn_classes
from limbeck.report.pictures import Picture, axis, layout

MOST_PRINTED = 20  # classes up to which a matrix has its counts printed
MOST_NAMED = 60  # classes up to which they are named beside it
LONGEST_NAME = 16  # characters of a class name beside a matrix
MOST_CONFUSED = 3  # pairs of classes named under a matrix


def confusions(evidence: Evidence) -> list[Picture]:
    """Return label against choice for teacher, twin and student; nothing where there are no labels."""
    if evidence.labels is None:
        return []
    drawn = drawn_classes(evidence.cast, evidence.labels, evidence.num_classes)
    tables = [counts(model.chosen, evidence.labels, drawn) for model in evidence.cast]
    most = max(1, *(int((table - table.diag().diag()).max()) for table in tables))
    names = _axis_names(evidence.class_names, drawn.tolist())
    return [
        Picture(
            key=f"confusion-{number}",
            title=model.name,
            caption=_in_words(model, evidence.labels, evidence.class_names),
            figure={"data": _matrix(table, names, most), "layout": _layout(names)},
        )
        for number, (model, table) in enumerate(zip(evidence.cast, tables, strict=True))
    ]


def _matrix(table: Int[Tensor, "drawn drawn"], names: list[str], most: int) -> list[dict[str, Any]]:
    """Return a heatmap of the errors, and where there is room the right answers as muted numbers."""
    errors: list[list[int | None]] = table.tolist()
    for index, row in enumerate(errors):
        row[index] = None
    heatmap = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": errors,
        "zmin": 0,
        "zmax": most,
        "colorscale": [[0, "var(--paper)"], [1e-6, "var(--heat-low)"], [1, "var(--heat-high)"]],
        "showscale": len(names) > MOST_PRINTED,
        "colorbar": {"thickness": 8, "outlinewidth": 0, "dtick": math.ceil(most / 5)},
        "hoverongaps": False,
        "hovertemplate": "%{y} taken for %{x}: %{z}<extra></extra>",
        "xgap": 1 if len(names) <= MOST_PRINTED else 0,
        "ygap": 1 if len(names) <= MOST_PRINTED else 0,
    }
    if len(names) > MOST_PRINTED:
        return [heatmap]
    heatmap["text"] = [[str(count) if count else "" for count in row] for row in errors]
    heatmap["texttemplate"] = "%{text}"
    heatmap |= {"hoverongaps": True, "hovertext": _told(table, names), "hovertemplate": "%{hovertext}<extra></extra>"}
    return [heatmap, _diagonal(table, names)]


def _told(table: Int[Tensor, "drawn drawn"], names: list[str]) -> list[list[str]]:
    return [
        [
            f"{label} known as such: {count}" if label == choice else f"{label} taken for {choice}: {count}"
            for choice, count in zip(names, row, strict=True)
        ]
        for label, row in zip(names, table.tolist(), strict=True)
    ]


def _diagonal(table: Int[Tensor, "drawn drawn"], names: list[str]) -> dict[str, Any]:
    """Return the right answers' numbers; the pointer is the heatmap's, or they would take it from cells nearby."""
    return {
        "type": "scatter",
        "mode": "text",
        "x": names,
        "y": names,
        "text": [str(count) for count in table.diag().tolist()],
        "textfont": {"color": "var(--muted)"},
        "hoverinfo": "skip",
    }


def _layout(names: list[str]) -> dict[str, Any]:
    side = {
        "type": "category",
        "constrain": "domain",
        "showgrid": False,
        "ticks": "",
        "tickmode": "linear" if len(names) <= MOST_PRINTED else "auto",
        "showticklabels": len(names) <= MOST_NAMED,
        "automargin": False,  # plotly gives up on margins of turned names in small pictures, and says so
    }
    longest = max(map(len, map(html.unescape, names))) if len(names) <= MOST_NAMED else 0
    beside = 28 + 7 * longest
    return {
        **layout(),
        "plot_bgcolor": "var(--quiet)",
        "margin": {"l": beside, "r": 4, "t": 4, "b": beside},
        "xaxis": {**axis("choice"), **side, "tickangle": 0 if longest <= 2 else -90, "range": [-0.5, len(names) - 0.5]},
        "yaxis": {
            **axis("label"),
            **side,
            "range": [len(names) - 0.5, -0.5],
            "scaleanchor": "x",
            "constraintoward": "top",
        },
    }


def _axis_names(names: Sequence[str], drawn: Sequence[int]) -> list[str]:
    """Return the drawn classes' names, short and numbered where two are alike: plotly would take them for one."""
    cut = [
        name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name in map(names.__getitem__, drawn)
    ]
    times = Counter(cut)
    told = zip(cut, drawn, strict=True)
    return [html.escape(name if times[name] == 1 else f"{name} #{index}") for name, index in told]


def _in_words(model: Judged, labels: Int[Tensor, " examples"], names: tuple[str, ...]) -> str:
    wrong = int((model.chosen != labels).sum())
    low, high = proportion_interval(wrong, len(labels))
    bounds = f"{wrong / len(labels):.1%}, 95% interval {low:.1%} to {high:.1%}"
    said = f"{wrong:,} {'error' if wrong == 1 else 'errors'} in {len(labels):,} ({bounds})"
    pairs = most_confused(model.chosen, labels, len(names), MOST_CONFUSED)
    told = ", ".join(f"{names[each.label]} taken for {names[each.choice]} ({each.examples}×)" for each in pairs)
    return f"{said}. Most often {told}." if pairs else f"{said}."
