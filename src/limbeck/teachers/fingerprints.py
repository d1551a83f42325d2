"""What binds a store to its teacher."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.files import fingerprint, sha256
from limbeck.teachers.code import forwards
from limbeck.teachers.judging import Teacher
from limbeck.teachers.unsaved import unsaved_buffers
from limbeck.teachers.values import told_value

EXTERNAL = re.compile(rb"\n\x08location\x12([\x80-\xff]?[\x00-\x7f])", re.DOTALL)
"""How a protobuf tensor names the file of its weights: the key, the mark of the value, the value's length."""

TELL_ALL = (nn.Linear, nn.ReLU, nn.Flatten, nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.Sequential, nn.ModuleList)
"""Modules whose `repr` tells all that their answers hang on."""


def teacher_fingerprint(teacher: Teacher) -> str:
    """Return what binds a store to its teacher: a net's SHA-256 over weights, layers and code, or its `fingerprint`.

    What a net holds beside its weights counts as `described` tells it, and what its own modules do as `forwards` does.
    What is not seen there: make it a buffer, or give the net a `fingerprint`. What changes as it is asked and makes no
    difference: begin its name with _.

    Raises:
        ArgumentError: the teacher is neither a net nor says what it is.
    """
    told = getattr(teacher, "fingerprint", None)
    if isinstance(told, str):
        return told
    if isinstance(teacher, nn.Module):
        return fingerprint({"layers": described(teacher), "weights": weights_fingerprint(teacher)} | own_code(teacher))
    raise ArgumentError(
        f"a teacher that is no torch.nn.Module must have a `fingerprint`, {teacher!r} has none",
        "wrap it: limbeck.teachers.from_function(ask, 'name and version'); so a store of another teacher is recognised",
    )


def own_code(net: nn.Module) -> dict[str, str]:
    """Return {"code": a hash of `forwards`}, nothing for a net that is torch's and this library's modules alone."""
    code = forwards(net)
    return {"code": fingerprint({"forwards": code})} if code else {}


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
            told = None if key.startswith("_") or key == "training" else told_value(value)
            if told is not None and f"{key}={value}" not in shown:
                beside.append(f"{name}.{key}={told}")
        code = getattr(module, "code", None)  # of traced and scripted modules
        beside += [f"{name}.code={code}"] if isinstance(code, str) else []
    return "\n".join([repr(net), *beside])


def weights_fingerprint(net: nn.Module) -> str:
    """Return the SHA-256 over a net's parameters and buffers: names, types, shapes and values.

    Raises:
        ArgumentError: its state holds what is no tensor.
    """
    state = net.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise _unreadable(net, name, f"a {type(value).__name__}")
        if value.is_quantized:
            raise _unreadable(net, name, "quantised")
    return tensors_fingerprint({**state, **unsaved_buffers(net), **_frozen(net)})


def _frozen(net: nn.Module) -> dict[str, Tensor]:
    """Return the tensors that lie in the code of TorchScript, by the names they have there.

    Raises:
        ArgumentError: there are packed weights, as of layers in int8, which can't be read.
    """
    found: dict[str, Any] = {}
    for path, module in net.named_modules():
        found[f"{path}._packed_params"] = getattr(module, "_packed_params", None)
        if "CONSTANTS." in str(getattr(module, "code", "")):
            kept: Any = module.code_with_constants
            found |= {f"{path}.{name}": value for name, value in kept[1].const_mapping.items()}
    packed = [name for name, value in found.items() if isinstance(value, torch.ScriptObject)]
    if packed:
        raise _unreadable(net, packed[0], "packed")
    return {name: value for name, value in found.items() if isinstance(value, Tensor)}


def _unreadable(net: nn.Module, name: str, what: str) -> ArgumentError:
    return ArgumentError(
        f"a net's state must be tensors, of {type(net).__name__} {name!r} is {what}",
        "layers in int8 and get_extra_state make such; as a teacher it is asked by "
        "limbeck.teachers.from_function(net, 'name and version')",
    )


def tensors_fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over named tensors, in whatever order: names, types, shapes and values."""
    parts: list[bytes | memoryview] = []
    for name, tensor in sorted(tensors.items()):
        dense = tensor if tensor.layout == torch.strided else tensor.to_dense()
        flat = dense.detach().cpu().resolve_conj().resolve_neg().contiguous()
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
