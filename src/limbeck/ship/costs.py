"""What a model costs: size, multiplications, latency, memory."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError
from limbeck.ship.latency import Latency, bound, called, from_python, latencies
from limbeck.ship.memory import BATCH_SIZE, peak_memory_bytes
from limbeck.teachers import Teacher
from limbeck.teachers.onnx_files import open_session


@dataclass(frozen=True)
class Cost:
    """What one model costs; None is what can't be told of a model that is no ONNX file, or by this system."""

    name: str
    """Its setting in the results of record: 'student, ONNX', 'student, int8', 'ensemble, ONNX', 'teacher'."""
    parameters: int | None
    macs: int | None
    """Multiplications with an addition that one row takes, in matrix products and convolutions."""
    size_bytes: int | None
    """Of the file."""
    one: Latency
    """Of one row, on one thread."""
    many: Latency
    """Of 64 rows at once, on one thread."""
    from_python_ms: float | None
    """Median of one row, asked by a Python program with `session.run`: what it adds counts where a model is tiny."""
    peak_memory_bytes: int | None
    """What the model adds to a process's memory at its peak: loaded, and asked 64 rows. See `ship.memory`."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Cost":
        """Return the cost that JSON tells."""
        return cls(**{**told, "one": Latency(**told["one"]), "many": Latency(**told["many"])})

    def told(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


def measure_costs(
    files: Mapping[str, Path], test_set: TransferSet, others: Mapping[str, Teacher] | None = None
) -> list[Cost]:
    """Return what ONNX files of `export_onnx` cost in ONNX Runtime, and how long other models take as they are called.

    All are asked in turn, on one thread, with rows of the test set.

    Raises:
        ArgumentError: a file that `export_onnx` did not write.
    """
    sessions = {name: open_session(path, threads=1) for name, path in files.items()}
    counted = {name: _counted(session, files[name]) for name, session in sessions.items()}
    with called(others or {}) as called_others:
        askers = {**called_others, **{name: bound(session) for name, session in sessions.items()}}
        one, many = (latencies(askers, test_set, size) for size in (1, BATCH_SIZE))
    python = latencies({name: from_python(session) for name, session in sessions.items()}, test_set)
    return [
        Cost(
            name,
            *counted.get(name, (None, None)),
            size_bytes=_size(files[name] if name in files else getattr((others or {})[name], "file", None)),
            one=one[name],
            many=many[name],
            from_python_ms=python[name].p50_ms if name in files else None,
            peak_memory_bytes=peak_memory_bytes(files[name]) if name in files else None,
        )
        for name in askers
    ]


def _size(path: Path | None) -> int | None:
    """Return an ONNX file's bytes, those of a teacher's too; its weights may lie in others, which are not counted."""
    return None if path is None else path.stat().st_size


def _counted(session: Any, path: Path) -> tuple[int, int]:
    """Return the parameters and multiplications that a file's metadata tells."""
    told = session.get_modelmeta().custom_metadata_map
    try:
        return int(told["parameters"]), int(told["macs"])
    except (KeyError, ValueError) as error:
        raise ArgumentError(
            f"{path} must be written by limbeck, its metadata lacks parameters and macs", "limbeck.export_onnx"
        ) from error
