"""What a model costs: size, multiplications, latency, memory."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError
from limbeck.ship.latency import Latency, bound, called, from_python, latencies
from limbeck.ship.memory import BATCH_SIZE, peak_memory_bytes
from limbeck.teachers import AdaptedTeacher, Teacher
from limbeck.teachers.onnx_files import open_session

BY_PYTHON = "{}, asked from Python"


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
    """Of one row, on one thread; of a model that is no ONNX file, as it is called, on the threads that it takes."""
    many: Latency
    """Of 64 rows at once; the same."""
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
    """Return what ONNX files of `export_onnx` cost in ONNX Runtime, and what other models do.

    Files are asked in turn with rows of the test set, on one thread, a teacher's own too, bound and from Python in the
    same round. Other models are asked before, as they are called: a slow one leaves the caches to nobody else.

    Raises:
        ArgumentError: a file that `export_onnx` did not write.
    """
    others, outputs = dict(others or {}), {}
    paths = dict(files)
    for name, model in others.items():
        if isinstance(model, AdaptedTeacher) and model.file is not None:
            paths, outputs[name] = {name: model.file, **paths}, model.output
    sessions = {name: open_session(path, threads=1) for name, path in paths.items()}
    counted = {name: _counted(session, paths[name]) for name, session in sessions.items() if name in files}
    with called({name: model for name, model in others.items() if name not in paths}) as as_called:
        one, many = (latencies(as_called, test_set, size) for size in (1, BATCH_SIZE))
    in_place = {name: bound(session, outputs.get(name)) for name, session in sessions.items()}
    python = {BY_PYTHON.format(name): from_python(each, outputs.get(name)) for name, each in sessions.items()}
    one |= latencies({**in_place, **python}, test_set)
    many |= latencies(in_place, test_set, BATCH_SIZE)
    return [
        Cost(
            name,
            *counted.get(name, (None, None)),
            size_bytes=_size(paths.get(name)),
            one=one[name],
            many=many[name],
            from_python_ms=one[BY_PYTHON.format(name)].p50_ms if name in paths else None,
            peak_memory_bytes=peak_memory_bytes(paths[name]) if name in paths else None,
        )
        for name in many
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
