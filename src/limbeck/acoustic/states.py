"""Tied states: which states of which tri-phones share one distribution (Young et al. 1994).

A phone is three states, left to right. The state of a tri-phone is found by questions about its neighbours, asked down
a tree of its own for each phone and position; monophones are the trees in which nothing is asked.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limbeck.acoustic.lexicon import NOTHING

NUM_POSITIONS = 3  # states of a phone
SILENCE_NUMBER = 1  # of the phones


@dataclass(frozen=True)
class Leaf:
    """A tied state."""

    state: int


@dataclass(frozen=True)
class Question:
    """Whether the phone on one side is one of some."""

    side: int
    """0 for the phone before, 1 for the phone after."""
    phones: frozenset[int]
    yes: "Question | Leaf"
    no: "Question | Leaf"


Tree = Question | Leaf


@dataclass(frozen=True)
class TiedStates:
    """The trees of all phones."""

    trees: tuple[Tree, ...]
    """One for each phone and position: phone 1's three, phone 2's three, ..."""

    @cached_property
    def roots(self) -> NDArray[np.int64]:
        """The phone and position of each state, as the place of its tree: 3 · (phone - 1) + position."""
        found = {state: place for place, tree in enumerate(self.trees) for state in leaves(tree)}
        return np.array([found[state] for state in range(len(found))])

    def __len__(self) -> int:
        return len(self.roots)

    def of(self, before: int, phone: int, after: int) -> tuple[int, ...]:
        """Return the three states of a phone between two others; NOTHING, at an utterance's ends, is silence.

        >>> monophones(2).of(1, 2, 1)
        (3, 4, 5)
        """
        around = (before or SILENCE_NUMBER, after or SILENCE_NUMBER)
        first = NUM_POSITIONS * (phone - 1)
        return tuple(_asked(self.trees[first + position], around) for position in range(NUM_POSITIONS))


def monophones(num_phones: int) -> TiedStates:
    """Return states that are those of phones, whatever is around them."""
    return TiedStates(tuple(Leaf(state) for state in range(NUM_POSITIONS * num_phones)))


def leaves(tree: Tree) -> list[int]:
    """Return the states of a tree, from yes to no."""
    return [tree.state] if isinstance(tree, Leaf) else [*leaves(tree.yes), *leaves(tree.no)]


def tree_told(tree: Tree) -> Any:
    """Return a tree as JSON holds it.

    >>> tree_told(Question(1, frozenset({4, 2}), Leaf(0), Leaf(1)))
    [1, [2, 4], 0, 1]
    """
    if isinstance(tree, Leaf):
        return tree.state
    return [tree.side, sorted(tree.phones), tree_told(tree.yes), tree_told(tree.no)]


def tree_from(told: Any) -> Tree:
    """Return the tree that `tree_told` wrote."""
    if isinstance(told, int):
        return Leaf(told)
    side, phones, yes, no = told
    return Question(side, frozenset(phones), tree_from(yes), tree_from(no))


def _asked(tree: Tree, around: tuple[int, int]) -> int:
    while isinstance(tree, Question):
        tree = tree.yes if around[tree.side] in tree.phones else tree.no
    return tree.state


def state_names(states: TiedStates, phones: Sequence[str]) -> tuple[str, ...]:
    """Return what each tied state is called: its phone, its position there, its number among those of both.

    >>> state_names(TiedStates((Leaf(0), Question(0, frozenset({1}), Leaf(3), Leaf(1)), Leaf(2))), ["AH"])
    ('AH 1.1', 'AH 2.1', 'AH 3.1', 'AH 2.2')
    """
    found, seen = [], Counter[int]()
    for root in states.roots.tolist():
        seen[root] += 1
        found.append(f"{phones[root // NUM_POSITIONS]} {root % NUM_POSITIONS + 1}.{seen[root]}")
    return tuple(found)


def phones_of(alignment: NDArray[np.int64], states: TiedStates) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the phones that an alignment passes through, and the frame at which each begins.

    A phone begins where its first state is entered from another state: states of one phone follow each other.

    >>> phones_of(np.array([0, 0, 1, 2, 3, 4, 5, 3, 4, 5]), monophones(2))
    (array([1, 2, 2]), array([0, 4, 7]))
    """
    roots = states.roots[alignment]
    begins = (roots % NUM_POSITIONS == 0) & np.r_[True, alignment[1:] != alignment[:-1]]
    first = np.flatnonzero(begins)
    return roots[first] // NUM_POSITIONS + 1, first


def windows_of(phones: Sequence[int] | NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Return each phone between its neighbours, NOTHING beyond the ends.

    >>> windows_of([4, 7])
    [(0, 4, 7), (4, 7, 0)]
    """
    around = [NOTHING, *map(int, phones), NOTHING]
    return list(zip(around, around[1:], around[2:], strict=False))
