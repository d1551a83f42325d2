"""What trackers are told of a run is what its folder holds."""

import math
import shutil

import pytest
from finished_runs import rewrite

from limbeck import RunError
from limbeck.evidence import row_of
from limbeck.run_json import read_run
from limbeck.tensor_files import load_tensors
from limbeck.tracking.record import read_record


def row(setting, metric, values, paper=None):
    mean, n = sum(values) / len(values), len(values)
    return {"setting": setting, "metric": metric, "n": n, "mean": mean, "sd": 0.5, "values": values, "paper": paper}


def test_rows_are_means_at_the_number_of_seeds_and_each_seeds_value(run):
    rows = [
        row("student, T=20", "test errors", [3.0, 5.0, 4.0], paper=74),
        row("teacher", "latency p50 (ms)", [2.0]),
        row("student, T 20", "test errors", [9.0]),
        row_of("twin", "NLL", [0.5, math.inf], None),
    ]
    rewrite(run, rows=rows)
    key = "student_T_20/test_errors"
    assert read_record(run).figures == [
        (3, {key: 4.0, f"{key}_sd": 0.5, f"{key}_paper": 74}),
        (0, {f"{key}_by_seed": 3.0}),
        (1, {f"{key}_by_seed": 5.0}),
        (2, {f"{key}_by_seed": 4.0}),
        (1, {"teacher/latency_p50_ms": 2.0}),
        (1, {f"{key}_2": 9.0}),
        (0, {"twin/NLL_by_seed": 0.5}),
    ]


def test_curves_are_those_of_every_seed_and_it_is_known_whose_events_lie_in_the_folder(run):
    record = read_record(run)
    assert not record.curves
    assert len(record.curves_here) == 8  # 2 seeds, twin and student, 2 epochs
    [history] = [load_tensors(run / "seed-1" / "judged.safetensors")[1]["histories"]["student"]]
    own = [(step, figures) for step, figures in record.curves_here if "seed_1/student/loss" in figures]
    assert own == [
        (row["epoch"], {f"seed_1/student/{key}": value for key, value in row.items() if key != "epoch"})
        for row in history
    ]
    shutil.rmtree(run / "seed-1" / "student" / "tensorboard")  # as where the cache holds the net
    assert read_record(run).curves == own
    shutil.rmtree(run / "seed-1")  # as a study leaves it
    assert len(read_record(run).curves_here) == 4


def test_tags_say_where_and_how(run):
    told, tags = read_run(run), read_record(run).tags
    assert tags["command"] == told["command"]
    assert tags["commit"] == told["commit"]
    assert tags["versions.torch"] == told["versions"]["torch"]
    assert tags["versions.lightning_fabric"] == told["versions"]["lightning-fabric"]
    assert tags["seeds"] == "2"
    assert "controls" not in tags
    assert all(isinstance(value, str) for value in tags.values())


def test_files_are_those_that_are_there(run):
    for name in ("student.onnx", "student-int8.onnx", "ensemble.onnx"):
        (run / name).write_bytes(b"net")
    names = [path.name for path in read_record(run).files]
    assert names == ["report.html", "run.json", "student.safetensors", "student-int8.onnx", "student.onnx"]


def test_a_run_that_has_not_finished_or_is_damaged_is_said(run):
    rewrite(run, findings=None)
    with pytest.raises(RunError, match=r"run.json is damaged: .*findings"):
        read_record(run)
    rewrite(run, rows=None)
    with pytest.raises(RunError, match="has not finished"):
        read_record(run)
