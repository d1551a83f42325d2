"""Telling how far long work is: bars on a terminal, plain lines in a log, nothing when quiet."""

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

EVERY_S = 10.0  # between two lines of one task in a log


class Task:
    """One piece of work; the base class tells nobody."""

    def advance(self, amount: int, note: str = "") -> None:
        """Say that `amount` more is done, and perhaps how it goes."""


class Progress:
    """Tells nobody: the default of every function of the library."""

    @contextlib.contextmanager
    def task(self, name: str, total: int, unit: str, done: int = 0) -> Iterator[Task]:
        """Yield a task of `total` units, `done` of which were done before."""
        yield Task()

    def say(self, text: str) -> None:
        """Tell a line of text."""


class LogProgress(Progress):
    """Plain lines on stderr, one in so many seconds."""

    def __init__(self) -> None:
        self.told = time.monotonic()

    @contextlib.contextmanager
    def task(self, name: str, total: int, unit: str, done: int = 0) -> Iterator[Task]:
        yield _Line(self, name, total, unit, done, time.monotonic())

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


@dataclass
class _Line(Task):
    log: LogProgress
    name: str
    total: int
    unit: str
    before: int
    started: float
    done: int = 0

    def advance(self, amount: int, note: str = "") -> None:
        self.done += amount
        now = time.monotonic()
        if self.done and now - self.log.told >= EVERY_S:
            self.log.told = now
            rate = self.done / (now - self.started)
            left = (self.total - self.before - self.done) / rate
            count = f"{self.before + self.done}/{self.total} {self.unit}, {rate:.0f} a second"
            print(f"{self.name}: {count}, {left:.0f} s left{note and ', '}{note}", file=sys.stderr, flush=True)


class TerminalProgress(Progress):
    """Bars with the time left, on stderr, by rich."""

    def __init__(self) -> None:
        from rich import progress as rich
        from rich.console import Console

        class _Rate(rich.ProgressColumn):
            def render(self, task: rich.Task) -> str:
                return "" if task.speed is None else f"{task.speed:.0f} a second"

        self._bars = rich.Progress(
            rich.TextColumn("{task.description}"),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TextColumn("{task.fields[unit]}"),
            _Rate(),
            rich.TimeRemainingColumn(),
            rich.TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            transient=True,
        )

    @contextlib.contextmanager
    def task(self, name: str, total: int, unit: str, done: int = 0) -> Iterator[Task]:
        bars = self._bars
        key = bars.add_task(name, total=total, completed=done, unit=unit, note="")

        class Bar(Task):
            def advance(self, amount: int, note: str = "") -> None:
                bars.update(key, advance=amount)
                if note:
                    bars.update(key, note=note)

        with bars:
            try:
                yield Bar()
            finally:
                bars.remove_task(key)

    def say(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)


def progress_for(*, quiet: bool) -> Progress:
    """Return what suits: silence, bars on a terminal, lines elsewhere."""
    if quiet:
        return Progress()
    return TerminalProgress() if sys.stderr.isatty() else LogProgress()
