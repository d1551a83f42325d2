"""TensorBoard: event files in the run's folder."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from limbeck.events import Events
from limbeck.run_json import Entry
from limbeck.runs import flat
from limbeck.tracking.tracker import Tracker, settings_of


class TensorBoard(Tracker):
    """The event files of one folder, in the place of those that were there before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        return "tensorboard"

    @property
    def version(self) -> str:
        return self.folder.parent.resolve().name

    @property
    def root_dir(self) -> str:
        return str(self.folder.parent)

    @property
    def log_dir(self) -> str:
        return str(self.folder)

    @property
    def place(self) -> str:
        return f"tensorboard in {self.folder}"

    @property
    def has_curves(self) -> bool:
        return True

    def check(self) -> None:
        """Nothing keeps it: it writes where the run does."""

    def owns(self, entry: Entry) -> bool:
        return entry["name"] == self.name

    def open(self, known: Entry | None = None) -> Entry:
        self._events = Events(self.folder)
        return {"name": self.name, "where": self.folder.name, "id": self.version}

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self._events.tell(metrics, step or 0)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        from tensorboardX.summary import hparams

        told = {
            name: value if isinstance(value, str | bool | int | float) else str(value)
            for name, value in flat(settings_of(params)).items()
        }
        for summary in hparams(told, {}):
            self._events.write(summary)

    def log_tags(self, tags: Mapping[str, str]) -> None:
        self._text("tags", "\n".join(["| tag | |", "|---|---|", *(f"| {name} | {tags[name]} |" for name in tags)]))

    def log_findings(self, findings: Sequence[str], report: str) -> None:
        self._text("findings", "\n\n".join([*findings, f"The page: {report}"]))

    def log_files(self, files: Sequence[Path]) -> None:
        """Keep none: they lie beside it."""

    def save(self) -> None:
        self._events.flush()

    def finalize(self, status: str) -> None:
        """Let go of the file."""
        self._events.close()

    def _text(self, name: str, said: str) -> None:
        from tensorboardX.summary import text

        self._events.write(text(name, said))
