"""What binds a store to its teacher."""

import hashlib
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType

import torch
from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.files import fingerprint, sha256
from limbeck.teachers.judging import Teacher

EXTERNAL = re.compile(rb"\n\x08location\x12([\x80-\xff]?[\x00-\x7f])", re.DOTALL)
"""How a protobuf tensor names the file of its weights: the key, the mark of the value, the value's length."""


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
    """Return a net's `repr`, and after it what this leaves out: its modules' attributes and their `forward`.

    Attributes are told that are numbers, texts, collections of them, or functions (by name and code), unless their
    names begin with _; arrays, open files and other objects are not seen. torch's own leaves say all in their `repr`,
    this library's modules are told by their version's rules.
    """
    beside = []
    for name, module in net.named_modules():
        home = type(module).__module__
        if home.startswith("torch.nn.") and not list(module.children()):
            continue
        shown = module.extra_repr()
        for key, value in sorted(vars(module).items()):
            told = None if key.startswith("_") or key == "training" else _told(value)
            if told is not None and f"{key}={value}" not in shown:
                beside.append(f"{name}.{key}={told}")
        if not home.startswith(("torch.", "limbeck.")):
            beside.append(f"{name}.forward={_told(type(module).forward)}")
    return "\n".join([repr(net), *beside])


def _told(value: object) -> str | None:
    """Return a value in words that are the same in every process, None where it is not of a kind that can be told."""
    if isinstance(value, set | frozenset):
        return str(sorted(str(_told(each)) for each in value))
    if isinstance(value, partial):
        value = [value.func, value.args, value.keywords]
    if isinstance(value, FunctionType):
        inside = [cell.cell_contents for cell in value.__closure__ or ()]
        value = [value.__qualname__, _code_told(value.__code__), value.__defaults__, inside]
    if isinstance(value, Mapping):
        value = [(str(key), each) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return str([_told(each) for each in value])
    plain = value is None or isinstance(value, bool | int | float | complex | str | bytes)
    return repr(value) if plain else getattr(value, "__qualname__", None)


def _code_told(code: CodeType) -> str:
    constants = [_code_told(each) if isinstance(each, CodeType) else _told(each) for each in code.co_consts]
    return sha256(code.co_code, str([code.co_names, constants]).encode())


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
