"""W&B: a run below the run's folder, to be synced when one likes, or on its server where one is logged in."""

import os
import shutil
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from limbeck.errors import TrackingError
from limbeck.files import fingerprint
from limbeck.run_json import Entry
from limbeck.tracking.tracker import Tracker, settings_of
from limbeck.tracking.wandb_log import is_whole

if TYPE_CHECKING:
    import wandb

MODE = "WANDB_MODE"
DEFAULTS = {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}  # where the environment has none
AXIS = "step"  # of all figures: an epoch, a seed, or a number of seeds
CLOSING_S = 15.0  # W&B's own process closes the log after it has answered, mostly within milliseconds
TOLD = "told"  # the key of the summary that says which figures the history holds


class WandB(Tracker):
    """One run of a project: offline, unless one is logged in."""

    def __init__(self, folder: Path, project: str) -> None:
        self.folder, self.project = folder, project
        self._mode = "offline"
        self._steps: list[tuple[int, dict[str, float]]] = []

    @property
    def name(self) -> str:
        return "wandb"

    @property
    def version(self) -> str:
        return self._run.id

    @property
    def root_dir(self) -> str:
        return str(self.folder)

    @property
    def place(self) -> str:
        return f"wandb in {self.folder}" if self._mode == "offline" else "wandb"

    def check(self) -> None:
        """Find out whether to be online, and ask its server then."""
        asked = os.environ.get(MODE)
        if asked not in (None, "", "online", "offline"):
            raise TrackingError(f"{MODE} must be online or offline to take down a run, got {asked}")
        if asked == "offline":
            return
        self._mode = "online"
        if not _library().login(prompt=False):
            self._mode = "offline"
            if asked == "online":
                raise TrackingError(f"{MODE} is online and nobody is logged in", "wandb login")

    def owns(self, entry: Entry) -> bool:
        return entry["name"] == self.name

    def open(self, known: Entry | None) -> Entry:
        library = _library()
        settings = library.Settings(
            silent=True,
            console="off",
            symlink=False,
            disable_code=True,
            disable_git=True,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )
        self._run: wandb.Run = library.init(
            project=self.project,
            id=None if known is None else known["id"],
            name=self.folder.resolve().name,
            dir=self.folder,
            mode=self._mode,
            resume="allow",
            reinit="create_new",
            settings=settings,
        )
        self._run.define_metric("*", step_metric=AXIS)
        where = str(self._path.relative_to(self.folder.resolve())) if self._mode == "offline" else self._run.url
        return {"name": self.name, "where": where or "", "id": self._run.id}

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Keep figures for `save`."""
        self._steps.append((step or 0, dict(metrics)))

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        self._run.config.update(settings_of(params), allow_val_change=True)

    def log_tags(self, tags: Mapping[str, str]) -> None:
        self._run.config.update({"run": dict(tags)}, allow_val_change=True)

    def log_findings(self, findings: Sequence[str], report: str) -> None:
        self._run.notes = "\n\n".join([*findings, f"The page: {report}, among the files."])
        self._run.summary["report"] = report

    def log_files(self, files: Sequence[Path]) -> None:
        for path in files:
            self._run.save(str(path), base_path=str(path.parent), policy="now")

    def save(self) -> None:
        """Send what was told, unless the run's history holds it from before."""
        if not self._steps:
            return
        told = fingerprint({"steps": self._steps})
        if self._run.summary.get(TOLD) != told:
            for step, metrics in self._steps:
                self._run.log({**metrics, AXIS: step})
            self._run.summary[TOLD] = told
        self._steps.clear()

    def finalize(self, status: str) -> None:
        """End the run; offline, its folder takes the place of those of earlier times, which held less or the same."""
        self.save()
        path = self._path
        self._run.finish(exit_code=0 if status == "success" else 1)
        if self._mode == "online":
            return
        end = time.monotonic() + CLOSING_S
        while not is_whole(path / f"run-{self._run.id}.wandb"):
            if time.monotonic() > end:
                raise TrackingError(f"{path} must hold all of the run, it is cut off", "is the disk full?")
            time.sleep(0.05)
        for other in path.parent.glob(f"offline-run-*-{self._run.id}*"):  # two of one second end in a number
            if other != path:
                shutil.rmtree(other)

    @property
    def _path(self) -> Path:
        return Path(self._run.dir).resolve().parent


def _library() -> ModuleType:
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    import wandb

    return wandb
