"""What can go wrong, in one tree.

    LimbeckError
    ├── ArgumentError   a value or a shape that the rule named in the message does not allow
    ├── DataError       a data set that is missing, half there or corrupt
    ├── TargetsError    a soft-target store that is damaged, or was made from something else
    ├── TrainingError   a loss that is no longer finite
    ├── ShipError       a net that can't be exported, or an exported one that doesn't say what the net says
    ├── TrackingError   a tracker that can't take down a run
    └── RunError        a run's folder that belongs to another run, is in use, damaged, or can't be written
        └── BusyError   another process is at it right now

Each says the rule, the value and, where there is one, the way out:

    temperature must be > 0, from 1e-06 to 1e+09, got -1.0

    hint: the paper uses 1 to 20; 1 is the ordinary softmax

At the command line each becomes that text on stderr and exit code 2.
"""


class LimbeckError(Exception):
    """Root of the tree: `str()` gives the message, and the hint after it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message}\n\nhint: {hint}")
        self.message = message
        self.hint = hint


class ArgumentError(LimbeckError):
    """A value or a shape is outside what is allowed."""


class DataError(LimbeckError):
    """A data set is missing, half there or corrupt."""


class TargetsError(LimbeckError):
    """A soft-target store is damaged, unfinished, or was made from other data, views or teachers."""


class TrainingError(LimbeckError):
    """A training can't go on: its loss is not finite."""


class ShipError(LimbeckError):
    """A net can't be exported or quantised, or what came of it doesn't say what the net says."""


class TrackingError(LimbeckError):
    """A tracker can't take down a run: it is not installed or not there, or it refuses."""


class RunError(LimbeckError):
    """A run's folder belongs to another run (configuration, data, seeds), is in use, damaged, or can't be written."""


class BusyError(RunError):
    """Another process is at it right now."""
