"""Trackers on the command line: what doesn't fit is said before anything is trained."""

import json
import sys

import pytest

from limbeck.cli import main

BAD = [
    (("--tracker", "mlflow"), "mlflow needs --tracking-uri or MLFLOW_TRACKING_URI, got none\n\nhint: http://127.0.0.1"),
    (
        ("--tracker", "mlflow", "--tracking-uri", "http://me:secret@tracking.org"),
        "tracking-uri must not hold a name or a password\n\nhint: the run's page shows its command",
    ),
    (("--tracking-uri", "http://127.0.0.1"), "tracking-uri is for mlflow, the trackers are tensorboard"),
    (("--tracking-uri", "http://127.0.0.1", "--tracker"), "tracking-uri is for mlflow, the trackers are none"),
]


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return ["run", "digits", "--smoke", "--members", "1", "--out", str(tmp_path / "run"), "--quiet"]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_options_that_do_not_fit_are_said(command, options, message, capsys, tmp_path):
    assert main([*command, *options]) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")
    assert not list((tmp_path / "run").glob("seed-*"))


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_tracker_that_is_not_installed_is_said(command, name, capsys, monkeypatch, tmp_path):
    for module in [each for each in sys.modules if each.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert main([*command, "--tracker", name]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {name} must be installed, it is not whole: import of {name} halted")
    assert said.endswith(f"hint: pip install 'limbeck[{name}]'\n")
    assert not list((tmp_path / "run").glob("seed-*"))


def test_no_tracker_may_be_asked_for(command, tmp_path):
    assert main([*command, "--tracker"]) == 0
    assert not (tmp_path / "run" / "tensorboard").exists()
    assert "trackers" not in json.loads((tmp_path / "run" / "run.json").read_bytes())


def test_a_tracker_that_nobody_knows_is_said(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--tracker", "notebook"])
    assert stopped.value.code == 2
    assert "tensorboard" in capsys.readouterr().err
