"""run.json, what a run's folder tells of the run: sealed with a checksum, and of one form once the run has finished."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from limbeck.errors import RunError
from limbeck.files import DAMAGED_HINT, as_json, fingerprint, write_json

NAME = "run.json"
FORMAT = "limbeck run, 1"
WRITE_HERE = ("tensorboard", "wandb")  # trackers that can do without an address


class Row(TypedDict):
    """A row of record; a figure that is no finite number is None."""

    setting: str
    metric: str
    n: int
    mean: float | None
    sd: float | None
    values: list[float | None]
    paper: float | None


class ToldLatency(TypedDict):
    """`ship.latency.Latency`, as JSON holds it."""

    p50_ms: float
    p99_ms: float
    calls: int


class ToldCost(TypedDict):
    """`ship.costs.Cost`, as JSON holds it."""

    name: str
    parameters: int | None
    macs: int | None
    size_bytes: int | None
    one: ToldLatency
    many: ToldLatency
    from_python_ms: float | None
    peak_memory_bytes: int | None


class ToldFidelity(TypedDict):
    """`judge.Fidelity`, as JSON holds it."""

    examples: int
    agreement: float | None
    kl: float | None


class ToldJudgement(TypedDict):
    """`judge.Judgement`, as JSON holds it."""

    examples: int
    errors: int
    nll: float | None
    brier: float | None
    ece: float | None
    temperature: float | None
    calibrated_nll: float | None
    calibrated_ece: float | None
    test: ToldFidelity | None
    teacher_right: ToldFidelity | None
    teacher_wrong: ToldFidelity | None
    training: ToldFidelity | None
    start: str | None


class ToldSeries(TypedDict):
    """`report.Series`, as JSON holds it."""

    name: str
    x: list[float]
    mean: list[float]
    sd: list[float]


class ToldChart(TypedDict):
    """`report.Chart`, as JSON holds it."""

    key: str
    title: str
    x_title: str
    y_title: str
    series: list[ToldSeries]
    log_y: bool


class Entry(TypedDict):
    """A tracked run, as run.json tells of it."""

    name: str
    """The tracker's."""
    where: str
    """Its address, or its path from the run's folder."""
    id: str
    """The tracker's name for the run: the same run is told under it again."""


class Finished(TypedDict):
    """What is told of a run that has finished."""

    format: str
    seal: str
    recipe: str
    config: dict[str, Any]
    code: NotRequired[str]
    data: NotRequired[list[list[str | None]]]
    seeds: int
    controls: list[str]
    command: str
    smoke: bool
    commit: str | None
    versions: dict[str, str]
    machine: str
    threads: int
    auto_precision: str
    date: str
    rows: list[Row]
    findings: list[str]
    table: list[dict[str, str]]
    costs: list[ToldCost]
    judgements: dict[str, list[ToldJudgement]]
    """Of each setting, one a seed."""
    cast: dict[str, str]
    """From the parts 'teacher', 'twin' and 'student', those that are played, to the setting that plays it."""
    charts: list[ToldChart]
    note: str
    trackers: NotRequired[list[Entry]]


def lies_beside(entry: Entry) -> bool:
    """Return whether a tracked run lies in the run's folder: `where` is then its path from there.

    >>> lies_beside({"name": "wandb", "where": "wandb/offline-run-1", "id": "1"})
    True
    """
    return entry["name"] in WRITE_HERE and "://" not in entry["where"]


def write_run(folder: Path, told: Mapping[str, Any]) -> None:
    """Write run.json in one step, sealed with a checksum over its content."""
    content = as_json({**told, "format": FORMAT})
    content.pop("seal", None)
    write_json(folder / NAME, {"format": FORMAT, "seal": fingerprint(content), **content})


def read_run(folder: Path) -> dict[str, Any]:
    """Return what a run's run.json tells, of one that goes on too.

    One of an earlier version has no seal, and is good enough to go on with.

    Raises:
        RunError: there is none, or it is not what was written.
    """
    path = folder / NAME
    try:
        told = json.loads(path.read_bytes())
        content = {name: value for name, value in told.items() if name != "seal"}
        whole = "format" not in told or told["seal"] == fingerprint(content)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(f"{folder} is no run's folder: there is no run.json", "limbeck run RECIPE makes one") from error
    except (OSError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {error}", DAMAGED_HINT) from error
    if not whole:
        raise RunError(f"{path} is damaged: its checksum is not that of its content", DAMAGED_HINT)
    if not {"recipe", "config"} <= told.keys():
        raise RunError(f"{path} is damaged: recipe or config is missing", DAMAGED_HINT)
    return told


def read_finished(folder: Path) -> dict[str, Any]:
    """Return what the run.json of a finished run tells, of the form of `Finished`.

    Raises:
        RunError: there is none, it is not what was written, the run has not finished, or is of another version.
    """
    from typeguard import CollectionCheckStrategy, TypeCheckError, check_type

    told = read_run(folder)
    again = str(told.get("command"))
    if "rows" not in told:
        raise RunError(f"the run in {folder} has not finished", f"go on with it: {again}")
    if told.get("format") != FORMAT:
        raise RunError(
            f"{folder} holds a run of another version, whose run.json has not the format {FORMAT!r} with a checksum",
            f"run it again, which goes on from what is there: {again}",
        )
    try:
        check_type(told, Finished, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
    except TypeCheckError as error:
        raise RunError(f"{folder / NAME} is damaged: {error}", DAMAGED_HINT) from error
    return told
