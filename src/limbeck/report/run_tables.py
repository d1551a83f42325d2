"""A run's costs and judgements as tables, from what run.json tells."""

from collections.abc import Mapping, Sequence
from typing import Any

from limbeck.judge import mean_interval
from limbeck.report.judged import UNKNOWN, Table

PLAIN = {  # columns of the judgements, and where their figures lie
    "NLL": ("nll",),
    "NLL after": ("calibrated_nll",),
    "ECE": ("ece",),
    "ECE after": ("calibrated_ece",),
    "fitted T": ("temperature",),
    "Brier": ("brier",),
    "KL": ("test", "kl"),
    "KL, teacher right": ("teacher_right", "kl"),
    "KL, teacher wrong": ("teacher_wrong", "kl"),
    "KL, training": ("training", "kl"),
}
SHARES = {
    "agreement": ("test", "agreement"),
    "agreement, teacher right": ("teacher_right", "agreement"),
    "agreement, teacher wrong": ("teacher_wrong", "agreement"),
    "agreement, training": ("training", "agreement"),
}


def cost_table(costs: Sequence[Mapping[str, Any]]) -> Table:
    """Return what each shipped net costs, ready to print."""
    return [
        {
            "model": str(cost["name"]),
            "parameters": _whole(cost["parameters"]),
            "MACs": _whole(cost["macs"]),
            "bytes": _whole(cost["size_bytes"]),
            "p50, 1 (ms)": f"{cost['one']['p50_ms']:.3g}",
            "p99, 1 (ms)": f"{cost['one']['p99_ms']:.3g}",
            "p50, 64 (ms)": f"{cost['many']['p50_ms']:.3g}",
            "p99, 64 (ms)": f"{cost['many']['p99_ms']:.3g}",
            "from Python, 1 (ms)": _milliseconds(cost["from_python_ms"]),
            "peak memory (bytes)": _whole(cost["peak_memory_bytes"]),
        }
        for cost in costs
    ]


def _milliseconds(time: float | None) -> str:
    return UNKNOWN if time is None else f"{time:.3g}"


def _whole(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def judgement_table(judgements: Mapping[str, Sequence[Mapping[str, Any]]]) -> Table:
    """Return what each setting's nets were judged by: means, and 95% intervals where there are several seeds.

    Columns that no setting has a figure for are left out.
    """
    places = {**PLAIN, **SHARES}
    values = {
        setting: {name: _values(own, place) for name, place in places.items()} for setting, own in judgements.items()
    }
    columns = [name for name in places if any(values[setting][name] for setting in judgements)]
    return [
        {"model": setting, "seeds": str(len(own)), "examples": f"{own[0]['examples']:,}"}
        | {name: _told(values[setting][name], len(own), share=name in SHARES) for name in columns}
        for setting, own in judgements.items()
    ]


def _values(own: Sequence[Mapping[str, Any]], place: Sequence[str]) -> list[float]:
    """Return a figure of each seed that has it."""
    found: list[Any] = list(own)
    for name in place:
        found = [each[name] for each in found if each is not None]
    return [float(each) for each in found if each is not None]


def _told(values: Sequence[float], seeds: int, *, share: bool) -> str:
    """Return a mean with its interval over seeds, and how many seeds have it where some don't."""
    if not values:
        return UNKNOWN
    spread = mean_interval(values) or (values[0],)
    highest = 1.0 if share else float("inf")
    ends = (min(max(value, 0.0), highest) for value in spread)  # none of these figures lies outside
    mean, *bounds = (f"{value:.1%}" if share else f"{value:.3f}" for value in ends)
    few = "" if len(values) == seeds else f", n = {len(values)}"
    return f"{mean} ({bounds[0]} to {bounds[1]}{few})" if bounds else f"{mean}"
