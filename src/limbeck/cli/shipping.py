"""The verbs about what is taken away: `limbeck export RUN`, `limbeck bench RUN`."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from limbeck.cli.output import Output, print_facts, print_json, print_table
from limbeck.errors import ArgumentError, RunError
from limbeck.progress import progress_for
from limbeck.run_json import read_finished

if TYPE_CHECKING:
    from torch import Tensor

    from limbeck.data import TransferSet
    from limbeck.ship.shipping import Shipped

UNKNOWN = "–"


@dataclass(frozen=True)
class BenchOptions(Output):
    """Which run's models to measure."""

    run: tyro.conf.Positional[Path] = dataclasses.field(kw_only=True)
    """The run's folder."""


@dataclass(frozen=True)
class ExportOptions(BenchOptions):
    """Which run's student, and where to."""

    out: Path | None = None
    """The file to write; student.onnx or student-int8.onnx, here, by default."""
    int8: bool = False
    """The student in 8-bit integers."""
    calibration: int | None = None
    """Calibrate it on so many rows of training data; by default those of the run's own file, 256 at most."""


def export(arguments: list[str]) -> None:
    """`limbeck export RUN`."""
    what = "A finished run's student as an ONNX file, checked against what the student said of the test set."
    options = tyro.cli(ExportOptions, args=arguments, prog="limbeck export", description=what)
    if options.calibration is not None and not options.int8:
        raise ArgumentError(f"calibration is of an 8-bit file, it needs --int8, got {options.calibration} without")
    shipped, test = _of(options.run)
    from limbeck.files import write_bytes
    from limbeck.judge import count_errors
    from limbeck.settings import INT8
    from limbeck.ship.parity import check_parity, measure_parity
    from limbeck.ship.quantise import quantise
    from limbeck.ship.shipping import FILES, STUDENT
    from limbeck.teachers import from_onnx, predict

    setting = INT8 if options.int8 else STUDENT
    out = options.out or Path(FILES[setting])
    if out.exists():
        raise ArgumentError(f"{out} is there already", "name another file with --out")
    student = shipped.files[STUDENT]
    check_parity(shipped.expected, predict(from_onnx(student), test))
    if options.calibration is not None:
        quantise(student, _rows(shipped, options.calibration), out)
    elif setting in shipped.files:
        write_bytes(out, shipped.files[setting].read_bytes())
    else:
        raise RunError(f"{options.run} has no {FILES[setting]}", " ".join(shipped.refused) or None)
    logits = predict(from_onnx(out), test)
    told: dict[str, Any] = {"onnx": str(out), "bytes": out.stat().st_size}
    if test.labels is not None:
        told["test_errors"] = count_errors(logits, test.labels)
    parity = measure_parity(shipped.expected, logits)
    told |= {"rows": parity.rows, "largest_difference": parity.largest_difference}
    told["top1_agreement"] = parity.top1_agreement
    if options.json:
        print_json(told)
    else:
        print_facts(told)


def bench(arguments: list[str]) -> None:
    """`limbeck bench RUN`."""
    what = "Measure again, in ONNX Runtime on one thread and in turn, what a finished run's models cost."
    options = tyro.cli(BenchOptions, args=arguments, prog="limbeck bench", description=what)
    shipped, test = _of(options.run)
    from limbeck.judge import count_errors
    from limbeck.report.run_tables import cost_table
    from limbeck.ship.costs import measure_costs
    from limbeck.teachers import from_onnx, predict

    labels = test.labels
    with progress_for(quiet=options.quiet).task("bench", 2, "steps") as task:
        costs = measure_costs(shipped.files, test)
        task.advance(1)
        errors: dict[str, int | None] = dict.fromkeys(shipped.files)
        if labels is not None:
            errors |= {
                name: count_errors(predict(from_onnx(path), test), labels) for name, path in shipped.files.items()
            }
        task.advance(1)
    if options.json:
        print_json([{**cost.told(), "test_errors": errors[cost.name], "examples": len(test)} for cost in costs])
        return
    lines = cost_table([cost.told() for cost in costs])
    print_table([_judged(line["model"], errors[line["model"]], len(test)) | line for line in lines])
    for cost in shipped.costs:
        if cost.name not in shipped.files:
            print(f"\nNo file was made of the {cost.name}: in the run it took {cost.one.p50_ms:.3g} ms.")


def _of(run: Path) -> "tuple[Shipped, TransferSet]":
    """Return what a finished run shipped, whole and of its student, and its test set.

    Raises:
        RunError: it has not finished, has no ONNX file, or one that is not what was shipped.
    """
    told = read_finished(run)
    again = f"{_shipping(told.get('command', ''))} --ship --out {shlex.quote(str(run))}"
    from limbeck.conclusion import read_test_set
    from limbeck.ship.shipping import KEPT, read_shipped

    if not (run / KEPT).is_file():
        raise RunError(f"{run} has no ONNX file, which takes the nets' code to make", f"this makes it: {again}")
    shipped = read_shipped(run)
    other = shipped.changed()
    if other is not None:
        raise RunError(f"{other} is missing, or not the file that the run shipped", f"this makes it again: {again}")
    return shipped, read_test_set(run)


def _shipping(command: str) -> str:
    """Return a run's command without what keeps it from shipping, and without its folder.

    >>> _shipping("limbeck run digits --no-ship --out a --seeds 2")
    'limbeck run digits --seeds 2'
    """
    words, kept = iter(shlex.split(command)), []
    for word in words:
        if word == "--out":
            next(words, None)
        elif word not in ("--no-ship", "--ship") and not word.startswith("--out="):
            kept.append(word)
    return shlex.join(kept)


def _rows(shipped: "Shipped", count: int) -> "Tensor":
    """Return the first so many calibration rows that a run kept."""
    kept = len(shipped.calibration)
    if not 1 <= count <= kept:
        raise ArgumentError(
            f"calibration must take 1 to {kept} rows, which the run kept of its training data, got {count}"
        )
    return shipped.calibration[:count]


def _judged(name: str, errors: int | None, examples: int) -> dict[str, str]:
    """Return a model's name and what it is worth on the test set, ready to print."""
    return {
        "model": name,
        "test errors": UNKNOWN if errors is None else f"{errors:,}",
        "accuracy": UNKNOWN if errors is None else f"{1 - errors / examples:.2%}",
    }
