"""What a tracker is: one of Fabric's loggers that also takes tags, findings and files, and says where they are."""

from abc import abstractmethod
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.logger import Logger

from limbeck.run_json import Entry


class Tracker(Logger):
    """Fabric's logger of one run.

    What it raises may be anything that the library behind it raises: `sending` makes one error of it.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Return the tracker's name, as `--tracker` has it."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Return in words where it keeps what it is told, for messages."""

    @property
    def has_curves(self) -> bool:
        """Whether it has the curves of trainings below the run's folder already."""
        return False

    @abstractmethod
    def check(self) -> None:
        """Raise whatever keeps it from taking down a run, before the first net is trained."""

    @abstractmethod
    def owns(self, entry: Entry) -> bool:
        """Say whether a tracked run lies where this tracker keeps its own."""

    @abstractmethod
    def open(self, known: Entry | None) -> Entry:
        """Make a tracked run, or go on with the known one, and return what run.json is to tell of it."""

    @abstractmethod
    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Take down what is known about where and how."""

    @abstractmethod
    def log_findings(self, findings: Sequence[str], report: str) -> None:
        """Take down the sentences of the run, and that `report`, one of its files, is its page."""

    @abstractmethod
    def log_files(self, files: Sequence[Path]) -> None:
        """Keep files as they are."""


def settings_of(params: dict[str, Any] | Namespace) -> dict[str, Any]:
    """Return what Fabric's `log_hyperparams` is given as a dict."""
    return vars(params) if isinstance(params, Namespace) else params
