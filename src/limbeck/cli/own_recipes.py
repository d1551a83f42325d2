"""Files of one's own: `limbeck new FILE --from RECIPE` or distill, and what `limbeck run FILE` makes of one."""

import dataclasses
import importlib.util
import inspect
import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated

import tyro

from limbeck.cli.names import known
from limbeck.cli.output import Output, print_json
from limbeck.errors import ArgumentError
from limbeck.files import write_bytes
from limbeck.recipes import RECIPES, Recipe

ENDING = """

if __name__ == "__main__":
    limbeck.cli.run_file(__file__)
"""
EXPECTED = re.compile(r"\s*Expected figures, time and machine: results/\S+\.json, shown by\s+`limbeck list`\.")
DISTILL, BEGINNING = "distill", Path(__file__).with_name("beginning.py")
HOW = "limbeck new FILE --from RECIPE makes one that runs as it is"


@dataclass(frozen=True)
class NewOptions(Output):
    """Which file, and what it begins as."""

    file: tyro.conf.Positional[Path] = dataclasses.field(kw_only=True)
    """The file to write."""
    from_: Annotated[str, tyro.conf.arg(name="from")] = dataclasses.field(kw_only=True)
    """The recipe that is copied; or distill, for a teacher and a student of your own."""


def new(arguments: list[str]) -> None:
    """`limbeck new FILE --from RECIPE`."""
    what = (
        "Copy a recipe's file to change it; it runs as it is: limbeck run FILE, or python FILE. Or begin a module with "
        "a teacher and a student of your own, for limbeck distill: --from distill."
    )
    options = tyro.cli(NewOptions, args=arguments, prog="limbeck new", description=what)
    names = [recipe.name for recipe in RECIPES]
    known("recipe", options.from_, [*names, DISTILL])
    file = options.file
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise ArgumentError(f"a recipe's file must be called as a module is, NAME.py, got {file}")
    if os.path.lexists(file):
        raise ArgumentError(f"{file} is there already", "name another file")
    check_name(file)
    if options.from_ == DISTILL:
        text = BEGINNING.read_text("utf-8").replace(f"{BEGINNING.stem}:", f"{file.stem}:")
        run = f"limbeck distill --teacher {file.stem}:teacher --student {file.stem}:student --data digits"
        if file.parent.resolve() != Path.cwd():  # modules are looked for where one stands
            run = f"cd {shlex.quote(str(file.parent))} && {run}"
    else:
        text, run = copied(RECIPES[names.index(options.from_)], file), f"limbeck run {file} --smoke"
    write_bytes(file, text.encode())
    if options.json:
        print_json({"file": str(file), "run": run})
    else:
        print(f"{file} runs as it is: {run}")


def check_name(file: Path) -> None:
    """Raise ArgumentError where another module has the name of a recipe's file: who imports that would get the file."""
    there = sys.modules.get(file.stem)
    spec = importlib.util.find_spec(file.stem) if there is None else getattr(there, "__spec__", None)
    origin = getattr(there, "__file__", None) or getattr(spec, "origin", None)
    built_in = file.stem in sys.stdlib_module_names
    if built_in or (origin is not None and Path(origin).resolve() != file.resolve()):
        raise ArgumentError(
            f"a recipe's file must not be called as another module is, {file.stem!r} can be imported already",
            f"call it otherwise: my_{file.stem}.py",
        )


def copied(recipe: Recipe, file: Path) -> str:
    """Return a recipe's file under another name: its commands name that file, and it tells no figures of record."""
    source = inspect.getsource(sys.modules[recipe.main.__module__])
    doc, rest = source.split('"""\n', 1)
    doc = EXPECTED.sub("", doc).replace(f"limbeck run {recipe.name} ", f"limbeck run {file.name} ")
    return f'{doc.rstrip()}\n"""\n{rest.rstrip()}\n{ENDING}'


def recipe_in(path: Path) -> Recipe:
    """Return the recipe in a file: a function `main(config, run)` whose config is a frozen dataclass.

    Raises:
        ArgumentError: there is no such file, it can't be imported, or is not of that form.
    """
    main = getattr(_module(path), "main", None)
    if not inspect.isfunction(main):
        raise ArgumentError(f"{path} must have a function main(config, run), it has none", HOW)
    parameters = list(inspect.signature(main).parameters.values())
    config = parameters[0].annotation if len(parameters) == 2 else None
    if isinstance(config, str):
        config = main.__globals__.get(config)
    frozen = getattr(getattr(config, "__dataclass_params__", None), "frozen", False)
    if not isinstance(config, type) or not frozen:
        raise ArgumentError(f"main(config, run) in {path} must say that its config is a frozen dataclass", HOW)
    bare = [each.name for each in dataclasses.fields(config) if each.init and _has_no_default(each)]
    if bare:
        raise ArgumentError(f"{config.__name__} in {path} must have a default for each field, {bare[0]} has none", HOW)
    return Recipe(path.stem, config, main, main.__globals__.get("__doc__") or path.stem)


def _has_no_default(field: "dataclasses.Field[object]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _module(path: Path) -> ModuleType:
    """Return a file as a module, imported under its stem."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ArgumentError(f"a recipe's file must be there, {path} is not", HOW)
    check_name(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # what lies beside it can be imported
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the file does when it is run
        del sys.modules[path.stem]
        raise ArgumentError(f"{path} can't be imported: {type(error).__name__}: {error}") from error
    return module
