"""The command line: `limbeck VERB`. Stdout is data, stderr is progress and errors.

Errors of ours and bad arguments end with one message and exit code 2; a traceback, and exit code 1, is our bug.
"""

import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from limbeck import __version__
from limbeck.cli import comparing, distilling, own_recipes, recipes, shipping, softening, stores, transcribing
from limbeck.cli.names import known, once
from limbeck.errors import LimbeckError

HELP = """limbeck: what a cumbersome model knows, in one small network

  limbeck list            the recipes, what they reproduce and what to expect
  limbeck distill         your own teacher and data to a small student, with the evidence
  limbeck run RECIPE      take a recipe's road: teach, soften, distill, judge, ship, report
  limbeck new FILE        a recipe's file to change, with --from RECIPE; limbeck run FILE runs it; --from distill
                          begins a module with a teacher and a student of your own
  limbeck report RUN      draw a run's page again
  limbeck record RUN      write a finished run's figures to results/, as `limbeck run RECIPE --record` does
  limbeck compare RUN RUN whether the students of finished runs differ: a table, a page
  limbeck export RUN      a run's student as an ONNX file, checked again
  limbeck bench RUN       what a run's models cost, measured again
  limbeck transcribe RUN  words, times and confidence of audio files, from a run's student
  limbeck soften          run a teacher once over a data set and keep what it says
  limbeck targets VERB    what is kept: info, verify, export, import, fuse

  limbeck VERB --help     a verb's options; `limbeck run RECIPE --help` shows a recipe's fields
  limbeck --version

Every verb has --json (one JSON value on stdout) and --quiet (no progress).
"""
TARGETS_HELP = """usage: limbeck targets VERB [options]

  info STORE              what a store holds and what it was made from
  verify STORE            every file against its checksum; with --recompute N against the teacher
  export STORE            as one Parquet table
  import FILE             a store from an exported table, or from a teacher's outputs made elsewhere
  fuse STORE              the mean of a store's teachers as a store of its own

`limbeck targets VERB --help` shows a verb's options.
"""
VERBS: dict[str, Callable[[list[str]], None]] = {
    "distill": distilling.distill,
    "list": recipes.list_recipes,
    "run": recipes.run,
    "new": own_recipes.new,
    "report": recipes.report,
    "record": recipes.record_run,
    "compare": comparing.compare,
    "export": shipping.export,
    "bench": shipping.bench,
    "transcribe": transcribing.transcribe,
    "soften": softening.soften,
    "targets": lambda arguments: _choose("targets command", arguments, STORE_VERBS, TARGETS_HELP),
}
STORE_VERBS: dict[str, Callable[[list[str]], None]] = {
    "info": stores.info,
    "verify": stores.verify,
    "export": stores.export,
    "import": stores.import_,
    "fuse": stores.fuse,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a ± that the locale lacks must not end a run
    try:
        if arguments[:1] == ["--version"]:
            print(f"limbeck {__version__}")
        else:
            _choose("command", arguments, VERBS, HELP)
    except LimbeckError as error:
        return _fail(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: leave without a complaint
    except OSError as error:
        return _fail(LimbeckError(f"the system refused {error.filename or 'a file'}: {error.strerror or error}"))
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def run_file(path: str) -> None:
    """Run a recipe's file as `limbeck run FILE` does, with this process's arguments: the last line of such a file."""
    sys.exit(main(["run", os.path.relpath(path), *sys.argv[1:]]))


def _fail(error: LimbeckError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2


def _choose(kind: str, arguments: list[str], verbs: Mapping[str, Callable[[list[str]], None]], text: str) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(text, end="")
        return
    known(kind, arguments[0], list(verbs))
    once(arguments)
    verbs[arguments[0]](arguments[1:])
