"""What a net's own modules do: the code of those that are neither torch's nor this library's."""

import dis
import sysconfig
from collections.abc import Iterator
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

from torch import nn

from limbeck.teachers.values import told_value

LIBRARIES = ("torch.", "limbeck.", "builtins.")
INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def forwards(net: nn.Module) -> list[str]:
    """Return what the `forward` of each module that is neither torch's nor this library's does, in words.

    That is its code, and of what it names the methods, the functions that are not installed, and the constants of class
    and module; then what these name. Constants whose names begin with _ and those that the code sets are not seen.
    Under another minor version of Python all code is other code.
    """
    kinds = {type(module) for module in net.modules()}
    return sorted(f"{kind.__module__}.{kind.__qualname__}: {line}" for kind in kinds for line in _doing(kind))


def _doing(kind: type) -> Iterator[str]:
    """Yield, name by name, what a module's own `forward` comes to."""
    left, seen = list(_of_class(kind, "forward")), set[str]()
    while left:
        name, value = left.pop()
        line = f"{name} {told_value(value)}"
        if line not in seen:
            seen.add(line)
            yield line
            left += _named_by(value, kind) if isinstance(value, FunctionType) else []


def _named_by(function: FunctionType, kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the functions that a function closes over, and what it names of its class and its module."""
    for cell in function.__closure__ or ():
        inner = None if cell == CellType() else cell.cell_contents
        if isinstance(inner, FunctionType):
            yield f"{inner.__module__}.{inner.__qualname__}", inner
    if _is_installed(function):
        return
    set_here = {step.argval for step in dis.get_instructions(function) if step.opname == "STORE_GLOBAL"}
    for name in _names_in(function.__code__) - set_here:
        yield from _of_class(kind, name)
        value = function.__globals__.get(name)
        if _is_seen(name, value) and not (isinstance(value, FunctionType) and _is_installed(value)):
            yield f"{function.__module__}.{name}", value


def _of_class(kind: type, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what a class and those it derives from, torch's and this library's left out, have under a name."""
    for base in kind.__mro__:
        value = _unwrapped(vars(base).get(name))
        if not f"{base.__module__}.".startswith(LIBRARIES) and _is_seen(name, value):
            yield f"{base.__module__}.{base.__qualname__}.{name}", value


def _unwrapped(value: Any) -> Any:
    """Return the function of a method or a property, anything else as it is."""
    if isinstance(value, property):
        return value.fget
    return value.__func__ if isinstance(value, staticmethod | classmethod | MethodType) else value


def _is_seen(name: str, value: object) -> bool:
    return value is not None and (isinstance(value, FunctionType) or not name.startswith("_"))


def _is_installed(function: FunctionType) -> bool:
    return function.__code__.co_filename.startswith(INSTALLED)


def _names_in(code: CodeType) -> set[str]:
    """Return the names that code uses, that of functions made in it too."""
    return set(code.co_names).union(*(_names_in(each) for each in code.co_consts if isinstance(each, CodeType)))
