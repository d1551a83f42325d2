"""What a study varied: a chart of a figure over it, one line a series, mean and sd over the seeds."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from limbeck.evidence import mean_of, sd_of
from limbeck.report.pictures import Picture, axis, layout, logarithmic

TONES = ("student", "teacher", "other", "accent", "twin")  # of the lines, in their order
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


@dataclass(frozen=True)
class Series:
    """One line: a mean and sd for each place."""

    name: str
    x: list[float]
    mean: list[float]
    sd: list[float]

    @classmethod
    def of(cls, name: str, x: Sequence[float], values: Sequence[Sequence[float]]) -> "Series":
        """Return the line through the means of some values at each place, one value a seed."""
        return cls(name, list(x), [mean_of(own) for own in values], [sd_of(own) for own in values])


@dataclass(frozen=True)
class Chart:
    """A figure over what was varied."""

    key: str
    title: str
    x_title: str
    y_title: str
    series: list[Series]
    log_y: bool = False
    """Whether the figure's axis is logarithmic too; that of what was varied always is."""


def pictures_of(charts: Sequence[Chart]) -> list[Picture]:
    """Return the charts as pictures, each with the words that say the same."""
    return [Picture(f"chart-{chart.key}", chart.title, _caption(chart), _figure(chart)) for chart in charts]


def tone_of(place: int) -> str:
    """Return the name of the colour of a chart's n-th line."""
    return TONES[place % len(TONES)]


def _figure(chart: Chart) -> dict[str, Any]:
    places = sorted({x for series in chart.series for x in series.x})
    x_axis = {**axis(chart.x_title), "type": "log", "showgrid": False}
    return {
        "data": [_line(series, place) for place, series in enumerate(chart.series)],
        "layout": {
            **layout(),
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "margin": {"l": 52, "r": 12, "t": 10, "b": 44},
            "xaxis": x_axis | {"tickvals": places, "ticktext": [f"{x:g}" for x in places]},
            "yaxis": {**axis(chart.y_title), **_height(chart)},
        },
    }


def _height(chart: Chart) -> dict[str, Any]:
    """Return the scale of a chart's figure: logarithmic where that is asked for, and no mean is 0."""
    means = [mean for series in chart.series for mean in series.mean]
    return logarithmic(min(means), max(means)) if chart.log_y and min(means) > 0 else {"type": "linear"}


def _line(series: Series, place: int) -> dict[str, Any]:
    colour = f"var(--{tone_of(place)})"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": html.escape(series.name),
        "x": series.x,
        "y": [float(f"{y:.6g}") for y in series.mean],
        "error_y": {"type": "data", "array": [float(f"{sd:.4g}") for sd in series.sd], "color": colour, "thickness": 1},
        "line": {"color": colour, "width": 2, "dash": DASHES[place % len(DASHES)]},
        "marker": {"color": colour, "size": 6},
        "hovertemplate": "%{y:.4g}",
    }


def _caption(chart: Chart) -> str:
    told = []
    for series in chart.series:
        low = min(range(len(series.x)), key=lambda place: series.mean[place])
        told.append(f"{series.name}: lowest {series.mean[low]:.4g} at {series.x[low]:g}")
    return f"{chart.y_title[:1].upper()}{chart.y_title[1:]} over {chart.x_title}, mean and sd. " + "; ".join(told) + "."
