"""The decision tree: tri-phone states tied by likelihood gain (Young, Odell & Woodland 1994).

Each phone and position begins as one leaf. Of all leaves, the one is split whose best question lets two Gaussians fit
its frames best, until there are as many leaves as asked for or no question gains enough. Silence is not split.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from limbeck.acoustic.states import SILENCE_NUMBER, Leaf, Question, TiedStates, Tree
from limbeck.acoustic.statistics import TriphoneStatistics, log_likelihood, num_roots
from limbeck.errors import ArgumentError

LEAST_GAIN, LEAST_COUNT = 50.0, 100.0  # of log-likelihood, and of frames of a leaf


class _Split(NamedTuple):
    gain: float
    side: int
    phones: frozenset[int]


@dataclass
class _Node:
    """A leaf while the tree grows, or a question once it is split."""

    cells: NDArray[np.int64]
    split: _Split | None = None
    yes: "_Node | None" = None
    no: "_Node | None" = None


def grown(
    statistics: TriphoneStatistics,
    questions: Sequence[frozenset[int]],
    num_phones: int,
    num_states: int,
    *,
    least_gain: float = LEAST_GAIN,
    least_count: float = LEAST_COUNT,
) -> TiedStates:
    """Return tied states, at most so many.

    Args:
        statistics: of the tri-phones that were seen.
        questions: sets of phones that may be asked for, on either side.
        num_phones: of the lexicon, silence among them.
        num_states: how many tied states there may be.
        least_gain: log-likelihood that a question must bring.
        least_count: frames that each tied state must have.

    Raises:
        ArgumentError: fewer states than phones have without any question.
    """
    check_enough(num_states, num_phones)
    members = np.zeros((len(questions), num_phones + 1), bool)
    for place, phones in enumerate(questions):
        members[place, list(phones)] = True
    roots = [_Node(np.flatnonzero(statistics.roots == place)) for place in range(num_roots(num_phones))]
    waiting: list[tuple[float, int, _Node, _Split]] = []
    pushed = 0

    def consider(node: _Node) -> None:
        nonlocal pushed
        split = _best_split(statistics, questions, members, node.cells, least_count)
        if split is not None and split.gain >= least_gain:
            heapq.heappush(waiting, (-split.gain, pushed, node, split))
            pushed += 1

    for node in roots[3 * SILENCE_NUMBER :]:
        consider(node)
    count = len(roots)
    while waiting and count < num_states:
        _, _, node, split = heapq.heappop(waiting)
        inside = members[questions.index(split.phones), statistics.windows[node.cells, 2 * split.side]]
        node.split, node.yes, node.no = split, _Node(node.cells[inside]), _Node(node.cells[~inside])
        count += 1
        consider(node.yes)
        consider(node.no)
    return _numbered(roots)


def check_enough(num_states: int, num_phones: int) -> None:
    """Refuse fewer tied states than phones have without any question.

    Raises:
        ArgumentError: there are fewer.
    """
    if num_states < num_roots(num_phones):
        raise ArgumentError(f"num_states must be >= {num_roots(num_phones)}, three a phone, got {num_states}")


def _best_split(
    statistics: TriphoneStatistics,
    questions: Sequence[frozenset[int]],
    members: NDArray[np.bool_],
    cells: NDArray[np.int64],
    least_count: float,
) -> _Split | None:
    """Return the question that gains most, None where none leaves enough frames on both sides."""
    counts, sums, squares = statistics.counts[cells], statistics.sums[cells], statistics.squares[cells]
    before = log_likelihood(counts.sum(keepdims=True), sums.sum(0)[None], squares.sum(0)[None])[0]
    best = None
    for side in (0, 1):
        asked = members[:, statistics.windows[cells, 2 * side]].astype(np.float64)  # (questions, cells)
        yes, no = asked, 1 - asked
        after = sum(log_likelihood(part @ counts, part @ sums, part @ squares) for part in (yes, no))
        gains = np.where(np.minimum(yes @ counts, no @ counts) >= least_count, after - before, -np.inf)
        place = int(gains.argmax())
        if np.isfinite(gains[place]) and (best is None or gains[place] > best.gain):
            best = _Split(float(gains[place]), side, questions[place])
    return best


def _numbered(roots: Sequence[_Node]) -> TiedStates:
    """Return the trees with their leaves numbered, tree by tree."""
    count = 0

    def built(node: _Node) -> Tree:
        nonlocal count
        if node.split is None or node.yes is None or node.no is None:
            count += 1
            return Leaf(count - 1)
        return Question(node.split.side, node.split.phones, built(node.yes), built(node.no))

    return TiedStates(tuple(built(node) for node in roots))
