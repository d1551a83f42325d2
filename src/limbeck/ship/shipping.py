"""What a run leaves to be taken away, in its folder.

student.onnx                    checked against the student on the whole test set
teacher.onnx or ensemble.onnx   the same of who taught it, in one graph, where that is a net
student-int8.onnx               the student in 8-bit integers, calibrated on training rows
shipped.safetensors             what the student says of the test set, what each file costs, the calibration rows; and
                                what binds it all to these nets and sets, so that a repeated run times nothing again
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from limbeck import __version__, settings
from limbeck.data import TransferSet
from limbeck.errors import ArgumentError, RunError, ShipError
from limbeck.files import DAMAGED_HINT, file_sha256
from limbeck.progress import Progress
from limbeck.settings import INT8, file_of
from limbeck.ship.costs import Cost, measure_costs
from limbeck.ship.export import check_can_ship, export_onnx, net_of, on_cpu
from limbeck.ship.parity import Parity
from limbeck.ship.quantise import calibration_rows, quantise
from limbeck.teachers import Teacher, from_onnx, predict, teacher_fingerprint
from limbeck.tensor_files import load_tensors, save_tensors

STUDENT = file_of(settings.STUDENT)
FILES = {STUDENT: "student.onnx", INT8: "student-int8.onnx"}
KEPT = "shipped.safetensors"
EXPECTED, CALIBRATION = "student", "calibration"  # tensors that are kept


@dataclass(frozen=True, eq=False)
class Shipment:
    """What is to be shipped, and what it is measured beside."""

    student: nn.Module
    teacher: Teacher
    taught_by: str
    """'teacher' or 'ensemble'."""
    train: TransferSet
    """Of which rows calibrate."""


@dataclass(frozen=True, eq=False)
class Shipped:
    """The files of a run, and what is known of them."""

    files: dict[str, Path]
    """By setting: 'student, ONNX', 'student, int8', 'teacher, ONNX' or 'ensemble, ONNX'."""
    logits: dict[str, Float[Tensor, "examples classes"]]
    """What each says of the test set; nothing where it was read from a folder, which doesn't keep it."""
    expected: Float[Tensor, "examples classes"]
    """What the student says of it in PyTorch."""
    calibration: Tensor
    """Rows of the training set, for other calibrations."""
    costs: list[Cost]
    parities: dict[str, Parity]
    refused: list[str]
    """In words, what was not made, and why."""
    checksums: dict[str, str]
    """Of the files, as they were written."""

    def changed(self) -> Path | None:
        """Return a file that is no longer what was shipped, None where all are."""
        for name, path in self.files.items():
            if not path.is_file() or file_sha256(path) != self.checksums[name]:
                return path
        return None


def ship(folder: Path, shipment: Shipment, test: TransferSet, progress: Progress) -> Shipped:
    """Write a run's files, or find them whole, and return what is known of them.

    A teacher that is no net has no file: it is timed as it is called. One that can't be exported, and a student that
    can't be quantised, are told and left out.

    Raises:
        ShipError: the student can't be exported.
        ArgumentError: the extra is not installed.
    """
    check_can_ship()
    of = _binding(shipment, test)
    if (folder / KEPT).exists():
        kept, bound_to = _read(folder)
        if bound_to == of and kept.changed() is None:
            return replace(kept, logits=_said(kept.files, test))
    withdraw(folder)
    with progress.task("ship", 4, "steps") as task:
        student = folder / FILES[STUDENT]
        parities, refused = {STUDENT: export_onnx(shipment.student, test, student)}, []
        task.advance(1)
        files, teacher, setting = {STUDENT: student}, net_of(shipment.teacher), file_of(shipment.taught_by)
        if teacher is not None:
            path = folder / f"{shipment.taught_by}.onnx"
            try:
                parities[setting] = export_onnx(teacher, test, path, name=shipment.taught_by)
                files = {setting: path, **files}
            except (ShipError, ArgumentError) as error:
                refused.append(f"There is no {path.name}: {error.message}.")
        task.advance(1)
        calibration = calibration_rows(shipment.train)
        try:
            quantise(student, calibration, folder / FILES[INT8])
            files[INT8] = folder / FILES[INT8]
        except ShipError as error:
            refused.append(f"There is no {FILES[INT8]}: {error.message}.")
        task.advance(1)
        others = {} if setting in files else {shipment.taught_by: shipment.teacher}
        costs = measure_costs(files, test, others)
        task.advance(1)
    expected = predict(on_cpu(shipment.student), test)
    checksums = {name: file_sha256(path) for name, path in files.items()}
    shipped = Shipped(files, _said(files, test), expected, calibration, costs, parities, refused, checksums)
    _write(folder, shipped, of)
    return shipped


def withdraw(folder: Path) -> None:
    """Remove what a run shipped, before its student becomes another one."""
    for name in (KEPT, *FILES.values(), *(f"{taught_by}.onnx" for taught_by in settings.TEACHERS)):
        (folder / name).unlink(missing_ok=True)


def read_shipped(folder: Path) -> Shipped:
    """Return what is known of a run's files.

    Raises:
        RunError: the run has none, or what is known of them is damaged.
    """
    return _read(folder)[0]


def _said(files: Mapping[str, Path], test: TransferSet) -> dict[str, Tensor]:
    return {name: predict(from_onnx(path), test) for name, path in files.items()}


def _binding(shipment: Shipment, test: TransferSet) -> dict[str, Any]:
    nets = {"student": shipment.student, shipment.taught_by: shipment.teacher}
    sets = {"train": shipment.train, "test": test}
    return {
        **{name: teacher_fingerprint(net) for name, net in nets.items()},
        **{name: [each.fingerprint, each.labels_fingerprint] for name, each in sets.items()},
        "class_names": list(test.class_names),
        **({"column_names": list(test.column_names)} if test.column_names else {}),
        "limbeck": __version__,
    }


def _write(folder: Path, shipped: Shipped, of: Mapping[str, Any]) -> None:
    told = {
        "of": of,
        "files": {name: path.name for name, path in shipped.files.items()},
        "checksums": shipped.checksums,
        "costs": [cost.told() for cost in shipped.costs],
        "parities": {name: asdict(parity) for name, parity in shipped.parities.items()},
        "refused": shipped.refused,
    }
    save_tensors(folder / KEPT, {EXPECTED: shipped.expected, CALIBRATION: shipped.calibration}, told)


def _read(folder: Path) -> tuple[Shipped, Mapping[str, Any]]:
    """Return what is known of a run's files, and what binds it."""
    tensors, told = load_tensors(folder / KEPT)
    try:
        files = {name: folder / file for name, file in told["files"].items()}
        shipped = Shipped(
            files,
            {},
            tensors[EXPECTED],
            tensors[CALIBRATION],
            [Cost.of(cost) for cost in told["costs"]],
            {name: Parity(**parity) for name, parity in told["parities"].items()},
            told["refused"],
            told["checksums"],
        )
        return shipped, told["of"]
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{folder / KEPT} is damaged: {type(error).__name__}: {error}", DAMAGED_HINT) from error
