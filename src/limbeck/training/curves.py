"""The curves of a training, on disk while it runs: a CSV table and TensorBoard's event files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from limbeck.events import FOLDER, Events
from limbeck.files import cannot_write

CSV = "curves.csv"


class Curves:
    """The two records of one training, told one row an epoch; a resumed training tells its past again."""

    def __init__(self, folder: Path, history: Sequence[Mapping[str, float]]) -> None:
        self.folder = folder
        try:
            (folder / CSV).unlink(missing_ok=True)
            self._events = Events(folder / FOLDER)
        except OSError as error:
            raise cannot_write(folder, error) from error
        for row in history:
            self.tell(row)

    def tell(self, row: Mapping[str, float]) -> None:
        """Write one epoch's figures.

        Raises:
            RunError: the disk is full.
        """
        path = self.folder / CSV
        try:
            with path.open("a") as table:
                if table.tell() == 0:
                    table.write(",".join(row) + "\n")
                table.write(",".join(repr(value) for value in row.values()) + "\n")
            self._events.tell(row, int(row["epoch"]))
            self._events.flush()
        except OSError as error:
            raise cannot_write(path, error) from error

    def close(self) -> None:
        """Let go of the files; each row was written out when it was told, or has been complained of."""
        self._events.close()
