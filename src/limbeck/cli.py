"""The command line: `limbeck VERB`. Stdout is data, stderr is progress and errors.

Errors of ours and bad arguments end with one message and exit code 2; a traceback, and exit code 1, is our bug.
"""

import dataclasses
import difflib
import io
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from limbeck import __version__
from limbeck.errors import ArgumentError, LimbeckError
from limbeck.progress import progress_for
from limbeck.recipes import RECIPES, Recipe
from limbeck.results import expected, record
from limbeck.runs import Run, default_folder, read_run

if TYPE_CHECKING:
    from limbeck.road import Result

MOST_SEEDS = 1000
HELP = """limbeck: what a cumbersome model knows, in one small network

  limbeck list            the recipes, what they reproduce and what to expect
  limbeck run RECIPE      take a recipe's road: teach, soften, distill, judge, report
  limbeck report RUN      draw a run's page again

  limbeck VERB --help     a verb's options; `limbeck run RECIPE --help` shows a recipe's fields
  limbeck --version

Every verb has --json (one JSON value on stdout) and --quiet (no progress).
"""


@dataclass(frozen=True)
class Output:
    """How a verb speaks."""

    json: bool = False
    """Print one JSON value on stdout."""
    quiet: bool = False
    """Show no progress."""


@dataclass(frozen=True)
class RunOptions(Output):
    """Where a run reads and writes."""

    out: Path | None = None
    """The run's folder; runs/RECIPE-HASH by default. The same command goes on with it."""
    data: Path | None = None
    """Folder with the data; LIMBECK_DATA, or else the public origin, by default."""
    seeds: int | None = None
    """How many paired seeds, 0, 1, ...; each recipe has its own default."""
    record: bool = False
    """Write the figures to results/RECIPE.json."""
    smoke: bool = False
    """The whole road in seconds, with figures that mean nothing."""


@dataclass(frozen=True)
class ReportOptions(Output):
    """Which run's page to draw."""

    run: tyro.conf.Positional[Path] = dataclasses.field(kw_only=True)
    """The run's folder."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a ± that the locale lacks must not end a run
    try:
        return _dispatch(arguments)
    except LimbeckError as error:
        return _fail(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: leave without a complaint
        return 0
    except OSError as error:
        return _fail(LimbeckError(f"the system refused {error.filename or 'a file'}: {error.strerror or error}"))
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130


def _fail(error: LimbeckError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    if arguments[0] == "--version":
        print(f"limbeck {__version__}")
        return 0
    verbs: dict[str, Callable[[list[str]], None]] = {"list": _list, "run": _run, "report": _report}
    _known("command", arguments[0], list(verbs))
    verbs[arguments[0]](arguments[1:])
    return 0


def _known(kind: str, name: str, names: list[str]) -> None:
    """Raise ArgumentError, with the nearest name, unless a name is one of those there are."""
    if name in names:
        return
    near = difflib.get_close_matches(name, names, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
    raise ArgumentError(f"{kind} must be one of {', '.join(names)}, got {name!r}", hint)


def _list(arguments: list[str]) -> None:
    options = tyro.cli(Output, args=arguments, prog="limbeck list", description="The recipes.")
    told = [{"recipe": recipe.name, "what": recipe.summary, "expected": expected(recipe.name)} for recipe in RECIPES]
    if options.json:
        _print_json(told)
        return
    for entry in told:
        print(f"{entry['recipe']:<10}{entry['what']}")
        for line in entry["expected"]:
            print(f"{'':<10}{line}")


def _run(arguments: list[str]) -> None:
    names = [recipe.name for recipe in RECIPES]
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: limbeck run RECIPE [options]\n")
        for recipe in RECIPES:
            print(f"  {recipe.name:<10}{recipe.summary}")
        print("\n`limbeck run RECIPE --help` shows a recipe's fields; each is an option.")
        return
    _known("recipe", arguments[0], names)
    recipe = RECIPES[names.index(arguments[0])]
    options, config = _parse(recipe, arguments[1:])
    run = Run(
        recipe=recipe.name,
        config=config,
        folder=options.out or default_folder(recipe.name, config),
        num_seeds=recipe.default_seeds if options.seeds is None else options.seeds,
        data=options.data,
        progress=progress_for(quiet=options.quiet),
        command=shlex.join(["limbeck", "run", *arguments]),
    )
    if not 1 <= run.num_seeds <= MOST_SEEDS:
        raise ArgumentError(f"seeds must lie in 1..{MOST_SEEDS}, got {run.num_seeds}")
    if options.record and options.smoke:
        raise ArgumentError("a smoke run can't be recorded: its figures mean nothing")
    with run.held():
        result = recipe.main(config, run)
        if options.record:
            record(run, result.rows, result.findings)
    _tell(run, result, options)


def _parse(recipe: Recipe, arguments: list[str]) -> tuple[RunOptions, Any]:
    """Return the run's options and the recipe's configuration; each field of both is an option."""
    default = recipe.config().smoke() if "--smoke" in arguments else recipe.config()
    flat = tyro.conf.arg(name="")
    both = dataclasses.make_dataclass(
        recipe.name,
        [("options", Annotated[RunOptions, flat], RunOptions()), ("config", Annotated[recipe.config, flat], default)],
        frozen=True,
    )
    parsed: Any = tyro.cli(both, args=arguments, prog=f"limbeck run {recipe.name}", description=recipe.doc)
    return parsed.options, parsed.config


def _tell(run: Run, result: "Result", options: RunOptions) -> None:
    if options.json:
        told = {"recipe": run.recipe, "folder": str(run.folder), "report": str(result.report)}
        _print_json({**told, "findings": result.findings, "rows": result.rows})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(result.table[0]):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    for line in result.table:
        table.add_row(*line.values())
    Console(highlight=False, width=Console(width=1000).measure(table).maximum).print(table)  # whole, in a log too
    print("", *result.findings, f"report: {result.report}", sep="\n")


def _report(arguments: list[str]) -> None:
    options = tyro.cli(ReportOptions, args=arguments, prog="limbeck report", description="Draw a run's page again.")
    read_run(options.run)
    from limbeck.road import draw

    page = draw(options.run)
    if options.json:
        _print_json({"report": str(page)})
    else:
        print(page)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False))
