"""The curves of a training, on disk while it runs: a CSV table and TensorBoard's event files."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_fabric.loggers.logger import Logger


def loggers_in(folder: Path) -> "list[Logger]":
    """Return Fabric's loggers for a folder that they start afresh: a resumed training tells its past again."""
    from lightning_fabric.loggers.csv_logs import CSVLogger
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return [
        CSVLogger(folder.parent, name=folder.name, version="", flush_logs_every_n_steps=1),
        TensorBoardLogger(folder.parent, name=folder.name, version=""),
    ]
