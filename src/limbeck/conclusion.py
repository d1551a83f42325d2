"""The end of a run: its figures, its page, its student, in the run's folder."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from limbeck.data import TransferSet
from limbeck.errors import RunError
from limbeck.files import DAMAGED_HINT, write_bytes
from limbeck.report import Chart, Judged, Series, Table, write_report
from limbeck.runs import Run, read_run
from limbeck.training import Row
from limbeck.training.checkpoint import load_tensors, save_tensors

SMOKE = "A smoke run: its figures mean nothing."


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    rows: list[dict[str, Any]]
    table: Table
    findings: list[str]
    report: Path


def conclude(
    run: Run,
    test: TransferSet,
    rows: list[dict[str, Any]],
    table: Table,
    findings: list[str],
    *,
    student: Path,
    charts: Sequence[Chart] = (),
    note: str = "",
) -> Result:
    """Write what a run came to, draw its page and return both; `student` holds the weights to keep."""
    if run.smoke:
        findings = [SMOKE, *findings]
    write_bytes(run.folder / "student.safetensors", student.read_bytes())
    keep_test_set(run.folder, test)
    told = {"rows": rows, "findings": findings, "table": table, "charts": [asdict(chart) for chart in charts]}
    run.save({"note": note, **told})
    return Result(rows, table, findings, draw(run.folder))


def save_judged(folder: Path, judged: Sequence[Judged]) -> None:
    """Keep in a seed's folder what each model said on the test set, and its curves, for reports to come."""
    tensors: dict[str, Tensor] = {model.name: model.logits for model in judged}
    histories: dict[str, list[Row]] = {model.name: model.history for model in judged}
    told = {"order": [model.name for model in judged], "histories": histories}
    save_tensors(folder / "judged.safetensors", tensors, told)


def keep_test_set(folder: Path, test: TransferSet) -> None:
    """Keep the examples that models were judged on, for reports to come."""
    tensors = {"inputs": test.at(test.ids), "labels": test.labels_to_judge()}
    save_tensors(folder / "test.safetensors", tensors, {"class_names": test.class_names, "name": test.name})


def draw(folder: Path) -> Path:
    """Write the page of a finished run from what is in its folder, and return its path.

    Raises:
        RunError: the run has not finished, or a file of it is damaged.
    """
    told = read_run(folder)
    if "rows" not in told:
        raise RunError(f"the run in {folder} has not finished", f"go on with it: {told.get('command')}")
    tensors, test_told = load_tensors(folder / "test.safetensors")
    names = tuple(test_told["class_names"])
    test = TransferSet(tensors["inputs"], tensors["labels"], names, name=test_told["name"])
    logits, judged_told = load_tensors(folder / "seed-0" / "judged.safetensors")
    judged = [Judged(name, logits[name], judged_told["histories"][name]) for name in judged_told["order"]]
    try:
        shown = {name: told[name] for name in ("config", "command", "table", "findings")}
        seeds = "The pictures below show seed 0." if told["seeds"] > 1 else ""
        charts = [_chart(chart) for chart in told.get("charts", [])]
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise RunError(f"{folder / 'run.json'} is damaged ({what})", DAMAGED_HINT) from error
    note = f"{told.get('note', '')} {seeds}".strip()
    title = f"Limbeck: {told['recipe']}"
    return write_report(folder / "report.html", title, judged, test, note=note, charts=charts, **shown)


def _chart(told: dict[str, Any]) -> Chart:
    return Chart(**{**told, "series": [Series(**series) for series in told["series"]]})
