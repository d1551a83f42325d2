"""How verbs speak: stdout is data, stderr is progress and errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from limbeck.files import json_text


@dataclass(frozen=True)
class Output:
    """How a verb speaks."""

    json: bool = False
    """Print one JSON value on stdout."""
    quiet: bool = False
    """Show no progress."""


def print_json(value: Any) -> None:
    """Print one JSON value."""
    print(json_text(value))


def print_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows of the same columns, whole, in a log too, and as they are: names may have [brackets] and :colons:."""
    from rich.console import Console
    from rich.table import Table

    plain = partial(Console, markup=False, emoji=False, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(rows[0]):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    for line in rows:
        table.add_row(*line.values())
    plain(width=plain(width=1000).measure(table).maximum).print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, a line each."""
    width = max(len(name) for name in facts) + 2
    for name, value in facts.items():
        print(f"{name:<{width}}{value}")
