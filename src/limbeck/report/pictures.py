"""What all plotly figures of the page share.

Colours are names of the page's CSS variables ("var(--student)"), which the page resolves for light and dark.
Names are escaped, for plotly reads its texts as a kind of HTML.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from limbeck.report.judged import Judged
from limbeck.settings import ENSEMBLE, STUDENT, TEACHER, TWIN

SPARSE_FROM = 2.0  # decades from which only powers of ten are marked on a logarithmic axis
MILLION = 1_000_000
FONT = "system-ui, sans-serif"
TONES = {ENSEMBLE: "teacher", TEACHER: "teacher", TWIN: "twin", STUDENT: "student"}


@dataclass(frozen=True)
class Picture:
    """One plotly figure, with the words that say the same."""

    key: str
    title: str
    caption: str
    figure: dict[str, Any]


def tone(model: Judged) -> str:
    """Return the name of a model's colour."""
    return TONES.get(model.name, "other")


def layout() -> dict[str, Any]:
    """Return what every figure's layout begins with."""
    return {
        "autosize": True,
        "dragmode": False,
        "showlegend": False,
        "font": {"family": FONT, "size": 12, "color": "var(--muted)"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {
            "bgcolor": "var(--paper)",
            "bordercolor": "var(--rule)",
            "font": {"family": FONT, "color": "var(--ink)"},
        },
    }


def axis(title: str = "") -> dict[str, Any]:
    """Return what every axis begins with."""
    return {
        "title": {"text": title, "standoff": 6},
        "fixedrange": True,
        "zeroline": False,
        "automargin": True,
        "gridcolor": "var(--rule)",
        "linecolor": "var(--rule)",
    }


def logarithmic(low: float, high: float) -> dict[str, Any]:
    """Return what makes an axis logarithmic, with ticks from below `low` to above `high`, each written in full.

    Up to two decades are marked at 1, 2 and 5: plotly would write "2" there, whatever the decade.

    >>> logarithmic(0.3, 8)["ticktext"]
    ['0.1', '0.2', '0.5', '1', '2', '5', '10']
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    between = (1, 2, 5) if math.log10(high / low) < SPARSE_FROM else (1,)
    ticks = [step * 10.0**decade for decade in range(first, last) for step in between] + [10.0**last]
    return {"type": "log", "tickvals": ticks, "ticktext": [_in_full(tick) for tick in ticks]}


def _in_full(tick: float) -> str:
    if tick >= MILLION:
        return f"{tick / MILLION:,.0f} M"
    return f"{tick:,.0f}" if tick >= 1 else f"{tick:g}"


def marks(
    values: Sequence[float], intervals: Sequence[tuple[float, float]], along: Literal["x", "y"], tone: str, symbol: str
) -> dict[str, Any]:
    """Return marks at values along an axis, with their intervals (low, high); where on the other axis is left open."""
    colour, pairs = f"var(--{tone})", list(zip(values, intervals, strict=True))
    return {
        "type": "scatter",
        "mode": "markers",
        along: [_short(value) for value in values],
        f"error_{along}": {
            "type": "data",
            "symmetric": False,
            "array": [_short(high - value) for value, (_, high) in pairs],
            "arrayminus": [_short(value - low) for value, (low, _) in pairs],
            "color": colour,
            "thickness": 1.5,
            "width": 4,
        },
        "marker": {"color": colour, "size": 9, "symbol": symbol, "line": {"color": colour, "width": 2}},
    }


def _short(value: float) -> float:
    return float(f"{value:.6g}")
