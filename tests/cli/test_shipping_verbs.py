"""`limbeck run --ship`, `export` and `bench` as they are used."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from limbeck.cli import main
from limbeck.conclusion import read_test_set
from limbeck.run_json import write_run
from limbeck.settings import INT8
from limbeck.ship.shipping import STUDENT, read_shipped
from limbeck.teachers import from_onnx, predict

LIMBECK = Path(sys.executable).with_name("limbeck")


def limbeck(*arguments, cwd):
    return subprocess.run([LIMBECK, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A smoke run of digits that ships, shared: (folder of the run, what was printed)."""
    folder = tmp_path_factory.mktemp("run") / "run"
    return folder, limbeck("run", "digits", "--smoke", "--ship", "--out", folder, cwd=folder.parent)


def test_a_run_ships_and_tells_it(run):
    folder, done = run
    assert done.returncode == 0, done.stderr
    assert {"student.onnx", "ensemble.onnx", "student-int8.onnx"} <= {path.name for path in folder.iterdir()}
    lines = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert lines[5:8] == ["ensemble, ONNX", "student, ONNX", "student, int8"]
    told = json.loads((folder / "run.json").read_text())
    assert [cost["name"] for cost in told["costs"]] == lines[5:8]
    assert "ensemble, ONNX, bytes / student, ONNX, bytes" in [row["setting"] for row in told["rows"]]
    page = (folder / "report.html").read_text()
    finding = next(line for line in done.stdout.splitlines() if line.startswith("In ONNX Runtime on one thread"))
    assert finding in page


def test_the_same_command_goes_on_and_changes_nothing(run):
    folder, first = run
    again = limbeck("run", "digits", "--smoke", "--ship", "--out", folder, cwd=folder.parent)
    assert again.stdout == first.stdout


def test_export_gives_a_file_that_takes_raw_pixels(run, tmp_path, monkeypatch, capsys):
    folder, _ = run
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["onnx"] == "student.onnx"
    assert told["rows"] == 897
    assert told["top1_agreement"] == 1.0
    assert (tmp_path / "student.onnx").read_bytes() == (folder / "student.onnx").read_bytes()
    session = onnxruntime.InferenceSession("student.onnx")
    (logits,) = session.run(None, {"inputs": np.zeros((3, 1, 8, 8), np.uint8)})
    assert logits.shape == (3, 10)
    assert json.loads(session.get_modelmeta().custom_metadata_map["class_names"]) == list("0123456789")
    errors = {
        row["setting"]: row["values"]
        for row in json.loads((folder / "run.json").read_text())["rows"]
        if row["metric"] == "test errors"
    }
    assert errors["student, ONNX"] == [told["test_errors"]]
    assert main(["export", str(folder)]) == 2
    assert "student.onnx is there already" in capsys.readouterr().err


def test_export_in_int8(run, tmp_path, monkeypatch, capsys):
    folder, _ = run
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(folder), "--int8", "--json"]) == 0
    told, shipped = json.loads(capsys.readouterr().out), read_shipped(folder)
    said = predict(from_onnx(shipped.files[INT8]), read_test_set(folder))
    assert told["largest_difference"] == pytest.approx((said - shipped.expected).abs().max().item(), rel=1e-3)
    same = said.argmax(1) == shipped.expected.argmax(1)
    assert told["top1_agreement"] == pytest.approx(same.double().mean().item())
    assert told["largest_difference"] > 10 * shipped.parities[STUDENT].largest_difference
    assert (tmp_path / "student-int8.onnx").read_bytes() == (folder / "student-int8.onnx").read_bytes()
    assert main(["export", str(folder), "--int8", "--calibration", "8", "--out", "few.onnx"]) == 0
    assert "test_errors" in capsys.readouterr().out
    assert (tmp_path / "few.onnx").read_bytes() != (folder / "student-int8.onnx").read_bytes()
    for arguments, message in (
        (["--int8", "--calibration", "0"], "calibration must take 1 to 256 rows, which the run kept"),
        (["--calibration", "8"], "calibration is of an 8-bit file, it needs --int8, got 8 without"),
    ):
        assert main(["export", str(folder), *arguments, "--out", "none.onnx"]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "none.onnx").exists()


def test_bench_measures_again(run, capsys):
    folder, _ = run
    assert main(["bench", str(folder), "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [cost["name"] for cost in told] == ["ensemble, ONNX", "student, ONNX", "student, int8"]
    assert all(cost["one"]["p50_ms"] > 0 and cost["examples"] == 897 for cost in told)
    assert main(["bench", str(folder), "--quiet"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in table[1:]] == [cost["name"] for cost in told]


def test_what_was_not_shipped_or_was_changed_is_refused(run, tmp_path, capsys):
    folder, _ = run
    assert main(["export", str(tmp_path)]) == 2
    assert "is no run's folder" in capsys.readouterr().err
    told = json.loads((folder / "run.json").read_text())
    write_run(tmp_path, told | {"command": "limbeck run digits --no-ship --out elsewhere"})
    assert main(["bench", str(tmp_path)]) == 2
    assert f"this makes it: limbeck run digits --ship --out {tmp_path}\n" in capsys.readouterr().err
    for path in folder.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "student-int8.onnx").write_bytes(b"another")
    assert main(["export", str(tmp_path), "--out", str(tmp_path / "out.onnx")]) == 2
    assert "student-int8.onnx is missing, or not the file that the run shipped" in capsys.readouterr().err
    del told["rows"]
    write_run(tmp_path, told)
    assert main(["bench", str(tmp_path)]) == 2
    assert "has not finished" in capsys.readouterr().err
