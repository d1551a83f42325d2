"""Names on the command line."""

import difflib
from collections.abc import Sequence

from limbeck.errors import ArgumentError


def known(kind: str, name: str, names: list[str]) -> None:
    """Raise ArgumentError, with the nearest name, unless a name is one of those there are."""
    if name in names:
        return
    near = difflib.get_close_matches(name, names, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
    raise ArgumentError(f"{kind} must be one of {', '.join(names)}, got {name!r}", hint)


def once(arguments: Sequence[str]) -> None:
    """Raise ArgumentError when an option is given twice: the first would count for nothing."""
    options = [each.split("=")[0].replace("_", "-") for each in arguments if each.startswith("--")]
    twice = next((option for option in options if options.count(option) > 1), None)
    if twice is not None:
        raise ArgumentError(
            f"an option must be given once, {twice} is there twice", "several values go after it, one after another"
        )
