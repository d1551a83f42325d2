"""MLflow: against a real server with a database of its own, read back through what it serves."""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from lightning_fabric.loggers.logger import Logger
from mlflow import MlflowClient

from limbeck import TrackingError
from limbeck.cli import main
from limbeck.progress import Progress
from limbeck.run_json import read_run
from limbeck.tracking import mlflow
from limbeck.tracking.mlflow import MLflow
from limbeck.tracking.sending import check, send

BOUND_S = 120  # a busy machine's; an idle one takes 5


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder, address = tmp_path_factory.mktemp("mlflow"), f"http://127.0.0.1:{free_port()}"
    stores = f"--backend-store-uri sqlite:///{folder}/runs.db --artifacts-destination {folder}/artifacts"
    where = f"--host 127.0.0.1 --port {address.rpartition(':')[2]} --workers 1"
    command = [sys.executable, "-m", "mlflow", "server", *shlex.split(f"{stores} {where}")]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until_it_answers(process, address, folder / "log")
        yield address
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(BOUND_S)


def wait_until_it_answers(process, address, log):
    end = time.monotonic() + BOUND_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            assert get(f"{address}/health") == b"OK"
            return
        time.sleep(0.05)
    pytest.fail(log.read_text())


def get(address):
    with urllib.request.urlopen(address, timeout=BOUND_S) as answer:
        return answer.read()


def ask(server, path):
    return json.loads(get(f"{server}/api/2.0/mlflow/{path}"))


def runs_of(server, experiment):
    number = ask(server, f"experiments/get-by-name?experiment_name={experiment}")["experiment"]["experiment_id"]
    body = json.dumps({"experiment_ids": [number]}).encode()
    request = urllib.request.Request(f"{server}/api/2.0/mlflow/runs/search", body, {"Content-Type": "application/json"})
    return json.loads(get(request)).get("runs", [])


def history(server, run_id, key):
    told = ask(server, f"metrics/get-history?run_id={run_id}&metric_key={key}")["metrics"]
    return [(point.get("step", 0), point["value"]) for point in told]


def pairs(told):
    return {each["key"]: each["value"] for each in told}


def mlflow_of(run):
    [entry] = [entry for entry in read_run(run)["trackers"] if entry["name"] == "mlflow"]
    return entry


def test_a_run_from_the_command_line_is_on_the_server_whole(server, tmp_path, capsys):
    folder = tmp_path / "digits-run"
    arguments = ["run", "digits", "--smoke", "--seeds", "2", "--members", "1", "--out", str(folder), "--quiet"]
    tracked = [*arguments, "--tracker", "mlflow", "--tracking-uri", f"{server}/"]
    assert main(tracked) == 0
    told, entry = read_run(folder), mlflow_of(folder)
    [found] = runs_of(server, "digits")
    run_id, experiment = found["info"]["run_id"], found["info"]["experiment_id"]
    assert entry == {"name": "mlflow", "where": f"{server}/#/experiments/{experiment}/runs/{run_id}", "id": run_id}
    assert (found["info"]["status"], found["info"]["run_name"]) == ("FINISHED", "digits-run")

    params, tags, metrics = (pairs(found["data"][kind]) for kind in ("params", "tags", "metrics"))
    assert params["temperature"] == "4.0"
    assert params["teacher_hidden"] == "[16]"
    assert params["student.precision"] == "32-true"
    assert params["student.max_norm"] == "null"
    assert (tags["command"], tags["commit"]) == (told["command"], told["commit"])
    assert tags["versions.torch"] == told["versions"]["torch"]
    assert all(finding in tags["mlflow.note.content"] for finding in told["findings"])
    rows = {(row["setting"], row["metric"]): row for row in told["rows"]}
    assert metrics["student/test_errors"] == rows["student", "test errors"]["mean"]
    assert metrics["student/latency_p50_ms"] == rows["student", "latency p50 (ms)"]["mean"]
    assert len([name for name in metrics if name.count("/") == 1 and not name.endswith(("_sd", "_by_seed"))]) == len(
        rows
    )
    by_seed = history(server, run_id, "student/test_errors_by_seed")
    assert by_seed == list(enumerate(rows["student", "test errors"]["values"]))
    with (folder / "seed-1" / "student" / "curves.csv").open() as curves:
        names, *epochs = [line.strip().split(",") for line in curves]
    assert history(server, run_id, "seed_1/student/validation_nll") == [
        (int(epoch[0]), float(epoch[names.index("validation_nll")])) for epoch in epochs
    ]

    assert f'href="{entry["where"]}"' in (folder / "report.html").read_text()
    link = tags["mlflow.note.content"].partition("[report.html](")[2].partition(")")[0]
    assert get(link) == (folder / "report.html").read_bytes()
    for name in ("report.html", "run.json", "student.safetensors"):
        assert get(f"{server}/get-artifact?path={name}&run_uuid={run_id}") == (folder / name).read_bytes()
    assert capsys.readouterr().err == ""

    again = [*arguments[:-1], "--tracker", "mlflow", "--tracking-uri", server]  # with more to say the second time
    again[again.index("--seeds") + 1] = "3"
    assert main(again) == 0
    assert mlflow_of(folder) == entry
    assert f"mlflow: {entry['where']}\n" in capsys.readouterr().err
    [found] = runs_of(server, "digits")
    metrics, rows = pairs(found["data"]["metrics"]), read_run(folder)["rows"]
    errors = next(row for row in rows if (row["setting"], row["metric"]) == ("student", "test errors"))
    assert metrics["student/test_errors"] == errors["mean"]
    assert history(server, run_id, "student/test_errors_by_seed") == list(enumerate(errors["values"]))
    assert [step for step, _ in history(server, run_id, "student/test_errors")] == [2, 3]
    assert len(history(server, run_id, "seed_1/student/loss")) == 2
    assert pairs(found["data"]["tags"])["seeds"] == "3"


def tell(server, experiment, values, known=None):
    """Tell a tracked run a series, as a run that is sent (again) does."""
    tracker = MLflow(server, experiment, "digits-run")
    entry = tracker.open(known)
    for step, value in enumerate(values):
        tracker.log_metrics({"errors": value}, step)
    tracker.save()
    return entry


def test_a_series_that_has_grown_is_whole_though_it_ends_in_the_same_value(server):
    entry = tell(server, "grown", [30, 32, 31])
    tell(server, "grown", [30, 32, 31, 28, 29, 31], entry)
    assert history(server, entry["id"], "errors") == list(enumerate([30, 32, 31, 28, 29, 31]))


def test_what_was_killed_between_two_batches_is_sent_and_nothing_twice(server, monkeypatch):
    values, sent = [1, 2, 3, 2], []
    entry = tell(server, "killed", [])
    log_batch = MlflowClient.log_batch

    def killed(self, *args, **kwargs):
        assert not sent, "killed"
        log_batch(self, *args, **kwargs)
        sent.append(kwargs)

    monkeypatch.setattr(mlflow, "MOST_METRICS", 2)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", killed)
        with pytest.raises(AssertionError, match="killed"):
            tell(server, "killed", values, entry)
    assert history(server, entry["id"], "errors") == [(0, 1), (1, 2)]
    tell(server, "killed", values, entry)
    assert history(server, entry["id"], "errors") == list(enumerate(values))


def test_what_is_known_whole_asks_for_no_history(server, monkeypatch):
    entry = tell(server, "known", [1, 2])
    monkeypatch.delattr(MlflowClient, "get_metric_history")
    tell(server, "known", [1, 2], entry)
    assert history(server, entry["id"], "errors") == [(0, 1), (1, 2)]


def test_who_deletes_a_tracked_run_gets_another(server, run):
    tracker = MLflow(server, "deleted", "digits-run")
    send(run, [tracker], lambda _: None, Progress())
    first = mlflow_of(run)["id"]
    tracker._client().delete_run(first)
    send(run, [MLflow(server, "deleted", "digits-run")], lambda _: None, Progress())
    assert mlflow_of(run)["id"] != first
    assert [found["info"]["run_id"] for found in runs_of(server, "deleted")] == [mlflow_of(run)["id"]]


def test_a_deleted_experiment_is_said_before_the_training(server):
    tracker = MLflow(server, "gone", "digits-run")
    client = tracker._client()
    client.delete_experiment(client.create_experiment("gone"))
    with pytest.raises(TrackingError, match="experiment gone must not be deleted, it is"):
        check(tracker)


def test_a_server_that_is_away_is_said_before_the_training(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    address = f"http://127.0.0.1:{free_port()}"
    options = ["--smoke", "--out", str(tmp_path / "run"), "--tracker", "mlflow", "--tracking-uri", address]
    assert main(["run", "digits", *options]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: mlflow at {address} can't take down the run: API request to {address}/")
    assert said.endswith("\n\nhint: nothing was trained: mend it, or leave this tracker out\n")
    assert not any(Path(tmp_path / "run").glob("seed-*"))


def test_a_server_that_dies_in_the_meantime_costs_nothing(server, run, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    command = [*shlex.split(read_run(run)["command"])[1:-1], str(run), "--experiment", "late"]
    command[command.index("--tracker") + 1] = "mlflow"
    address = f"http://127.0.0.1:{free_port()}"
    with monkeypatch.context() as patch:
        patch.setattr(MLflow, "check", lambda self: None)  # it was there then
        assert main([*command, "--tracking-uri", address]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["rows"] == read_run(run)["rows"]
    assert told.err.startswith(f"error: mlflow at {address} can't take down the run: ")
    assert told.err.endswith(f"\n\nhint: the run's results are whole in {run}: the same command sends them\n")
    assert [entry["name"] for entry in read_run(run)["trackers"]] == ["tensorboard"]
    assert main([*command, "--tracking-uri", server]) == 0
    assert [found["info"]["run_id"] for found in runs_of(server, "late")] == [mlflow_of(run)["id"]]


def test_it_is_one_of_fabrics_loggers_and_tells_no_password():
    logger = MLflow("https://me:secret@tracking.org", "digits", "run")
    assert isinstance(logger, Logger)
    assert logger.place == "mlflow at https://tracking.org"
    assert logger.owns({"name": "mlflow", "where": "https://tracking.org/#/experiments/1/runs/2", "id": "2"})
    assert not logger.owns({"name": "mlflow", "where": "https://tracking.org:5000/#/experiments/1/runs/2", "id": "2"})
