"""Results of record: the only place from which a figure is quoted.

`results/<recipe>.json` is written by `limbeck run RECIPE --record`, or from a run's folder by `limbeck record`.
Docs and `limbeck list` read it.
"""

import json
from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Any

from limbeck.errors import ArgumentError
from limbeck.files import write_json
from limbeck.run_json import read_finished
from limbeck.settings import ALL_TRAININGS, is_file

FOLDER = "results"
METRICS = ERRORS, ACCURACY = "test errors", "accuracy"
WER, FRAMES = "WER", "frame accuracy"
IN_PERCENT = {ACCURACY: 2, WER: 1, FRAMES: 1}  # metrics, and their digits
RECORDED = (
    "recipe",
    "command",
    "seeds",
    "config",
    "commit",
    "versions",
    "machine",
    "threads",
    "auto_precision",
    "date",
)
RECORDED += ("rows", "findings")  # of what run.json tells
FEW = 7  # settings that are all told


def record(folder: Path, recipes: Collection[str]) -> Path:
    """Write a finished run's figures to results/<recipe>.json below the working folder, and return its path.

    Args:
        folder: the run's.
        recipes: names of those that come with limbeck.

    Raises:
        RunError: the folder holds no finished run, or not what was written.
        ArgumentError: the run is none of record.
    """
    told = read_finished(folder)
    check_recordable(
        told["recipe"], told["seeds"], smoke=told["smoke"], own="code" in told or told["recipe"] not in recipes
    )
    path = Path(FOLDER) / f"{told['recipe']}.json"
    write_json(path, {name: told[name] for name in RECORDED})
    return path


def check_recordable(recipe: str, seeds: int, *, smoke: bool, own: bool) -> None:
    """Find what keeps a run from being one of record; `own` tells that its recipe is in a file of the user's.

    Raises:
        ArgumentError: its figures mean nothing, are no recipe's of ours, or would replace those of more seeds.
    """
    if smoke:
        raise ArgumentError("a smoke run can't be recorded: its figures mean nothing")
    if own:
        raise ArgumentError(
            f"what is recorded is a run of a recipe that comes with limbeck, got {recipe}",
            "the figures of a file of your own are in run.json, in the run's folder",
        )
    path = Path(FOLDER) / f"{recipe}.json"
    there = json.loads(path.read_bytes()).get("seeds") if path.exists() else None
    if there is not None and there > seeds:
        raise ArgumentError(
            f"{path} has figures of {there} seeds, which those of {seeds} can't replace", "delete it to record fewer"
        )


def load(name: str) -> dict[str, Any] | None:
    """Return the results of record of a recipe or benchmark, from the installed package or its checkout."""
    packaged = resources.files("limbeck") / FOLDER / f"{name}.json"
    checkout = Path(__file__).parents[2] / FOLDER / f"{name}.json"
    source = packaged if packaged.is_file() else checkout
    return json.loads(source.read_text()) if source.is_file() else None


def expected(name: str) -> list[str]:
    """Return what a recipe came to when it was recorded, a line each."""
    told = load(name)
    if told is None:
        return ["not recorded yet"]
    metric, shown = headline_metric(told), headlines(told)
    lines = [f"{row['setting']}: {spread(row)} {metric}" + paper(row) for row in shown]
    rows = [row for row in told["rows"] if row["metric"] == metric and not is_file(row["setting"])]
    lines += told["findings"] if len(shown) < len(rows) else []
    return [*lines, f"({made(told)})"]


def made(told: dict[str, Any]) -> str:
    """Return how many seeds a recipe was recorded with, and what its trainings took, wherever they were shared."""
    timed = [row for row in told["rows"] if row["metric"] == "seconds"]
    every = [row for row in timed if row["setting"] == ALL_TRAININGS]
    minutes = round(sum(sum(row["values"]) for row in every or timed) / 60)
    whose = "in all" if every else "of the nets in its rows"  # older records don't tell of all
    seeds = told.get("seeds") or max(row["n"] for row in told["rows"])  # digits and letters were recorded without
    told_seeds = f"{seeds} seed{'s' if seeds > 1 else ''}"
    return f"{told_seeds}, {minutes} minute{'s' * (minutes != 1)} of training {whose}, on {told['machine']}"


def headlines(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that stand for a recipe, in one metric: all of a few, of many the plain and the paper's."""
    rows = [row for row in told["rows"] if row["metric"] == headline_metric(told) and not is_file(row["setting"])]
    if len(rows) <= FEW:
        return rows
    return [row for row in rows if "," not in row["setting"] or row["paper"] is not None]


def headline_metric(told: dict[str, Any]) -> str:
    """Return word errors where there are some, accuracy where each setting tells it, test errors elsewhere."""
    if any(row["metric"] == WER for row in told["rows"]):
        return WER
    settings = {metric: {row["setting"] for row in told["rows"] if row["metric"] == metric} for metric in METRICS}
    return ACCURACY if settings[ERRORS] and settings[ERRORS] <= settings[ACCURACY] else ERRORS


def spread(row: dict[str, Any]) -> str:
    """Return mean ± sd, or the one value; accuracies in per cent.

    >>> spread({"metric": "test errors", "mean": 14.25, "sd": 1.0, "n": 4})
    '14.2 ± 1.0'
    >>> spread({"metric": "accuracy", "mean": 0.9142, "sd": 0.0011, "n": 4})
    '91.42 ± 0.11%'
    """
    sd = [row["sd"]] if row["n"] > 1 else []
    if row["metric"] in IN_PERCENT:
        return " ± ".join(f"{100 * value:.{IN_PERCENT[row['metric']]}f}" for value in [row["mean"], *sd]) + "%"
    return " ± ".join(f"{value:.1f}" for value in [row["mean"], *sd])


def paper(row: dict[str, Any]) -> str:
    """Return the paper's figure, or another publication's of accuracies, in words; nothing where there is none."""
    said = "published" if row["metric"] == ACCURACY else "paper"
    return "" if row["paper"] is None else f" ({said}: {papers_figure(row)})"


def papers_figure(row: dict[str, Any]) -> str:
    """Return the figure of the paper, or of another publication, that a row reproduces: – where there is none."""
    if row["paper"] is None:
        return "–"
    return f"{100 * row['paper']:g}%" if row["metric"] in IN_PERCENT else f"{row['paper']:g}"
