"""A teacher or a student by its name on a command line: a module's attribute, or an ONNX file."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from torch import nn

from limbeck.errors import ArgumentError
from limbeck.teachers.copies import copy_of
from limbeck.teachers.estimators import from_sklearn
from limbeck.teachers.fingerprints import teacher_fingerprint
from limbeck.teachers.judging import Teacher, check_weights_are_there
from limbeck.teachers.onnx_files import from_onnx
from limbeck.teachers.probabilities import PROBABILITY_FLOOR, Gives
from limbeck.teachers.seeding import check_maker

HOW = "name it as module:name, for something that `import module` finds from here; or a teacher as file.onnx"


ForData = Callable[[Sequence[str], Sequence[str]], Teacher]
"""From the names of a data set's classes and columns to the teacher, which may be called by these."""


def load_teacher(
    name: str,
    weights: Path | None = None,
    *,
    output: str | None = None,
    gives: Gives = "logits",
    floor: float | None = None,
    classes: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Teacher:
    """Return the teacher that `module:name` or `file.onnx` names.

    A `torch.nn.Module`, a fitted scikit-learn estimator or what `limbeck.teachers` makes is the teacher itself; any
    other callable is called without arguments to make one: twice where no weights are given, to see that it makes the
    same one. Modules are looked for in the current folder too. A net goes to the GPU where there is one.

    Args:
        name: module:name, or an ONNX file.
        weights: safetensors for a net.
        output: which output of an ONNX file.
        gives: what an ONNX file returns.
        floor: smallest probability told apart, for an ONNX file that gives probs and for an estimator; 1e-7 by default.
        classes: what an estimator's labels are called, in their order, where they are not 0, 1, ...
        columns: names of the columns that an estimator will be given.

    Raises:
        ArgumentError: there is no such thing, it is no teacher, it is another one each time it is made, or its weights
            are of another net.
    """
    return teacher_named(name, weights, output=output, gives=gives, floor=floor)(classes, columns)


def teacher_named(
    name: str,
    weights: Path | None = None,
    *,
    output: str | None = None,
    gives: Gives = "logits",
    floor: float | None = None,
) -> ForData:
    """Return what makes `load_teacher`'s teacher for a data set; what is wrong without one is found now.

    Files and weights are read now. What makes a teacher without weights, by a fit perhaps, is called for the data.

    Raises:
        ArgumentError: as `load_teacher`.
    """
    if name.endswith(".onnx"):
        asked = from_onnx(name, output=output, gives=gives, floor=PROBABILITY_FLOOR if floor is None else floor)
        return lambda _classes, _columns: asked
    found = _found(name)
    weighted = None if weights is None else _weighted(found, weights, name)

    def for_data(classes: Sequence[str], columns: Sequence[str]) -> Teacher:
        def make() -> Teacher:
            return _teacher_of(_made(found, name), floor, classes, columns, name)

        if weighted is not None:
            return _at_hand(_teacher_of(weighted, floor, classes, columns, name))
        teacher = _at_hand(make())
        if not _is_there(found) and teacher_fingerprint(teacher) != teacher_fingerprint(make()):
            raise ArgumentError(
                f"{name} must make the same teacher each time, two that it made differ: they start at random",
                "--teacher-weights FILE gives a net what it has learned, or the function loads it itself; an estimator "
                "is fitted with a random_state",
            )
        return teacher

    return for_data


def _at_hand(teacher: Teacher) -> Teacher:
    """Return a teacher, a net on the GPU where there is one."""
    if isinstance(teacher, nn.Module):
        import torch

        check_weights_are_there(teacher)
        return teacher.to("cuda" if torch.cuda.is_available() else "cpu")
    return teacher


def load_student(name: str) -> Callable[[], nn.Module]:
    """Return what makes the untrained net that `module:callable` names, anew each time.

    A net that is there already is copied: each starts from its weights.

    Raises:
        ArgumentError: there is no such thing, or it makes no net, or none that is new and starts as its seed says.
    """
    found = _found(name)

    def make() -> nn.Module:
        net = copy_of(found) if isinstance(found, nn.Module) else _called(found, name)
        if not isinstance(net, nn.Module):
            raise ArgumentError(f"a student must be a torch.nn.Module, {name} makes a {type(net).__name__}")
        return net

    check_maker(make, name)
    return make


def _found(name: str) -> object:
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise ArgumentError(f"teacher and student must be named as module:name, got {name!r}", HOW)
    if os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path holds text
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever the module does when it is run
        what = f"{type(error).__name__}: {error}"
        raise ArgumentError(f"the module of {name!r} can't be imported: {what}", HOW) from error
    if not hasattr(module, attribute):
        raise ArgumentError(f"the module {module_name} must have {attribute!r}, it has no such name", HOW)
    return getattr(module, attribute)


def _made(found: object, name: str) -> object:
    return found if _is_there(found) else _called(found, name)


def _is_there(found: object) -> bool:
    """Return whether what was found is a teacher already, not something that makes one."""
    return _is_teacher(found) or _is_estimator(found)


def _teacher_of(
    made: object, floor: float | None, classes: Sequence[str], columns: Sequence[str], name: str
) -> Teacher:
    """Return what was made as a teacher, an estimator by `from_sklearn`."""
    if _is_estimator(made):
        lowest = PROBABILITY_FLOOR if floor is None else floor
        return from_sklearn(made, floor=lowest, classes=classes, columns=columns)
    if floor is not None:
        raise ArgumentError(f"a floor is for teachers that give probabilities, {name} is a {type(made).__name__}")
    if not _is_teacher(made) or not callable(made):
        raise ArgumentError(
            f"{name} must be or make a net, a fitted estimator or a teacher with a fingerprint, "
            f"got {type(made).__name__}",
            "wrap a function with limbeck.teachers.from_function",
        )
    return cast(Teacher, made)


def _is_teacher(value: object) -> bool:
    return isinstance(value, nn.Module) or isinstance(getattr(value, "fingerprint", None), str)


def _is_estimator(value: object) -> bool:
    known = hasattr(value, "predict_proba") or hasattr(value, "get_params")  # scikit-learn's, with probabilities or not
    return known and not isinstance(value, type | nn.Module)


def _called(found: object, name: str) -> object:
    if not callable(found):
        raise ArgumentError(f"{name} must be a net, a teacher or a function that makes one, got {type(found).__name__}")
    try:
        return found()
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        raise ArgumentError(f"{name} must make a net or a teacher when called without arguments: {what}") from error


def _weighted(found: object, path: Path, name: str) -> nn.Module:
    """Return a net with the weights of a file.

    Raises:
        ArgumentError: it is no net, or this is no file of its weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ArgumentError(f"weights must be a safetensors file, there is none at {path}", "look at the path")
    net = copy_of(found) if _is_there(found) else _made(found, name)  # named twice, it may have others each time
    if not isinstance(net, nn.Module):
        raise ArgumentError(f"weights are for nets, {name} is a {type(net).__name__}")
    check_weights_are_there(net)
    try:
        net.load_state_dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise ArgumentError(f"{path} must be a safetensors file: {error}", "pickles are never read") from error
    except RuntimeError as error:
        raise ArgumentError(f"{path} must hold the weights of {name}: {' '.join(str(error).split())}") from error
    return net
