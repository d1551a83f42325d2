"""The fingerprint of an object's state, the same in every process.

The state is that of `__reduce_ex__`, which tells how an object could be made again; nothing is made again, and no
pickle is written or read. Pickle's own bytes would not do: they hold the padding of a tree's nodes, and depend on which
equal objects are one.
"""

import copyreg
import hashlib
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.errors import ArgumentError

HOW_NOT_WHAT = {"n_jobs", "verbose", "cv_results_", "refit_time_"}  # tell of the fitting, not of what was fitted
TOLD_BY_NAME = {"copyreg", "numpy", "scipy", "sklearn"}  # their functions; an estimator's state has their version


def state_fingerprint(value: object) -> str:
    """Return the SHA-256 over an object and all it holds: types, names, numbers and arrays.

    A function counts by its name, code, defaults and what it closes over; the globals it reads are not seen.

    Raises:
        ArgumentError: it holds something without a state that could be told: a lock, an open file, a session.
    """
    try:
        return _digest(value, ())
    except Exception as error:  # __reduce_ex__ is the object's own
        raise ArgumentError(
            f"a teacher's state must be plain values all through, that of {type(value).__name__} is not: {error}",
            "tell what it is yourself: from_function(estimator.predict_proba, 'name and version', gives='probs', "
            "takes='numpy')",
        ) from error


def _digest(value: Any, above: tuple[int, ...]) -> str:
    digest = hashlib.sha256()
    for part in _walk(value, above):
        digest.update(part)
    return digest.hexdigest()


def _walk(value: Any, above: tuple[int, ...]) -> Iterator[bytes]:
    """Yield what is hashed of a value; `above` are the ids of the objects it stands in."""
    if id(value) in above:
        yield f"itself {above.index(id(value))};".encode()
    elif value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield f"{type(value).__name__} {value!r};".encode()
    elif isinstance(value, np.ndarray | np.generic) and not isinstance(value, np.ma.MaskedArray):
        yield from _of_array(np.asarray(value), above)
    elif isinstance(value, type):
        yield f"class {value.__module__}.{value.__qualname__};".encode()
    else:
        yield f"{type(value).__qualname__} ".encode()
        yield from _of_parts(value, (*above, id(value)))


def _of_array(array: NDArray[Any], above: tuple[int, ...]) -> Iterator[bytes]:
    """Yield an array's type, shape and bytes; of a structured one field by field: padding is any bytes."""
    yield f"array {array.dtype} {array.shape};".encode()
    if array.dtype.names is not None:
        for name in array.dtype.names:
            yield from _of_array(array[name], above)
    elif array.dtype.hasobject:
        for item in array.flat:
            yield from _walk(item, (*above, id(array)))
    else:
        yield array.tobytes()


def _of_parts(value: Any, above: tuple[int, ...]) -> Iterator[bytes]:
    """Yield what an object is made of, the unordered in the order of its hashes."""
    if type(value) is dict:
        pairs = [(_digest(key, above), item) for key, item in value.items()]
        yield from _of_many([part for pair in sorted(pairs, key=lambda pair: pair[0]) for part in pair], above)
    elif type(value) in (set, frozenset):
        yield from _of_many(sorted(_digest(item, above) for item in value), above)
    elif type(value) in (list, tuple):
        yield from _of_many(value, above)
    elif isinstance(value, FunctionType):
        yield from _of_many(_of_function(value), above)
    elif isinstance(value, CodeType):
        yield from _of_many((value.co_code, value.co_names, value.co_consts), above)
    else:
        yield from _of_many(_of_object(value), above)


def _of_many(items: Any, above: tuple[int, ...]) -> Iterator[bytes]:
    yield f"{len(items)}:".encode()
    for item in items:
        yield from _walk(item, above)


def _of_function(function: FunctionType) -> tuple[Any, ...]:
    name = f"{function.__module__}.{function.__qualname__}"
    if str(function.__module__).split(".")[0] in TOLD_BY_NAME:
        return (name,)
    closed_over = tuple(cell.cell_contents for cell in function.__closure__ or ())
    return name, function.__code__, function.__defaults__, function.__kwdefaults__, closed_over


def _of_object(value: Any) -> tuple[Any, ...]:
    """Return how an object could be made again, less what only tells how it came to be."""
    told = copyreg.dispatch_table.get(type(value))
    made: Any = value.__reduce_ex__(2) if told is None else told(value)
    if isinstance(made, str):
        return (made,)
    maker, arguments, state, items, pairs = (*made, None, None, None)[:5]
    if isinstance(state, dict):
        state = {name: part for name, part in state.items() if name not in HOW_NOT_WHAT}
    return maker, arguments, state, list(items or ()), dict(pairs or ())
