"""W&B, offline: its run's folder is read back record by record."""

import json
import os
import subprocess
import sys

import pytest
from lightning_fabric.loggers.logger import Logger

from limbeck import TrackingError
from limbeck.cli import main
from limbeck.progress import Progress
from limbeck.run_json import read_run
from limbeck.tracking.sending import check, send
from limbeck.tracking.wandb import WandB
from limbeck.tracking.wandb_log import is_whole, records


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch, tmp_path):
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "settings"))


def folder_of(run):
    [entry] = [entry for entry in read_run(run)["trackers"] if entry["name"] == "wandb"]
    return run / entry["where"]


class Told:
    """What an offline run's folder holds."""

    def __init__(self, folder):
        self.files = {path.name: path.read_bytes() for path in (folder / "files").iterdir()}
        self.config, self.summary, self.history = {}, {}, []
        (log,) = folder.glob("run-*.wandb")
        for record in records(log):
            for update in (*record.run.config.update, *record.config.update):
                self.config[update.key] = json.loads(update.value_json)
            for update in record.summary.update:
                self.summary[update.key or ".".join(update.nested_key)] = json.loads(update.value_json)
            if record.history.item:
                items = {"/".join(item.nested_key) or item.key: item.value_json for item in record.history.item}
                self.history.append({name: json.loads(value) for name, value in items.items()})
            if record.HasField("run"):
                self.project, self.notes, self.name = record.run.project, record.run.notes, record.run.display_name

    def series(self, name):
        return [(row["step"], row[name]) for row in self.history if name in row]


def test_a_run_from_the_command_line_is_in_its_folder_whole(tmp_path, capsys):
    folder = tmp_path / "digits-run"
    arguments = ["run", "digits", "--smoke", "--seeds", "2", "--members", "1", "--out", str(folder), "--quiet"]
    assert main([*arguments, "--tracker", "wandb"]) == 0
    assert capsys.readouterr().err == ""
    run, told = read_run(folder), Told(folder_of(folder))
    rows = {(row["setting"], row["metric"]): row for row in run["rows"]}
    errors = rows["student", "test errors"]
    assert (told.project, told.name) == ("digits", "digits-run")
    assert {name: told.config[name] for name in run["config"]} == run["config"]
    assert told.config["run"]["commit"] == run["commit"]
    assert told.series("student/test_errors") == [(2, errors["mean"])]
    assert told.series("student/test_errors_by_seed") == list(enumerate(errors["values"]))
    assert [step for step, _ in told.series("seed_1/student/validation_nll")] == [1, 2]
    assert told.summary["report"] == "report.html"
    assert told.files == {
        name: (folder / name).read_bytes() for name in ("report.html", "run.json", "student.safetensors")
    }


def test_told_again_it_is_the_same_run_in_one_folder(run):
    ids = set()
    for _ in range(3):
        send(run, [WandB(run, "digits")], lambda _: None, Progress())
        (folder,) = (run / "wandb").glob("offline-run-*")
        assert folder == folder_of(run)
        ids.add(read_run(run)["trackers"][-1]["id"])
        assert read_run(run)["trackers"][-1]["id"] in folder.name
        assert Told(folder).series("student/test_errors")
        assert "The page: report.html" in Told(folder).notes
    assert len(ids) == 1


def test_a_disk_that_is_full_is_said(run):
    program = """
import resource, signal, sys
from pathlib import Path
from limbeck import TrackingError
from limbeck.progress import Progress
from limbeck.tracking.sending import send
from limbeck.tracking import wandb
wandb.CLOSING_S = 1.0
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
run = Path(sys.argv[1])
room = (run / "run.json").stat().st_size + 1000
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    send(run, [wandb.WandB(run, "digits")], lambda _: None, Progress())
except TrackingError as error:
    print(error)
"""
    own = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}  # not this process's writer
    command = [sys.executable, "-c", program, run]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=300)
    assert done.stdout.startswith(f"{folder_of(run)} must hold all of the run, it is cut off\n\nhint: ")
    assert "the same command sends them; is the disk full?" in done.stdout


def test_a_log_is_whole_when_its_end_is_there(run):
    send(run, [WandB(run, "digits")], lambda _: None, Progress())
    (log,) = folder_of(run).glob("run-*.wandb")
    data = log.read_bytes()
    assert len(data) > 32768 // 4
    assert is_whole(log)
    for damaged in (data[:-1], data[:5000], data[:-100] + bytes(100), b""):
        log.write_bytes(damaged)
        assert not is_whole(log)


def test_it_is_offline_when_nobody_is_logged_in_or_so_it_is_asked(run, monkeypatch):
    offline = f"wandb in {run}"
    tracker = WandB(run, "digits")
    check(tracker)
    assert tracker.place == offline
    monkeypatch.setenv("WANDB_API_KEY", "short")
    with pytest.raises(TrackingError, match="wandb can't take down the run: WANDB_API_KEY invalid"):
        check(WandB(run, "digits"))
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(TrackingError, match="WANDB_MODE is online and nobody is logged in\n\nhint: wandb login"):
        check(WandB(run, "digits"))
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with pytest.raises(TrackingError, match="WANDB_MODE must be online or offline to take down a run, got disabled"):
        check(WandB(run, "digits"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", 40 * "a")
    check(tracker := WandB(run, "digits"))
    assert tracker.place == offline


def test_it_is_one_of_fabrics_loggers(run):
    assert isinstance(WandB(run, "digits"), Logger)
    assert WandB(run, "digits").root_dir == str(run)
