"""Values in words that are the same in every process: what nets hold beside their weights, and what they do."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch

TOLD_BY_REPR = (bool, int, float, complex, str, bytes, range, slice, np.generic, torch.dtype, torch.Size)


def told_value(value: object, inside: tuple[int, ...] = ()) -> str | None:
    """Return a value in words that are the same in every process, None where it is not of a kind that can be told.

    `inside` are the ids of the values that it is part of: one that holds itself is told once.
    """
    if id(value) in inside:
        return "itself"
    inside = (*inside, id(value))
    if isinstance(value, set | frozenset):
        return str(sorted(str(told_value(each, inside)) for each in value))
    parts = _parts(value)
    if parts is not None:
        return str([told_value(each, inside) for each in parts])
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
