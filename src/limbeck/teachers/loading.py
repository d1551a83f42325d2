"""A teacher by its name on a command line: a module's attribute, or an ONNX file."""

import copy
import importlib
import os
import sys
from pathlib import Path
from typing import cast

from torch import nn

from limbeck.errors import ArgumentError
from limbeck.teachers.judging import Teacher
from limbeck.teachers.onnx_files import from_onnx
from limbeck.teachers.probabilities import PROBABILITY_FLOOR, Gives

HOW = "name it as module:name, for something that `import module` finds from here"


def load_teacher(
    name: str,
    weights: Path | None = None,
    *,
    output: str | None = None,
    gives: Gives = "logits",
    floor: float = PROBABILITY_FLOOR,
) -> Teacher:
    """Return the teacher that `module:name` or `file.onnx` names.

    A `torch.nn.Module` or what `limbeck.teachers` makes is the teacher itself; any other callable is called without
    arguments to make one. Modules are looked for in the current folder too. A net goes to the GPU where there is one.

    Args:
        name: module:name, or an ONNX file.
        weights: safetensors for a net.
        output: which output of an ONNX file.
        gives: what an ONNX file returns.
        floor: smallest probability told apart, for an ONNX file that gives probs.

    Raises:
        ArgumentError: there is no such thing, it is no teacher, or its weights are of another net.
    """
    if name.endswith(".onnx"):
        return from_onnx(name, output=output, gives=gives, floor=floor)
    teacher = _made(_found(name), name)
    if weights is not None:
        teacher = copy.deepcopy(teacher)  # named twice, it may have other weights each time
        _load_weights(teacher, weights, name)
    if isinstance(teacher, nn.Module):
        import torch

        return teacher.to("cuda" if torch.cuda.is_available() else "cpu")
    return teacher


def _found(name: str) -> object:
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise ArgumentError(f"a teacher must be module:name or an ONNX file, got {name!r}", HOW)
    if os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path holds text
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever the module does when it is run
        what = f"{type(error).__name__}: {error}"
        raise ArgumentError(f"the module of teacher {name!r} can't be imported: {what}", HOW) from error
    if not hasattr(module, attribute):
        raise ArgumentError(f"the module {module_name} must have the teacher {attribute!r}, it has none", HOW)
    return getattr(module, attribute)


def _made(found: object, name: str) -> Teacher:
    made = found if _is_teacher(found) else _called(found, name)
    if not _is_teacher(made) or not callable(made):
        raise ArgumentError(
            f"{name} must be or make a net or a teacher with a fingerprint, got {type(made).__name__}",
            "wrap a function with limbeck.teachers.from_function, an estimator with from_sklearn",
        )
    return cast(Teacher, made)


def _is_teacher(value: object) -> bool:
    return isinstance(value, nn.Module) or isinstance(getattr(value, "fingerprint", None), str)


def _called(found: object, name: str) -> object:
    if not callable(found):
        raise ArgumentError(f"{name} must be a teacher or a function that makes one, got {type(found).__name__}")
    try:
        return found()
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        raise ArgumentError(f"{name} must make a teacher when called without arguments: {what}") from error


def _load_weights(teacher: Teacher, path: Path, name: str) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not isinstance(teacher, nn.Module):
        raise ArgumentError(f"weights are for nets, {name} is a {type(teacher).__name__}")
    try:
        teacher.load_state_dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise ArgumentError(f"{path} must be a safetensors file: {error}", "pickles are never read") from error
    except RuntimeError as error:
        raise ArgumentError(f"{path} must hold the weights of {name}: {' '.join(str(error).split())}") from error
