"""The curves of a training, on disk while it runs: a CSV table and TensorBoard's event files."""

import contextlib
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from limbeck.files import cannot_write

CSV, EVENTS = "curves.csv", "tensorboard"


class Curves:
    """The two records of one training, told one row an epoch; a resumed training tells its past again.

    TensorBoard's events are written in the thread that trains: its usual writer has a thread of its own, which
    dies unseen when the disk is full, and then the training waits for it for ever.
    """

    def __init__(self, folder: Path, history: Sequence[Mapping[str, float]]) -> None:
        from tensorboardX.event_file_writer import EventsWriter

        self.folder = folder
        try:
            (folder / CSV).unlink(missing_ok=True)
            shutil.rmtree(folder / EVENTS, ignore_errors=True)
            (folder / EVENTS).mkdir(parents=True)
            self._events = EventsWriter(str(folder / EVENTS / "events"))
        except OSError as error:
            raise cannot_write(folder, error) from error
        for row in history:
            self.tell(row)

    def tell(self, row: Mapping[str, float]) -> None:
        """Write one epoch's figures.

        Raises:
            RunError: the disk is full.
        """
        from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue] - made by protobuf
        from tensorboardX.summary import scalar

        path = self.folder / CSV
        try:
            with path.open("a") as table:
                if table.tell() == 0:
                    table.write(",".join(row) + "\n")
                table.write(",".join(repr(value) for value in row.values()) + "\n")
            for name, value in row.items():
                summary = scalar(name, value)
                self._events.write_event(Event(wall_time=time.time(), step=int(row["epoch"]), summary=summary))
            self._events.flush()
        except OSError as error:
            raise cannot_write(path, error) from error

    def close(self) -> None:
        """Let go of the files; each row was written out when it was told, or has been complained of."""
        with contextlib.suppress(OSError):
            self._events.close()
