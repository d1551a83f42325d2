"""MLflow: a run on a server (or in a database), told by MLflow's own client."""

import json
import os
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from limbeck.errors import TrackingError
from limbeck.files import fingerprint
from limbeck.run_json import Entry
from limbeck.runs import flat
from limbeck.tracking.names import without_login
from limbeck.tracking.tracker import Tracker, settings_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Told = TypeVar("Told")
MOST_METRICS, MOST_PARAMS = 1000, 100  # of one request, by MLflow's own limits
PAGES = "/#/"  # between a server's address and its page of a run
NOTE = "mlflow.note.content"  # the tag that MLflow shows as a run's description
TOLD = "told"  # the tag that says which figures the server has
DEFAULTS = {  # of MLflow's settings, where the environment has none
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # of requests to a server that is away; MLflow's 7 take minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


class MLflow(Tracker):
    """One run of an experiment."""

    def __init__(self, uri: str, experiment: str, run_name: str) -> None:
        self.uri, self.experiment, self.run_name = uri.rstrip("/"), experiment, run_name
        self._run_id = ""
        self._series: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)

    @property
    def name(self) -> str:
        return "mlflow"

    @property
    def version(self) -> str:
        return self._run_id

    @property
    def place(self) -> str:
        return f"mlflow at {without_login(self.uri)}"

    def check(self) -> None:
        """Ask for the experiment, which may not be there yet."""
        there = self._client().get_experiment_by_name(self.experiment)
        if there is not None and there.lifecycle_stage != "active":
            raise TrackingError(f"experiment {self.experiment} must not be deleted, it is", "give another --experiment")

    def owns(self, entry: Entry) -> bool:
        return entry["name"] == self.name and entry["where"].partition(PAGES)[0] == without_login(self.uri)

    def open(self, known: Entry | None) -> Entry:
        client = self._client()
        self._run_id = known["id"] if known is not None and self._is_there(known["id"]) else ""
        if not self._run_id:
            there = client.get_experiment_by_name(self.experiment)
            experiment = client.create_experiment(self.experiment) if there is None else there.experiment_id
            self._run_id = client.create_run(experiment, run_name=self.run_name).info.run_id
        where = without_login(self.uri)
        if self._is_server:
            where += f"{PAGES}experiments/{self._run().info.experiment_id}/runs/{self._run_id}"
        return {"name": self.name, "where": where, "id": self._run_id}

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Keep figures for `save`, which sends them many at a time."""
        for name, value in metrics.items():
            self._series[name].append((step or 0, value))

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        from mlflow.entities import Param

        there = self._run().data.params  # which never change: a run's folder is bound to its configuration
        told = {name: value for name, value in flat(settings_of(params)).items() if name not in there}
        new = [Param(name, value if isinstance(value, str) else json.dumps(value)) for name, value in told.items()]
        for part in _parts(new, MOST_PARAMS):
            self._client().log_batch(self._run_id, params=part)

    def log_tags(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        for part in _parts([RunTag(name, value) for name, value in tags.items()], MOST_PARAMS):
            self._client().log_batch(self._run_id, tags=part)

    def log_findings(self, findings: Sequence[str], report: str) -> None:
        file = f"{without_login(self.uri)}/get-artifact?path={report}&run_uuid={self._run_id}"
        page = f"[{report}]({file})" if self._is_server else report
        self.log_tags({NOTE: "\n\n".join([*findings, f"The page: {page}"]), "report": report})

    def log_files(self, files: Sequence[Path]) -> None:
        for path in files:
            self._client().log_artifact(self._run_id, str(path))

    def save(self) -> None:
        """Send what was told and is not there: a run that is told again gains no second point.

        A tag says which figures the server has whole. It is set last: a send that was killed is gone over again.
        """
        from mlflow.entities import Metric

        if not self._series:
            return
        now, there, told = int(1000 * time.time()), self._run().data, fingerprint(self._series)
        if there.tags.get(TOLD) != told:
            new = []
            for name, points in self._series.items():
                before = self._client().get_metric_history(self._run_id, name) if name in there.metrics else []
                known = {(metric.step, metric.value) for metric in before}
                new += [Metric(name, value, now, step) for step, value in points if (step, value) not in known]
            for part in _parts(new, MOST_METRICS):
                self._client().log_batch(self._run_id, metrics=part)
            self.log_tags({TOLD: told})
        self._series.clear()

    def finalize(self, status: str) -> None:
        self.save()
        self._client().set_terminated(self._run_id, "FINISHED" if status == "success" else "FAILED")

    @property
    def _is_server(self) -> bool:
        return self.uri.startswith(("http://", "https://"))

    def _client(self) -> "MlflowClient":
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        return MlflowClient(self.uri)

    def _run(self) -> "Run":
        return self._client().get_run(self._run_id)

    def _is_there(self, run_id: str) -> bool:
        """Say whether a tracked run can be told more: who deleted it gets another."""
        client = self._client()
        from mlflow import MlflowException

        try:
            return client.get_run(run_id).info.lifecycle_stage == "active"
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise


def _parts(told: Sequence[Told], size: int) -> Iterator[Sequence[Told]]:
    return (told[at : at + size] for at in range(0, len(told), size))
