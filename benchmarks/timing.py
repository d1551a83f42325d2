"""Timing two things fairly: in turn, many times, the ratio of each pair, and the rows of record for it."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from limbeck.evidence import row_of
from limbeck.files import write_json
from limbeck.runs import provenance


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how long a piece of work takes."""
    began = clock()
    work()
    return clock() - began


def interleaved(first: Callable[[], object], second: Callable[[], object], pairs: int) -> list[tuple[float, float]]:
    """Return the seconds of both, run in turn, after one uncounted run of each."""
    first()
    second()
    return [(seconds(first), seconds(second)) for _ in range(pairs)]


def in_turn(
    contenders: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Return the seconds of each in each round, after one uncounted run of each; every round begins with another."""
    for work in contenders.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            times[name].append(seconds(contenders[name], clock))
    return times


def ratio_row(setting: str, times: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return the row of record of a ratio, first to second, and print its median."""
    row = row_of(setting, "ratio", [first / second for first, second in times], None)
    print(f"{setting}: {statistics.median(row['values']):.3f} (median of {len(times)})")
    return row


def value_row(setting: str, metric: str, values: list[float]) -> dict[str, Any]:
    """Return the row of record of a plain figure, and print its median."""
    row = row_of(setting, metric, values, None)
    print(f"{setting}, {metric}: {statistics.median(values):.4g} (median of {len(values)})")
    return row


def record(name: str, config: dict[str, Any], rows: list[dict[str, Any]], python: str = "python") -> None:
    """Write results/bench-<name>.json; `python` is the interpreter of the command that made it."""
    path = Path(__file__).parents[1] / "results" / f"bench-{name}.json"
    command = f"{python} benchmarks/{name}.py"
    write_json(path, {"recipe": f"bench-{name}", "command": command, "config": config, **provenance(), "rows": rows})
    print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
