"""TensorBoard's event files, written by the thread that tells them.

Their usual writer has a thread of its own, which dies unseen when the disk is full, and then whoever tells it more
waits for it for ever.
"""

import contextlib
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = "tensorboard"


class Events:
    """The events of one folder, in the place of those that were there before; what can't be written is an OSError."""

    def __init__(self, folder: Path) -> None:
        from tensorboardX.event_file_writer import EventsWriter

        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._writer = EventsWriter(str(folder / "events"))

    def tell(self, figures: Mapping[str, float], step: int) -> None:
        """Take down figures of one step."""
        from tensorboardX.summary import scalar

        for name, value in figures.items():
            self.write(scalar(name, value), step)

    def write(self, summary: Any, step: int = 0) -> None:
        """Take down one of tensorboardX's summaries."""
        from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue] - made by protobuf

        self._writer.write_event(Event(wall_time=time.time(), step=step, summary=summary))

    def flush(self) -> None:
        """Write out what was taken down."""
        self._writer.flush()

    def close(self) -> None:
        """Let go of the file; what was told was written out, or has been complained of."""
        with contextlib.suppress(OSError):
            self._writer.close()
