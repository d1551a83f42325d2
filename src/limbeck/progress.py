"""Telling how far long work is: bars on a terminal, plain lines in a log, nothing when quiet."""

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

EVERY_S = 10.0  # between two lines of one task in a log


@dataclass
class Task:
    """One piece of work; the base class tells nobody."""

    def advance(self, amount: int, note: str = "") -> None:
        """Say that `amount` more is done, and perhaps how it goes."""


class Progress:
    """Tells nobody: the default of every function of the library."""

    @contextlib.contextmanager
    def task(self, name: str, total: int, unit: str) -> Iterator[Task]:
        """Yield a task of `total` units."""
        yield Task()

    def say(self, message: str) -> None:
        """Tell one thing."""


@dataclass
class _Line(Task):
    name: str
    total: int
    unit: str
    done: int = 0
    started: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    def advance(self, amount: int, note: str = "") -> None:
        self.done += amount
        now = time.monotonic()
        if now - self.told >= EVERY_S:
            self.told = now
            left = (now - self.started) / self.done * (self.total - self.done)
            print(
                f"{self.name}: {self.done}/{self.total} {self.unit}, {left:.0f} s left {note}".rstrip(), file=sys.stderr
            )


class LogProgress(Progress):
    """Plain lines on stderr."""

    @contextlib.contextmanager
    def task(self, name: str, total: int, unit: str) -> Iterator[Task]:
        yield _Line(name, total, unit)

    def say(self, message: str) -> None:
        print(message, file=sys.stderr)


class TerminalProgress(Progress):
    """Bars with the time left, on stderr, by rich."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True)
        self._bars = None

    @contextlib.contextmanager
    def task(self, name: str, total: int, unit: str) -> Iterator[Task]:
        from rich import progress as rich

        columns = (
            rich.TextColumn("{task.description}"),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TextColumn(unit),
            rich.TimeRemainingColumn(),
            rich.TextColumn("{task.fields[note]}"),
        )
        outermost = self._bars is None
        bars = self._bars = self._bars or rich.Progress(*columns, console=self.console, transient=True)
        with bars if outermost else contextlib.nullcontext():
            key = bars.add_task(name, total=total, note="")

            class Bar(Task):
                def advance(self, amount: int, note: str = "") -> None:
                    bars.update(key, advance=amount, note=note)

            try:
                yield Bar()
            finally:
                bars.remove_task(key)
                if outermost:
                    self._bars = None

    def say(self, message: str) -> None:
        self.console.print(message, highlight=False, markup=False)


def progress_for(*, quiet: bool) -> Progress:
    """Return what suits: silence, bars on a terminal, lines elsewhere."""
    if quiet:
        return Progress()
    return TerminalProgress() if sys.stderr.isatty() else LogProgress()
