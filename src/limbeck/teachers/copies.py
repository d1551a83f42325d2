"""A net once more, that shares nothing with it."""

import copy
from typing import TypeVar

from limbeck.errors import ArgumentError

Net = TypeVar("Net")


def copy_of(net: Net) -> Net:
    """Return a deep copy of a net, or of another teacher.

    Raises:
        ArgumentError: it holds what can't be copied, a lock or an open file say.
    """
    try:
        return copy.deepcopy(net)
    except Exception as error:  # whatever a __deepcopy__ raises
        told = next(iter(str(error).splitlines()), "")
        raise ArgumentError(
            f"a net must be one that can be copied, {type(net).__name__} is not: {type(error).__name__}: {told}",
            "it may hold no locks, open files or generators, and no tensors that were computed from its weights; or "
            "give it a __deepcopy__",
        ) from error
