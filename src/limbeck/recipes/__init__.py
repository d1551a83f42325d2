"""The recipes: one file per experiment, a frozen dataclass with the defaults of record and a `main`.

Importing them is cheap: nothing here waits for torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from limbeck.recipes import digits, letters, mnist


@dataclass(frozen=True)
class Recipe:
    """One experiment: what the command line needs to know of it."""

    name: str
    config: type
    main: Callable[..., Any]
    default_seeds: int
    doc: str

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return self.doc.strip().splitlines()[0]


RECIPES = (
    Recipe("digits", digits.Digits, digits.main, 1, digits.__doc__ or ""),
    Recipe("letters", letters.Letters, letters.main, 1, letters.__doc__ or ""),
    Recipe("mnist", mnist.Mnist, mnist.main, 1, mnist.__doc__ or ""),
)
