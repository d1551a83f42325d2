"""Whether the students of two runs differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from limbeck.comparison.finished import Finished
from limbeck.evidence import over_examples
from limbeck.judge import (
    NetsDifference,
    NetsFinding,
    SeedsDifference,
    Verdict,
    nets_difference,
    nets_finding,
    seeds_difference,
)


@dataclass(frozen=True, eq=False)
class Difference:
    """How the students of two runs differ: first - second."""

    first: Finished
    second: Finished

    @property
    def paired(self) -> bool:
        """Whether their seeds make pairs, two or more: the same weights to begin with, seed by seed."""
        starts = [(a.start, b.start) for a, b in zip(self.first.student, self.second.student, strict=False)]
        return len(starts) > 1 and all(a is not None and a == b for a, b in starts)

    @cached_property
    def errors(self) -> tuple[list[float], list[float]]:
        """The test errors that are compared: of pairs, where one run has more seeds than the other, the first ones."""
        first, second = self.first.errors, self.second.errors
        count = min(len(first), len(second)) if self.paired else None
        return first[:count], second[:count]

    @cached_property
    def of_seeds(self) -> SeedsDifference:
        """What the seeds tell."""
        return seeds_difference(*self.errors, paired=self.paired)

    @cached_property
    def of_nets(self) -> NetsDifference:
        """What the test examples tell of the two nets of seed 0."""
        return nets_difference(self.first.student_logits, self.second.student_logits, self.first.labels)

    @property
    def verdict(self) -> Verdict:
        """Of the seeds, always: of one there is none to tell."""
        return self.of_seeds.verdict

    @property
    def nets(self) -> NetsFinding:
        """Whether the two nets of seed 0 differ."""
        return nets_finding(self.of_nets)

    @property
    def sentence(self) -> str:
        """The verdict in words, with its figures; of the two runs the one with fewer errors comes first."""
        own = Difference(self.second, self.first) if self.of_seeds.errors > 0 else self
        fewer, more = (float(np.mean(errors)) for errors in own.errors)
        said = (
            f"{own.verdict}: the student of {own.first.name} makes {more - fewer:.1f} fewer test errors than that of "
            f"{own.second.name} ({fewer:.1f} against {more:.1f} of {len(own.first.labels):,}; {_grounds(own)})."
        )
        nets, word = (own.of_nets, "more") if own.of_nets.errors > 0 else (own.of_nets.turned(), "fewer")
        return f"{_capital(said)} Its net of seed 0 makes {nets.errors:.0f} {word} ({over_examples(nets)}): {own.nets}."


def differences(runs: Sequence[Finished]) -> list[Difference]:
    """Return the difference of each two runs' students."""
    return [Difference(first, second) for first, second in combinations(runs, 2)]


def _grounds(difference: Difference) -> str:
    """Return in words what a verdict stands on, as the fewer errors of the first."""
    own = difference.of_seeds
    if own.low is None or own.high is None:
        return "1 seed each" if own.seeds == (1, 1) else f"{own.seeds[0]} and {own.seeds[1]} seeds"
    bounds = f"95% interval {_fewer(0.0 - own.high, 0.0 - own.low)}"
    if own.paired:
        return f"{own.seeds[0]} paired seeds, {bounds}, sign-flip p = {own.p:.2g}"
    return f"{own.seeds[0]} and {own.seeds[1]} seeds that are no pairs, {bounds}, permutation p = {own.p:.2g}"


def _fewer(low: float, high: float) -> str:
    """Return in words an interval of how many errors fewer: without signs, for the table has them the other way round.

    >>> _fewer(1.5, 8.0), _fewer(-1.5, 8.0)
    ('1.5 to 8.0 fewer', '1.5 more to 8.0 fewer')
    """
    return f"{abs(low):.1f}{' more' if low < 0 else ''} to {high:.1f} fewer"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
