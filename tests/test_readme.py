"""What the README says is so: its program runs, its figures are those of record, its names are the public ones."""

import re
import subprocess
import sys
from pathlib import Path

import torch

import limbeck

ROOT = Path(__file__).parents[1]


def test_the_program_runs(tmp_path, monkeypatch):
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names = {}
    exec(program, names)
    assert names["result"].student is names["small_net"]
    assert names["result"].twin is not None
    assert (tmp_path / "report.html").stat().st_size > 10_000
    measures = names["result"].measures()
    assert list(measures) == ["teacher", "twin", "student"]
    assert measures["student"].examples == 90
    assert measures["student"].errors < 15


def test_the_figures_are_those_of_record():
    done = subprocess.run([sys.executable, ROOT / "docs" / "figures.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_public_names_are_these():
    assert sorted(limbeck.__all__) == [
        "ArgumentError",
        "Budget",
        "BusyError",
        "DataError",
        "Distilled",
        "Ensemble",
        "Fitted",
        "LimbeckError",
        "Measures",
        "RunError",
        "ShipError",
        "SoftTargets",
        "TargetsError",
        "TrackingError",
        "TrainingError",
        "TransferSet",
        "beyond",
        "combine",
        "data",
        "distill",
        "distillation_loss",
        "evaluate",
        "export_onnx",
        "fit",
        "models",
        "soften",
        "specialists",
        "targets",
        "teachers",
        "write_soft_targets",
    ]
    assert all(hasattr(limbeck, name) for name in limbeck.__all__)
    assert set(limbeck.__all__) <= set(dir(limbeck))
