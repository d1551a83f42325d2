"""How far each model's confidence can be trusted: reliability diagrams, before and after one fitted temperature."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from limbeck.judge import Bin, expected_calibration_error, reliability
from limbeck.judge.calibration import BINS
from limbeck.report.judged import Evidence, Judged
from limbeck.report.pictures import Picture, axis, layout, tone


@dataclass(frozen=True)
class Calibration:
    """A model's bins at one temperature."""

    temperature: float
    ece: float
    bins: list[Bin]


def calibrations(evidence: Evidence) -> list[Picture]:
    """Return a reliability diagram for teacher, twin and student; nothing where there are no labels.

    The temperature is fitted to what was held out for validation; where nothing was, confidence is shown as it is.
    """
    return [] if evidence.labels is None else [_picture(evidence, place) for place in range(len(evidence.cast))]


def _picture(evidence: Evidence, place: int) -> Picture:
    model = evidence.cast[place]
    probs = model.logits.double()
    before = _at(probs, evidence, 1.0)
    fitted = model.fitted_temperature()
    after = None if fitted is None else _at(probs, evidence, fitted)
    series = [_series(each, model, after=each is after) for each in (before, after) if each is not None]
    figure = {"data": [_ideal(), *series], "layout": _layout()}
    return Picture(f"calibration-{place}", model.name, _in_words(before, after, evidence), figure)


def _at(logits: Float[Tensor, "examples classes"], evidence: Evidence, temperature: float) -> Calibration:
    assert evidence.labels is not None
    probs = (logits / temperature).softmax(1).nan_to_num(0)
    return Calibration(
        temperature, expected_calibration_error(probs, evidence.labels), reliability(probs, evidence.labels)
    )


def _series(own: Calibration, model: Judged, *, after: bool) -> dict[str, Any]:
    """Return a mark for each bin that has examples, with the interval of its accuracy."""
    colour = f"var(--{tone(model)})"
    told = [(each, each.confidence, each.accuracy, each.interval) for each in own.bins]
    there = [(bin_, x, y, ends) for bin_, x, y, ends in told if x is not None and y is not None and ends is not None]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"T = {own.temperature:.3g}",
        "x": [round(x, 4) for _, x, _, _ in there],
        "y": [round(y, 4) for _, _, y, _ in there],
        "customdata": [bin_.examples for bin_, _, _, _ in there],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [round(ends[1] - y, 4) for _, _, y, ends in there],
            "arrayminus": [round(y - ends[0], 4) for _, _, y, ends in there],
            "color": colour,
            "thickness": 1,
            "width": 0,
        },
        "line": {"color": colour, "width": 1, "dash": "dot" if after else "solid"},
        "marker": {
            "color": colour,
            "size": 7,
            "symbol": "circle-open" if after else "circle",
            "line": {"color": colour, "width": 1.5},
        },
        "hovertemplate": "%{y:.1%} right of %{customdata} that it is %{x:.1%} sure of",
    }


def _ideal() -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 1],
        "y": [0, 1],
        "line": {"color": "var(--rule)", "width": 1.5},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _layout() -> dict[str, Any]:
    side = {"range": [0, 1.02], "tickformat": ".0%", "dtick": 0.25}
    return {
        **layout(),
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "margin": {"l": 52, "r": 12, "t": 28, "b": 44},
        "xaxis": {**axis("confidence"), **side},
        "yaxis": {**axis("accuracy"), **side},
    }


def _in_words(before: Calibration, after: Calibration | None, evidence: Evidence) -> str:
    told = f"ECE {before.ece:.3f} on {len(evidence.test_set):,} test examples"
    if after is not None:
        told += f"; {after.ece:.3f} (open marks) at T = {after.temperature:.3g}, fitted to the validation split"
    fullest = max(before.bins, key=lambda each: each.examples)
    assert fullest.confidence is not None
    assert fullest.accuracy is not None
    sure = f"{fullest.confidence:.1%} sure on average, and right on {fullest.accuracy:.1%}"
    return f"{told}. Of {fullest.examples:,}, the fullest of {BINS} bins, it is {sure}."
