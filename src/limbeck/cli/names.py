"""Names on the command line."""

import difflib

from limbeck.errors import ArgumentError


def known(kind: str, name: str, names: list[str]) -> None:
    """Raise ArgumentError, with the nearest name, unless a name is one of those there are."""
    if name in names:
        return
    near = difflib.get_close_matches(name, names, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
    raise ArgumentError(f"{kind} must be one of {', '.join(names)}, got {name!r}", hint)
