"""`limbeck soften`: a teacher, a data set, a store; and how the command line names each of them."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from limbeck.cli.output import Output, print_facts, print_json
from limbeck.errors import ArgumentError
from limbeck.progress import progress_for

if TYPE_CHECKING:
    from limbeck.data import TransferSet, View
    from limbeck.targets import Encoding
    from limbeck.teachers import Teacher


@dataclass(frozen=True)
class TeacherOptions:
    """Who is asked."""

    teacher: tuple[str, ...] = ()
    """module:name of a teacher, or of a function of no arguments that makes one; or an ONNX file. Several are an
    ensemble."""
    teacher_weights: tuple[Path, ...] = ()
    """A safetensors file for each torch teacher, in the same order."""
    gives: Literal["logits", "probs"] = "logits"
    """What an ONNX teacher returns."""
    output: str | None = None
    """Which output of an ONNX teacher; needed where it has several."""
    floor: float | None = None
    """Smallest probability that is told apart from another, for an ONNX teacher that gives probs; 1e-7 by default."""
    batch_size: int = 1024
    """Rows the teacher judges at once."""


@dataclass(frozen=True)
class DataOptions:
    """What is judged."""

    data: str | None = None
    """digits, mnist, letters, or a folder with inputs.npy and perhaps labels.npy, run_lengths.npy and classes.txt."""
    split: Literal["training", "test"] = "training"
    """Which part of a named data set."""


@dataclass(frozen=True)
class EncodingOptions:
    """How rows are kept."""

    encoding: Literal["float16", "float32", "top_k", "sampled"] = "float16"
    """float16 and float32 keep every class and serve every temperature."""
    k: int = 20
    """Classes a row, for top_k."""
    samples: int = 50
    """Classes a row, for sampled."""
    temperatures: tuple[float, ...] = ()
    """Temperatures that top_k and sampled will be used at."""


@dataclass(frozen=True)
class SoftenOptions(Output, TeacherOptions, DataOptions, EncodingOptions):
    """A teacher, a data set and a store."""

    out: Path = Path("targets")
    """The store's folder. The same command goes on with it."""
    view: str = "plain"
    """What the teacher sees: plain, jitter:PIXELS, crop-flip:PIXELS or noise:SIZE."""
    views: int = 1
    """Views of each example, 0, 1, ...; the student cycles through them."""
    shard: str = "1/1"
    """i/n: write each n-th shard from the i-th, beside n - 1 other writers of the same command."""
    add: bool = False
    """Add this teacher to those that the store has."""


def soften(arguments: list[str]) -> None:
    """`limbeck soften`."""
    options = tyro.cli(
        SoftenOptions,
        args=arguments,
        prog="limbeck soften",
        description="Run a teacher once over a data set and keep its logits, bound to teacher, data and view.",
    )
    part = part_of(options.shard)
    from limbeck.data.views import view_from
    from limbeck.targets import write_soft_targets

    view = view_from(options.view)
    encoding = encoding_from(options)
    teacher = teacher_from(options)
    targets = write_soft_targets(
        teacher,
        data_from(options, view),
        options.out,
        num_views=options.views,
        encoding=encoding,
        add=options.add,
        part=part,
        batch_size=options.batch_size,
        progress=progress_for(quiet=options.quiet),
    )
    told = facts_of(targets.folder)
    if options.json:
        print_json({"command": shlex.join(["limbeck", "soften", *arguments]), **told})
    else:
        print_facts(told)


def part_of(text: str) -> tuple[int, int]:
    """Return (i, n) of "i/n".

    Raises:
        ArgumentError: it is not that.

    >>> part_of("2/4")
    (2, 4)
    """
    turn, slash, turns = text.partition("/")
    if not (slash and turn.isascii() and turn.isdigit() and turns.isascii() and turns.isdigit()):
        raise ArgumentError(f"shard must be i/n, as in 1/4, got {text!r}")
    if not 1 <= int(turn) <= int(turns):
        raise ArgumentError(f"shard must be i/n with 1 <= i <= n, got {text!r}")
    return int(turn), int(turns)


def teacher_from(options: TeacherOptions) -> "Teacher":
    """Return the teacher that options name, an `Ensemble` where they name several."""
    if not options.teacher:
        raise ArgumentError("a teacher must be named, got none", "--teacher module:name, or --teacher file.onnx")
    from limbeck.teachers import PROBABILITY_FLOOR, Ensemble, load_teacher

    torch_teachers = [name for name in options.teacher if not name.endswith(".onnx")]
    if options.teacher_weights and len(options.teacher_weights) != len(torch_teachers):
        raise ArgumentError(
            f"teacher-weights must be one file for each of the {len(torch_teachers)} torch teachers, "
            f"got {len(options.teacher_weights)}"
        )
    weights = iter(options.teacher_weights)
    teachers = [
        load_teacher(
            name,
            None if name.endswith(".onnx") else next(weights, None),
            output=options.output,
            gives=options.gives,
            floor=PROBABILITY_FLOOR if options.floor is None else options.floor,
        )
        for name in options.teacher
    ]
    return teachers[0] if len(teachers) == 1 else Ensemble(teachers)


def data_from(options: DataOptions, view: "View") -> "TransferSet":
    """Return the data that options name, seen through a view."""
    if options.data is None:
        raise ArgumentError(
            "data must be named, got none", "--data digits, mnist or letters, or a folder of .npy files"
        )
    from limbeck.data import load_data

    return load_data(options.data, options.split).seen_through(view)


def encoding_from(options: EncodingOptions) -> "Encoding":
    """Return the encoding that options tell of."""
    from limbeck.targets import Dense, Sampled, TopK

    if options.encoding in ("float16", "float32"):
        if options.temperatures:
            raise ArgumentError(f"{options.encoding} serves every temperature, got temperatures {options.temperatures}")
        return Dense(options.encoding)
    if options.encoding == "top_k":
        return TopK(options.k, options.temperatures)
    return Sampled(options.samples, options.temperatures)


def facts_of(folder: Path) -> dict[str, object]:
    """Return what a store holds and what it was made from, in words and numbers."""
    from limbeck.targets.manifest import Manifest, told_encoding

    manifest = Manifest.load(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    written = sum(member.num_rows for member in manifest.members)
    told: dict[str, object] = {
        "store": str(folder),
        "finished": "yes"
        if manifest.finished
        else f"no: {written} of {manifest.num_rows * len(manifest.members)} rows",
        "examples": manifest.num_examples,
        "rows": manifest.num_rows,
        "views": f"{manifest.num_views} of {manifest.view}",
        "classes": manifest.num_classes,
        "encoding": told_encoding(manifest.encoding),
        "data": manifest.data[:12],
        "mean": manifest.mean,
        "bytes": size,
        "bytes a row": round(size / max(1, written), 1),
    }
    for number, member in enumerate(manifest.members):
        right = "" if member.accuracy is None else f", right on {member.accuracy:.2%} of what is written"
        told[f"teacher {number + 1}"] = f"{member.fingerprint[:12]}, weight {member.weight:g}{right}"
    return told
