"""The options about trackers, of each verb that makes a run."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from limbeck.errors import ArgumentError
from limbeck.runs import Run
from limbeck.tracking.names import without_login

if TYPE_CHECKING:
    from limbeck.tracking.tracker import Tracker

URI = "MLFLOW_TRACKING_URI"


@dataclass(frozen=True)
class TrackerOptions:
    """Whom to tell what a run came to."""

    tracker: tuple[Literal["tensorboard", "mlflow", "wandb"], ...] = ("tensorboard",)
    """Whom to tell what the run came to; several may be named."""
    tracking_uri: str | None = None
    """MLflow's server, or its database; MLFLOW_TRACKING_URI by default."""
    experiment: str | None = None
    """MLflow's experiment, W&B's project; the recipe's name by default."""


@contextlib.contextmanager
def tracking(options: TrackerOptions, run: Run) -> Iterator[None]:
    """Look for a run's trackers; when the block has ended well, tell them what the run came to.

    Raises:
        ArgumentError: options that don't fit each other, or a name and password in an address.
        TrackingError: a tracker is not there, before the block; or it refuses, after it.
    """
    trackers = list(_others(options, run))
    yield
    from limbeck.conclusion import draw
    from limbeck.events import FOLDER
    from limbeck.tracking.sending import send
    from limbeck.tracking.tensorboard import TensorBoard

    here = [TensorBoard(run.folder / FOLDER)] if "tensorboard" in options.tracker else []
    send(run.folder, [*here, *trackers], draw, run.progress)


def _others(options: TrackerOptions, run: Run) -> "Iterator[Tracker]":
    """Yield the trackers that may not be there, once they are found to be."""
    experiment = options.experiment or run.recipe
    if "mlflow" in options.tracker:
        uri = _uri(options)
        from limbeck.tracking.mlflow import MLflow
        from limbeck.tracking.sending import check

        check(mlflow := MLflow(uri, experiment, run.folder.resolve().name))
        yield mlflow
    elif options.tracking_uri is not None:
        raise ArgumentError(f"tracking-uri is for mlflow, the trackers are {' '.join(options.tracker) or 'none'}")
    if "wandb" in options.tracker:
        from limbeck.tracking.sending import check
        from limbeck.tracking.wandb import WandB

        check(wandb := WandB(run.folder, experiment))
        yield wandb


def _uri(options: TrackerOptions) -> str:
    uri = options.tracking_uri or os.environ.get(URI)
    if not uri:
        hint = "http://127.0.0.1:5000 for a server on this machine, or sqlite:///mlflow.db"
        raise ArgumentError(f"mlflow needs --tracking-uri or {URI}, got none", hint)
    if options.tracking_uri and uri != without_login(uri):
        hint = f"the run's page shows its command: use MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or {URI}"
        raise ArgumentError("tracking-uri must not hold a name or a password", hint)
    return uri
