"""What is told of a run, read from its folder when it has ended: nets from a cache are told like those trained now."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limbeck.events import FOLDER as EVENTS
from limbeck.run_json import read_finished
from limbeck.runs import flat
from limbeck.tensor_files import load_tensors
from limbeck.tracking.names import legal

REPORT = "report.html"
FILES = (REPORT, "run.json", "student.safetensors", "student*.onnx")
TAGS = ("recipe", "command", "commit", "date", "machine", "threads", "auto_precision", "seeds", "controls")

Step = tuple[int, dict[str, float]]
"""Figures that were taken at one step."""


@dataclass(frozen=True)
class Record:
    """A run that has ended."""

    name: str
    config: dict[str, Any]
    figures: list[Step]
    """The rows of record: the means at the number of seeds, each seed's value at its seed."""
    curves: list[Step]
    """How the nets were trained, at the epochs, of those whose TensorBoard events lie elsewhere, in the cache."""
    curves_here: list[Step]
    """The same, of those whose events lie in the run's folder."""
    tags: dict[str, str]
    findings: list[str]
    files: list[Path]


def read_record(folder: Path) -> Record:
    """Return what a finished run's folder tells.

    Raises:
        RunError: the run has not finished, or a file of it is damaged.
    """
    told = read_finished(folder)
    curves = list(_curves(folder, told["seeds"]))
    return Record(
        name=folder.resolve().name,
        config=told["config"],
        figures=list(_figures(told["rows"])),
        curves=[step for here, step in curves if not here],
        curves_here=[step for here, step in curves if here],
        tags=_tags(told),
        findings=told["findings"],
        files=[path for pattern in FILES for path in sorted(folder.glob(pattern))],
    )


def _figures(rows: Sequence[Mapping[str, Any]]) -> Iterator[Step]:
    """Yield the rows' figures, those that are finite numbers."""
    for key, row in zip(_keys(rows), rows, strict=True):
        spread = {f"{key}_sd": row["sd"]} if row["n"] > 1 else {}
        yield from _known(row["n"], {key: row["mean"], **spread, f"{key}_paper": row["paper"]})
        if row["n"] > 1:
            for seed, value in enumerate(row["values"]):
                yield from _known(seed, {f"{key}_by_seed": value})


def _known(step: int, figures: Mapping[str, float | None]) -> Iterator[Step]:
    """Yield the figures of a step that there are."""
    known = {name: value for name, value in figures.items() if value is not None}
    if known:
        yield step, known


def _keys(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a row's name in a tracker, 'student_T_20/test_errors'; two that are the same are told apart by a number."""
    seen = Counter[str]()
    for row in rows:
        key = f"{legal(row['setting'])}/{legal(row['metric'])}"
        seen[key] += 1
        yield key if seen[key] == 1 else f"{key}_{seen[key]}"


def _curves(folder: Path, seeds: int) -> Iterator[tuple[bool, Step]]:
    """Yield each epoch of each net, and whether the run's folder holds its events."""
    for seed in range(seeds):
        path = folder / f"seed-{seed}" / "judged.safetensors"
        histories = load_tensors(path)[1]["histories"] if path.exists() else {}  # a study keeps those of seed 0 alone
        for name, history in histories.items():
            here = (path.parent / name / EVENTS).exists()
            for row in history:
                own = {f"seed_{seed}/{legal(name)}/{key}": value for key, value in row.items() if key != "epoch"}
                yield here, (int(row["epoch"]), own)


def _tags(told: Mapping[str, Any]) -> dict[str, str]:
    """Return where and how a run was made, in words."""
    versions = {f"versions.{legal(name)}": version for name, version in told["versions"].items()}
    own = {name: told[name] for name in TAGS if told.get(name) not in (None, [])}
    return {name: value if isinstance(value, str) else str(value) for name, value in flat(own | versions).items()}
