"""`limbeck soften`: a teacher, a data set, a store; and how the command line names each of them."""

import contextlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from limbeck.cli.output import Output, print_facts, print_json
from limbeck.errors import ArgumentError
from limbeck.progress import progress_for

if TYPE_CHECKING:
    from limbeck.data import Columns, TransferSet, View
    from limbeck.targets import Encoding
    from limbeck.teachers import Teacher


WRAP = "wrap the teacher in its module, with limbeck.teachers.from_function"


@dataclass(frozen=True)
class TeacherOptions:
    """Who is asked."""

    teacher: tuple[str, ...] = ()
    """module:name of a net, of a fitted scikit-learn estimator, or of a function of no arguments that makes one; or an
    ONNX file. Several are an ensemble."""
    teacher_weights: tuple[Path, ...] = ()
    """A safetensors file for each torch teacher, in the same order."""
    gives: Literal["logits", "probs"] = "logits"
    """What an ONNX teacher returns."""
    output: str | None = None
    """Which output of an ONNX teacher; needed where it has several."""
    floor: float | None = None
    """Smallest probability that is told apart from another, for an estimator, or an ONNX teacher that gives probs; 1e-7
    by default."""


@dataclass(frozen=True)
class JudgingOptions(TeacherOptions):
    """Who is asked, and how much at once."""

    batch_size: int = 256
    """Rows the teacher judges at once."""


@dataclass(frozen=True)
class SourceOptions:
    """Where data comes from."""

    data: str | None = None
    """A CSV, Parquet or Arrow file, or a folder of them; a folder of images; a data set of the hub, as owner/name;
    digits, mnist, cifar10, cifar100, letters, clinc150, an4 or fsdd (LIMBECK_DATA names their folder), or a folder with
    their files; or a folder with inputs.npy and perhaps labels.npy, run_lengths.npy and classes.txt."""
    inputs: tuple[str, ...] = ()
    """Columns that are inputs; guessed, and told, where none are named: images, or lists of numbers, or else all
    columns of numbers."""
    label: str | None = None
    """Column that is the label; one called label, labels, class, target or y by default."""
    classes: tuple[str, ...] = ()
    """All classes in the order of the teacher's outputs; those of the training set, sorted, by default."""
    unlabelled: bool = False
    """Use no labels even where there are some."""

    @property
    def columns(self) -> "Columns":
        """Which columns are which."""
        from limbeck.data import Columns

        return Columns(self.inputs, self.label, self.classes, self.unlabelled)

    @property
    def source(self) -> str:
        """Where data comes from.

        Raises:
            ArgumentError: nothing is named.
        """
        if self.data is None:
            raise ArgumentError(
                "data must be named, got none",
                "--data table.csv, a folder of tables or images, owner/name of the hub, or digits, mnist, ...",
            )
        return self.data


@dataclass(frozen=True)
class DataOptions(SourceOptions):
    """What is judged."""

    split: Literal["training", "validation", "test"] | None = None
    """Which part of the data; the training set by default."""


@dataclass(frozen=True)
class EncodingOptions:
    """How rows are kept."""

    encoding: Literal["float16", "float32", "top_k", "sampled"] | None = None
    """float16 (by default) and float32 keep every class and serve every temperature."""
    k: int | None = None
    """Classes a row, for top_k; 20 by default."""
    samples: int | None = None
    """Classes a row, for sampled; 50 by default."""
    temperatures: tuple[float, ...] = ()
    """Temperatures that top_k and sampled will be used at."""

    @property
    def told(self) -> bool:
        """Whether any of these options is given."""
        return any(value not in (None, ()) for value in (self.encoding, self.k, self.samples, self.temperatures))


@dataclass(frozen=True)
class SoftenOptions(Output, JudgingOptions, DataOptions, EncodingOptions):
    """A teacher, a data set and a store."""

    out: Path = Path("targets")
    """The store's folder. The same command goes on with it."""
    view: str = "plain"
    """What the teacher sees: plain, jitter:PIXELS, crop-flip:PIXELS, elastic:PIXELS or noise:SIZE."""
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
    encoding = None if options.add and not options.told else encoding_from(options)
    with contextlib.redirect_stdout(sys.stderr):  # what a teacher prints is no data of ours
        _ = options.source  # what is not named at all is said first
        teacher = teacher_from(options)
        data = data_from(options, view)
        targets = write_soft_targets(
            teacher(data),
            data,
            options.out,
            num_views=options.views,
            encoding=encoding,
            add=options.add,
            part=part,
            batch_size=options.batch_size,
            progress=progress_for(quiet=options.quiet),
        )
    facts = facts_of(targets.folder)
    if options.json:
        print_json(facts)
    else:
        print_facts(in_words(facts))


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


def teacher_from(options: TeacherOptions) -> "Callable[[TransferSet], Teacher]":
    """Return what makes the teacher that options name for some data, an `Ensemble` where they name several.

    Files and weights are read now, before any data.
    """
    if not options.teacher:
        raise ArgumentError("a teacher must be named, got none", "--teacher module:name, or --teacher file.onnx")
    torch_teachers = [name for name in options.teacher if not name.endswith(".onnx")]
    if (options.gives != "logits" or options.output is not None) and len(torch_teachers) == len(options.teacher):
        raise ArgumentError("--gives and --output are for ONNX teachers, there is none", WRAP)
    if options.floor is not None and options.gives == "logits" and not torch_teachers:
        raise ArgumentError(f"--floor is for a teacher that gives probs, got {options.floor}", "say --gives probs")
    from limbeck.teachers import Ensemble, teacher_named

    if options.teacher_weights and len(options.teacher_weights) != len(torch_teachers):
        raise ArgumentError(
            f"teacher-weights must be one file for each of the {len(torch_teachers)} teachers that are no ONNX files, "
            f"got {len(options.teacher_weights)}"
        )
    weights = iter(options.teacher_weights)
    named = [
        teacher_named(
            name,
            None if name.endswith(".onnx") else next(weights, None),
            output=options.output,
            gives=options.gives,
            floor=options.floor,
        )
        for name in options.teacher
    ]

    def for_data(data: "TransferSet") -> "Teacher":
        teachers = [each(data.class_names, data.column_names) for each in named]
        return teachers[0] if len(teachers) == 1 else Ensemble(teachers)

    return for_data


def data_from(options: DataOptions, view: "View") -> "TransferSet":
    """Return the data that options name, seen through a view."""
    from limbeck.data import load_data

    say = progress_for(quiet=isinstance(options, Output) and options.quiet).say
    return load_data(options.source, options.split, options.columns, say=say).seen_through(view)


def encoding_from(options: EncodingOptions) -> "Encoding":
    """Return the encoding that options tell of.

    Raises:
        ArgumentError: an option of another encoding than the one that is chosen.
    """
    from limbeck.targets import Dense, Sampled, TopK

    chosen = options.encoding or "float16"
    if options.k is not None and chosen != "top_k":
        raise ArgumentError(f"--k is for top_k, the encoding is {chosen}")
    if options.samples is not None and chosen != "sampled":
        raise ArgumentError(f"--samples is for sampled, the encoding is {chosen}")
    if chosen == "top_k":
        return TopK(20 if options.k is None else options.k, options.temperatures)
    if chosen == "sampled":
        return Sampled(50 if options.samples is None else options.samples, options.temperatures)
    if options.temperatures:
        raise ArgumentError(f"{chosen} serves every temperature, got temperatures {options.temperatures}")
    return Dense(chosen)


def facts_of(folder: Path) -> dict[str, object]:
    """Return what a store holds and what it was made from."""
    from limbeck.targets.manifest import Manifest

    manifest = Manifest.load(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    written = sum(member.num_rows for member in manifest.members)
    return {
        "store": str(folder),
        "finished": manifest.finished,
        "examples": manifest.num_examples,
        "rows": manifest.num_rows,
        "rows_written": written,
        "views": manifest.num_views,
        "view": manifest.view,
        "classes": manifest.num_classes,
        "encoding": manifest.encoding,
        "data": manifest.data,
        "mean": manifest.mean,
        "bytes": size,
        "bytes_a_row": round(size / max(1, written), 1),
        "teachers": [
            {"fingerprint": member.fingerprint, "weight": member.weight, "accuracy": member.accuracy}
            for member in manifest.members
        ],
    }


def in_words(facts: Mapping[str, Any]) -> dict[str, object]:
    """Return a store's facts for people."""
    lines: dict[str, object] = {name: value for name, value in facts.items() if name != "teachers"}
    missing = facts["rows"] * len(facts["teachers"]) - facts["rows_written"]
    lines["finished"] = "yes" if facts["finished"] else f"no: {missing} rows are missing"
    for name in ("view", "encoding"):
        lines[name] = ", ".join(
            f"{field} {value}" if field != "name" else str(value)
            for field, value in facts[name].items()
            if value is not None
        )
    for number, teacher in enumerate(facts["teachers"], 1):
        right = "" if teacher["accuracy"] is None else f", right on {teacher['accuracy']:.2%} of what is written"
        lines[f"teacher {number}"] = f"{teacher['fingerprint'][:12]}, weight {teacher['weight']:g}{right}"
    return {name.replace("_", " "): value for name, value in lines.items()}
