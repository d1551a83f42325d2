"""The verbs about recipes: list, run, report."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from limbeck.cli.names import known
from limbeck.cli.output import Output, print_json, print_table
from limbeck.cli.tracking import TrackerOptions, tracking
from limbeck.controls import Control
from limbeck.errors import ArgumentError
from limbeck.files import file_sha256
from limbeck.progress import progress_for
from limbeck.recipes import RECIPES, Recipe
from limbeck.results import check_recordable, expected, record
from limbeck.run_json import read_run
from limbeck.runs import Run, default_cache, default_folder

if TYPE_CHECKING:
    from limbeck.conclusion import Result

MOST_SEEDS = 1000


@dataclass(frozen=True)
class RoadOptions(Output, TrackerOptions):
    """What every run is asked for."""

    out: Path | None = None
    """The run's folder; runs/NAME-HASH by default. The same command goes on with it."""
    seeds: int = 1
    """How many paired seeds; they are numbered 0, 1, ..."""
    controls: tuple[Control, ...] = ()
    """Students on targets without the teacher's knowledge, trained beside its own: labels smoothed to its entropy,
    its numbers with the wrong classes permuted, an untrained net's."""
    ship: bool = True
    """Write ONNX files of student and teacher, check and measure them; in smoke runs only where it is asked for."""


@dataclass(frozen=True)
class RunOptions(RoadOptions):
    """Where a recipe's run reads and writes."""

    data: Path | None = None
    """Folder with the data; LIMBECK_DATA by default. Without either, data comes from its public origin where that can
    be read: clinc150, an4 and fsdd have to be on this machine."""
    cache: Path | None = None
    """Where nets that several recipes share are kept; LIMBECK_CACHE, or else ~/.cache/limbeck, by default."""
    record: bool = False
    """Write the figures to results/RECIPE.json, below the working folder."""
    smoke: bool = False
    """The whole road in seconds, with figures that mean nothing."""


@dataclasses.dataclass(frozen=True)
class RecordOptions(Output):
    """Which finished run's figures to write to results/RECIPE.json, below the working folder."""

    run: tyro.conf.Positional[Path] = dataclasses.field(kw_only=True)
    """The run's folder, perhaps from the machine where it ran."""


@dataclasses.dataclass(frozen=True)
class ReportOptions(Output):
    """Which run's page to draw."""

    run: tyro.conf.Positional[Path] = dataclasses.field(kw_only=True)
    """The run's folder."""


def list_recipes(arguments: list[str]) -> None:
    """`limbeck list`."""
    options = tyro.cli(Output, args=arguments, prog="limbeck list", description="The recipes.")
    told = [{"recipe": recipe.name, "what": recipe.summary, "expected": expected(recipe.name)} for recipe in RECIPES]
    if options.json:
        print_json(told)
        return
    width = _name_width()
    for entry in told:
        print(f"{entry['recipe']:<{width}}{entry['what']}")
        for line in entry["expected"]:
            print(f"{'':<{width}}{line}")


def run(arguments: list[str]) -> None:
    """`limbeck run RECIPE`."""
    names = [recipe.name for recipe in RECIPES]
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: limbeck run RECIPE [options]\n")
        for recipe in RECIPES:
            print(f"  {recipe.name:<{_name_width()}}{recipe.summary}")
        print("\n`limbeck run RECIPE --help` shows a recipe's fields; each is an option.")
        print("RECIPE may be a file of your own: `limbeck new FILE --from RECIPE` makes one.")
        return
    code = None
    if arguments[0].endswith(".py"):
        from limbeck.cli.own_recipes import recipe_in

        recipe, code = recipe_in(Path(arguments[0])), file_sha256(Path(arguments[0]))
    else:
        known("recipe", arguments[0], names)
        recipe = RECIPES[names.index(arguments[0])]
    options, config = _parse(recipe, arguments[1:])
    own = Run(
        recipe=recipe.name,
        config=config,
        folder=options.out or default_folder(recipe.name, config, code),
        num_seeds=options.seeds,
        data=options.data,
        progress=progress_for(quiet=options.quiet),
        command=shlex.join(["limbeck", "run", *arguments]),
        cache=options.cache or default_cache(),
        controls=tuple(dict.fromkeys(options.controls)),
        smoke=options.smoke,
        ship=options.ship,
        code=code,
    )
    check_seeds(own.num_seeds)
    if options.record:
        check_recordable(arguments[0], own.num_seeds, smoke=options.smoke, own=code is not None)
    with own.held(), tracking(options, own):
        result = recipe.main(config, own)
        if options.record:
            record(own.folder, names)
        tell(own, result, options)


def check_seeds(count: int) -> None:
    """Raise ArgumentError unless so many seeds can be asked for."""
    if not 1 <= count <= MOST_SEEDS:
        raise ArgumentError(f"seeds must lie in 1..{MOST_SEEDS}, got {count}")


def _name_width() -> int:
    return max(len(recipe.name) for recipe in RECIPES) + 2


def _parse(recipe: Recipe, arguments: list[str]) -> tuple[RunOptions, Any]:
    """Return the run's options and the recipe's configuration; each field of both is an option."""
    if "--smoke" in arguments and not hasattr(recipe.config, "smoke"):
        raise ArgumentError(f"--smoke needs {recipe.config.__name__}.smoke(), there is none")
    default = recipe.config().smoke() if "--smoke" in arguments else recipe.config()
    flat = tyro.conf.arg(name="")
    options = RunOptions(ship="--smoke" not in arguments)
    both = dataclasses.make_dataclass(
        recipe.name,
        [("options", Annotated[RunOptions, flat], options), ("config", Annotated[recipe.config, flat], default)],
        frozen=True,
    )
    parsed: Any = tyro.cli(both, args=arguments, prog=f"limbeck run {recipe.name}", description=recipe.doc)
    return parsed.options, parsed.config


def tell(run: Run, result: "Result", options: Output) -> None:
    """Print what a run came to."""
    names = ("student.onnx", "student.safetensors") if run.ship else ("student.safetensors",)
    student = next((path for path in (run.folder / name for name in names) if path.exists()), None)
    if options.json:
        told = {"recipe": run.recipe, "folder": str(run.folder), "report": str(result.report)}
        told |= {} if student is None else {"student": str(student)}
        print_json({**told, "findings": result.findings, "rows": result.rows})
        return
    print_table(result.table)
    kept = [] if student is None else [f"student: {student}"]
    print("", *result.findings, *kept, f"report: {result.report}", sep="\n")


def record_run(arguments: list[str]) -> None:
    """`limbeck record RUN`."""
    options = tyro.cli(RecordOptions, args=arguments, prog="limbeck record", description="Record a run's figures.")
    path = record(options.run, [recipe.name for recipe in RECIPES])
    if options.json:
        print_json({"results": str(path)})
    else:
        print(path)


def report(arguments: list[str]) -> None:
    """`limbeck report RUN`."""
    options = tyro.cli(ReportOptions, args=arguments, prog="limbeck report", description="Draw a run's page again.")
    read_run(options.run)
    from limbeck.conclusion import draw

    page = draw(options.run)
    if options.json:
        print_json({"report": str(page)})
    else:
        print(page)
