"""Which test examples the page holds: those that tell most, the surest mistakes, and those that two classes share."""

from itertools import combinations

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from limbeck.report.judged import Evidence
from limbeck.report.mistakes import Mistake

MOST_EXAMPLES = 8  # that tell most
MOST_OF_A_KIND = 6  # of a mistake, and of a pair of classes
MOST_PROBABLE = 3  # classes of an example that can share it
DIFFER = "twin and student differ"

Rows = NDArray[np.int64]


def telling(evidence: Evidence, count: int = MOST_EXAMPLES) -> list[tuple[int, str]]:
    """Return rows of the test set, and why each was chosen; always the same for the same evidence.

    Up to half are examples that twin and student take for different classes, the rest those whose distribution at
    temperature 1 has the highest entropy under the teacher. Both go from its greatest doubt downwards.
    """
    reference = evidence.reference
    order = entropy(reference.logits).argsort(descending=True, stable=True).tolist()
    twin, student = evidence.twin, evidence.student
    differing: list[int] = []
    if twin is not None and student is not None:
        differing = [row for row in order if twin.chosen[row] != student.chosen[row]][: count // 2]
    doubtful = [row for row in order if row not in differing][: count - len(differing)]
    doubt = f"{evidence.the(reference)} is in doubt"
    return [(row, DIFFER) for row in differing] + [(row, doubt) for row in doubtful]


def mistaken(evidence: Evidence, kinds: list[Mistake]) -> Rows:
    """Return the rows behind mistakes: the surest of each kind, then each one's second, and so on.

    A mistake is as sure as the probability of the choice exceeds that of the label, at temperature 1, in the model
    that makes it; of several, in the surest.
    """
    if evidence.labels is None:
        return np.empty(0, np.int64)
    rank = {(kind.label, kind.choice): place for place, kind in enumerate(kinds)}
    groups, worths, rows = [], [], []
    for model in evidence.cast:
        wrong = (model.chosen != evidence.labels).nonzero().squeeze(1)
        labels, chosen = evidence.labels[wrong], model.chosen[wrong]
        probs = model.logits[wrong].softmax(1).nan_to_num(0)
        pairs = zip(labels.tolist(), chosen.tolist(), strict=True)
        groups += [rank.get(pair, -1) for pair in pairs]
        worths += (probs.gather(1, chosen[:, None]) - probs.gather(1, labels[:, None])).squeeze(1).tolist()
        rows += wrong.tolist()
    return in_turns(np.array(groups, np.int64), np.array(worths), np.array(rows, np.int64))


def sharing(logits: Float[Tensor, "examples classes"], temperature: float) -> tuple[Rows, list[tuple[int, int]]]:
    """Return the rows that two classes share most, and the pairs of classes in the order of what they share.

    What a pair shares of an example is the smaller of its two probabilities at a temperature; of a set, the sum of
    that over the examples that have both among their MOST_PROBABLE. As `mistaken`, each pair in turn.
    """
    probs = (logits.double() / temperature).softmax(1).nan_to_num(0)
    highest = probs.topk(min(MOST_PROBABLE, probs.shape[1]), dim=1)
    chosen, mass = highest.indices.numpy(), highest.values.numpy()
    rows = np.arange(len(probs))
    found = [
        (np.sort(chosen[:, [one, other]], axis=1), mass[:, other], rows)
        for one, other in combinations(range(chosen.shape[1]), 2)
    ]
    if not found:
        return np.empty(0, np.int64), []
    pairs, shared, rows = (np.concatenate(parts) for parts in zip(*found, strict=True))
    kinds, inverse = np.unique(pairs, axis=0, return_inverse=True)
    order = np.argsort(-np.bincount(inverse.reshape(-1), shared), kind="stable")
    rank = np.argsort(order)[inverse.reshape(-1)]
    return in_turns(rank, shared, rows), [tuple(pair) for pair in kinds[order].tolist()]


def in_turns(groups: Rows, worths: NDArray[np.float64], rows: Rows, most: int = MOST_OF_A_KIND) -> Rows:
    """Return the worthiest row of each group in the groups' order, then each one's second, up to `most`.

    A row counts once in a group, with its greatest worth; groups below 0 are left out.

    >>> in_turns(np.array([1, 0, 1, 0]), np.array([0.1, 0.5, 0.9, 0.7]), np.array([3, 4, 5, 6])).tolist()
    [6, 5, 4, 3]
    """
    order = np.lexsort((rows, -worths))
    order = order[groups[order] >= 0]
    pairs = np.stack([groups[order], rows[order]], 1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    once = order[np.sort(first)]
    once = once[np.argsort(groups[once], kind="stable")]
    begins = np.searchsorted(groups[once], groups[once])
    turns = np.arange(len(once)) - begins
    taken = np.lexsort((groups[once], turns))
    return rows[once[taken[turns[taken] < most]]]


def entropy(logits: Float[Tensor, "examples classes"]) -> Float[Tensor, " examples"]:
    """Return each distribution's entropy in nats; 0 for a row that is none.

    >>> entropy(torch.zeros(1, 4))
    tensor([1.3863])
    """
    return torch.special.entr(logits.softmax(-1)).sum(-1).nan_to_num(0)
