"""How the models were trained: a curve for each figure that their histories hold."""

import html
import math
from typing import Any

from limbeck.report.judged import Evidence, Judged
from limbeck.report.pictures import Picture, axis, layout, logarithmic, tone

CURVES = {  # key of a history's row: what it is called
    "loss": "Training loss",
    "validation_nll": "Validation NLL",
    "validation_errors": "Validation errors",
}
MOST_POINTS = 1000  # of a curve; of a longer one every n-th epoch is drawn
LOG_FROM = 1.0  # decades from which a curve's axis is logarithmic
FEW_EPOCHS = 8  # up to which each has its mark

Point = tuple[float, float]


def curves(evidence: Evidence) -> list[Picture]:
    """Return how the models were trained: a picture for each figure that a history has."""
    return [picture for key in CURVES if (picture := _curve(evidence, key)) is not None]


def _curve(evidence: Evidence, key: str) -> Picture | None:
    lines = [(model, points) for model in evidence.models if (points := _points(model, key))]
    if not lines:
        return None
    heights = [y for _, points in lines for _, y in points]
    epochs = max(len(points) for _, points in lines)
    decades = math.log10(max(heights) / min(heights)) if min(heights) > 0 else 0.0
    scale = logarithmic(min(heights), max(heights)) if decades >= LOG_FROM else {"type": "linear", "nticks": 6}
    figure = {"data": [_line(*line) for line in lines], "layout": _layout(scale, epochs)}
    caption = " ".join(_course(*line) for line in lines)
    return Picture(key, CURVES[key] + (", log scale" if decades >= LOG_FROM else ""), caption, figure)


def _points(model: Judged, key: str) -> list[Point]:
    every = max(1, math.ceil(len(model.history) / MOST_POINTS))
    rows = list(enumerate(model.history, 1))[::-every][::-1]  # the last epoch is always there
    told = ((row.get("epoch", number), row[key]) for number, row in rows if key in row)
    return [(x, float(f"{y:.6g}")) for x, y in told if math.isfinite(y)]


def _line(model: Judged, points: list[Point]) -> dict[str, Any]:
    x, y = zip(*points, strict=True)
    return {
        "type": "scatter",
        "mode": "lines" if len(points) > 1 else "markers",
        "name": html.escape(model.name),
        "x": x,
        "y": y,
        "line": {"color": f"var(--{tone(model)})", "width": 2, "dash": "5px,3px" if tone(model) == "twin" else "solid"},
        "hovertemplate": "%{y:.4g}",
    }


def _course(model: Judged, points: list[Point]) -> str:
    epoch, lowest = min(points, key=lambda point: point[1])
    end = points[-1][1]
    best = "its lowest" if end == lowest else f"lowest {_number(lowest)} after epoch {epoch:g}"
    return f"{_capital(model.name)} ends at {_number(end)}, {best}."


def _layout(scale: dict[str, Any], epochs: int) -> dict[str, Any]:
    return {
        **layout(),
        "hovermode": "x unified",
        "margin": {"l": 44, "r": 12, "t": 10, "b": 40},
        "xaxis": {
            **axis("epoch"),
            "showgrid": False,
            "dtick": 1 if epochs <= FEW_EPOCHS else None,
            "unifiedhovertitle": {"text": "epoch %{x:d}"},
            "showspikes": False,
        },
        "yaxis": {**axis(), **scale},
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() else f"{value:.3g}"


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
