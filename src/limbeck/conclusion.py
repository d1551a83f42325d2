"""The end of a run: its figures, its page, its student, in the run's folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limbeck.data import Plain, Splice, TransferSet
from limbeck.errors import ArgumentError, ShipError
from limbeck.evidence import tabulate
from limbeck.files import write_bytes
from limbeck.judge import Judgement, told_judgement
from limbeck.report import Chart, Figures, Judged, Series, Table, write_report
from limbeck.report.speech import read_speech
from limbeck.run_json import read_finished
from limbeck.runs import Run
from limbeck.ship.export import can_ship
from limbeck.ship.shipping import Shipment, ship, withdraw
from limbeck.ship.told import NO_EXTRA, shipped_findings, shipped_rows
from limbeck.tensor_files import load_tensors, save_tensors
from limbeck.training import Row

ORIGINS = "origins"  # in test.safetensors: a JSON list of texts, too long for its header
RUNS = "run_lengths"  # in test.safetensors: of frames that are seen spliced
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
    findings: list[str],
    *,
    student: Path,
    judgements: Mapping[str, Sequence[Judgement]],
    cast: Mapping[str, str],
    shipment: Shipment,
    charts: Sequence[Chart] = (),
    note: str = "",
    accuracy: bool = False,
) -> Result:
    """Write what a run came to, ship its student, draw its page and return it all.

    Args:
        run: what has ended.
        test: what its nets were judged on.
        rows: of record.
        findings: sentences.
        student: the file with the weights to keep.
        judgements: of each setting, one a seed.
        cast: from the parts 'teacher', 'twin' and 'student', those that are played, to the setting that plays it.
        shipment: the student with these weights, and who taught it.
        charts: of what was varied.
        note: said above the pictures.
        accuracy: whether accuracies are told beside errors.
    """
    if run.smoke:
        findings = [SMOKE, *findings]
    _keep_student(run.folder, student)
    keep_test_set(run.folder, test)
    judged = {setting: [told_judgement(each) for each in own] for setting, own in judgements.items()}
    told = {"note": note, "charts": [asdict(chart) for chart in charts], "judgements": judged, "cast": dict(cast)}
    _save(run, told, rows, findings, [])  # whatever comes of shipping
    more, said, costs = _shipped(run, shipment, test, accuracy=accuracy)
    rows, findings = [*rows, *more], [*findings, *said]
    table = _save(run, told, rows, findings, costs)
    return Result(rows, table, findings, draw(run.folder))


def _save(
    run: Run, told: Mapping[str, Any], rows: list[dict[str, Any]], findings: list[str], costs: list[dict[str, Any]]
) -> Table:
    """Write run.json, and return the rows as a table."""
    table = tabulate(rows)
    run.save({**told, "rows": rows, "findings": findings, "table": table, "costs": costs})
    return table


def _keep_student(folder: Path, student: Path) -> None:
    """Keep a student's weights; what was shipped of another one goes."""
    kept, weights = folder / "student.safetensors", student.read_bytes()
    if kept.exists() and kept.read_bytes() != weights:
        withdraw(folder)
    write_bytes(kept, weights)


def _shipped(
    run: Run, shipment: Shipment, test: TransferSet, *, accuracy: bool
) -> tuple[list[dict[str, Any]], list[str], list[dict[str, Any]]]:
    """Ship a run's student, if that is asked for, and return rows of record, findings and costs."""
    if not run.ship:
        return [], [], []
    if not can_ship():
        return [], [NO_EXTRA], []
    try:
        shipped = ship(run.folder, shipment, test, run.progress)
    except (ShipError, ArgumentError) as error:  # the student is trained and judged all the same
        return [], [f"There is no student.onnx: {error.message}."], []
    labels = None if test.labels is None else test.labels_to_judge()
    rows = shipped_rows(shipped, labels, accuracy=accuracy)
    return rows, shipped_findings(shipped, labels, test.column_names), [cost.told() for cost in shipped.costs]


def save_judged(folder: Path, judged: Sequence[Judged]) -> None:
    """Keep in a seed's folder what each model said on the test set, and its curves, for reports.

    Of the validation split the temperature is kept that was fitted to it.
    """
    tensors: dict[str, Tensor] = {model.name: model.logits for model in judged}
    histories: dict[str, list[Row]] = {model.name: model.history for model in judged}
    temperatures = {model.name: model.fitted_temperature() for model in judged}
    told = {"order": [model.name for model in judged], "histories": histories, "temperatures": temperatures}
    save_tensors(folder / "judged.safetensors", tensors, told)


def read_judged(folder: Path) -> list[Judged]:
    """Return what `save_judged` kept in a seed's folder; of an earlier version, without temperatures.

    Raises:
        RunError: the file is missing or damaged.
    """
    logits, told = load_tensors(folder / "judged.safetensors")
    temperatures = told.get("temperatures", {})
    return [
        Judged(name, logits[name], told["histories"][name], temperature=temperatures.get(name))
        for name in told["order"]
    ]


def keep_test_set(folder: Path, test: TransferSet) -> None:
    """Keep the examples that models were judged on, for reports to come: frames as they are, not spliced."""
    rows = test.rows_of(test.ids)
    view, told = test.view, {"class_names": test.class_names, "column_names": test.column_names, "name": test.name}
    tensors = {} if test.labels is None else {"labels": test.labels_to_judge()}
    if isinstance(view, Splice):
        assert test.run_lengths is not None
        tensors |= {"inputs": test.inputs_at(rows), RUNS: test.run_lengths[test.ids]}
        told["splice"] = [view.before, view.after]
    else:
        tensors["inputs"] = test.at(test.ids)
    if test.origins is not None:
        origins = json.dumps([test.origins[row] for row in rows.tolist()])
        tensors[ORIGINS] = torch.frombuffer(bytearray(origins.encode()), dtype=torch.uint8)
    save_tensors(folder / "test.safetensors", tensors, told)


def read_test_set(folder: Path) -> TransferSet:
    """Return the examples that a run's models were judged on, one a row.

    Raises:
        RunError: they are missing or damaged.
    """
    tensors, told = load_tensors(folder / "test.safetensors")
    view = Plain()
    if "splice" in told:
        view = Splice(TransferSet(tensors["inputs"], run_lengths=tensors[RUNS]), *told["splice"])
    return TransferSet(
        tensors["inputs"],
        tensors.get("labels"),
        tuple(told["class_names"]),
        view,
        name=told["name"],
        column_names=tuple(told.get("column_names", ())),  # earlier versions kept none
        origins=json.loads(tensors[ORIGINS].numpy().tobytes()) if ORIGINS in tensors else None,
    )


def draw(folder: Path) -> Path:
    """Write the page of a finished run from what is in its folder, and return its path.

    Raises:
        RunError: the run has not finished, or a file of it is damaged.
    """
    told = read_finished(folder)
    test = read_test_set(folder)
    judged = read_judged(folder / "seed-0")
    seeds = "The pictures below show seed 0." if told["seeds"] > 1 else ""
    return write_report(
        folder / "report.html",
        f"Limbeck: {_subject(told)}",
        judged,
        test,
        note=f"{told['note']} {seeds}".strip(),
        charts=[_chart(chart) for chart in told["charts"]],
        figures=Figures.of(told, len(test)),
        speech=read_speech(folder),
        **{name: told[name] for name in ("config", "command", "table", "findings")},
    )


def _subject(told: Mapping[str, Any]) -> str:
    """Return what a run is about: its recipe, or whose teacher on which data."""
    teachers, data = told["config"].get("teacher"), told["config"].get("data")
    if not isinstance(teachers, list) or not isinstance(data, str):
        return told["recipe"]
    return f"{' and '.join(teachers)} on {data}"


def _chart(told: dict[str, Any]) -> Chart:
    return Chart(**{**told, "series": [Series(**series) for series in told["series"]]})
