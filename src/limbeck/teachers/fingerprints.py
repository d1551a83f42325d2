"""What binds a store to its teacher."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.files import fingerprint, sha256
from limbeck.teachers.judging import Teacher

EXTERNAL = re.compile(rb"\n\x08location\x12([\x80-\xff]?[\x00-\x7f])", re.DOTALL)
"""How a protobuf tensor names the file of its weights: the key, the mark of the value, the value's length."""

TELL_ALL = (nn.Linear, nn.ReLU, nn.Flatten, nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.Sequential, nn.ModuleList)
"""Modules whose `repr` tells all that their answers hang on."""
TOLD_BY_REPR = (bool, int, float, complex, str, bytes, range, slice, np.generic, torch.dtype, torch.Size)


def teacher_fingerprint(teacher: Teacher) -> str:
    """Return what binds a store to its teacher: a net's SHA-256 over weights and layers, or its own `fingerprint`.

    What a net holds beside its weights counts as `described` tells it. What is not seen there: make it a buffer, or
    give the net a `fingerprint`. What changes as it is asked and makes no difference: begin its name with _.

    Raises:
        ArgumentError: the teacher is neither a net nor says what it is.
    """
    told = getattr(teacher, "fingerprint", None)
    if isinstance(told, str):
        return told
    if isinstance(teacher, nn.Module):
        return fingerprint({"layers": described(teacher), "weights": weights_fingerprint(teacher)})
    raise ArgumentError(
        f"a teacher that is no torch.nn.Module must have a `fingerprint`, {teacher!r} has none",
        "wrap it: limbeck.teachers.from_function(ask, 'name and version'); so a store of another teacher is recognised",
    )


def described(net: nn.Module) -> str:
    """Return a net's `repr`, and after it what this leaves out: the public attributes of its modules.

    Told are numbers, texts, types, collections and dataclasses of them, and functions, by name and code: so a net that
    holds functions of its own is another one under another minor version of Python. Names that begin with _, arrays,
    open files and other objects are not seen.
    """
    beside = []
    for name, module in net.named_modules():
        if type(module) in TELL_ALL:
            continue
        shown = module.extra_repr().split(", ")
        for key, value in sorted(vars(module).items()):
            told = None if key.startswith("_") or key == "training" else _told(value)
            if told is not None and f"{key}={value}" not in shown:
                beside.append(f"{name}.{key}={told}")
        code = getattr(module, "code", None)  # of traced and scripted modules
        beside += [f"{name}.code={code}"] if isinstance(code, str) else []
    return "\n".join([repr(net), *beside])


def forwards(net: nn.Module) -> str:
    """Return the code of the `forward` of each module that is neither torch's nor this library's."""
    kinds = {type(module) for module in net.modules()}
    own = [kind for kind in kinds if not kind.__module__.startswith(("torch.", "limbeck."))]
    return str(sorted(f"{kind.__module__}.{kind.__qualname__} {_told(kind.forward)}" for kind in own))


def _told(value: object, inside: tuple[int, ...] = ()) -> str | None:
    """Return a value in words that are the same in every process, None where it is not of a kind that can be told.

    `inside` are the ids of the values that it is part of: one that holds itself is told once.
    """
    if id(value) in inside:
        return "itself"
    inside = (*inside, id(value))
    if isinstance(value, set | frozenset):
        return str(sorted(str(_told(each, inside)) for each in value))
    parts = _parts(value)
    if parts is not None:
        return str([_told(each, inside) for each in parts])
    if isinstance(value, Enum):
        return str(value)
    if value is None or isinstance(value, TOLD_BY_REPR):
        return repr(value)
    return getattr(value, "__qualname__", None)


def _parts(value: object) -> Sequence[object] | None:
    """Return what a collection, a dataclass or a function consists of, None for other values."""
    if isinstance(value, partial | MethodType | FunctionType | CodeType):
        return _parts_of_function(value)
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__qualname__, *((field.name, getattr(value, field.name)) for field in fields(value))]
    if isinstance(value, Mapping):
        return [part for pair in value.items() for part in pair]
    return value if isinstance(value, list | tuple) else None


def _parts_of_function(value: partial[Any] | MethodType | FunctionType | CodeType) -> Sequence[object]:
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, MethodType):
        return [value.__func__]
    if isinstance(value, CodeType):
        return [value.co_code.hex(), value.co_names, value.co_consts]
    around = [cell.cell_contents for cell in value.__closure__ or () if cell != CellType()]  # an empty one is no value
    return [value.__qualname__, value.__code__, value.__defaults__, value.__kwdefaults__, around]


def weights_fingerprint(net: nn.Module) -> str:
    """Return the SHA-256 over a net's parameters and buffers: names, types, shapes and values."""
    return tensors_fingerprint(net.state_dict())


def tensors_fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over named tensors, in whatever order: names, types, shapes and values."""
    parts: list[bytes | memoryview] = []
    for name, tensor in sorted(tensors.items()):
        flat = tensor.detach().cpu().contiguous()
        parts.append(f"{name} {flat.dtype} {tuple(flat.shape)};".encode())
        parts.append(flat.reshape(-1).view(torch.uint8).numpy().data)
    return sha256(*parts)


def onnx_fingerprint(path: Path) -> str:
    """Return the SHA-256 over an ONNX file and each file in which it keeps weights, in the order of their names."""
    model = path.read_bytes()
    parts = [sha256(model)]
    for name in sorted({_text_after(model, found) for found in EXTERNAL.finditer(model)}):
        beside = path.parent / name
        if beside.is_file():
            with beside.open("rb") as file:
                parts.append(hashlib.file_digest(file, "sha256").hexdigest())
    return fingerprint({"files": parts})


def _text_after(model: bytes, found: re.Match[bytes]) -> str:
    """Return the text of a protobuf entry whose length has been found."""
    length = sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(found[1]))
    return model[found.end() : found.end() + length].decode(errors="replace")
