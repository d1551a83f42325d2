"""Which classes are taken for which: how often by each model, and how much of one the teacher sees in the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.report.judged import Evidence, Judged

MOST_CLASSES = 200  # of a matrix; of more, those that the errors touch most
MOST_MISTAKES = 5000  # kept of the commonest
MOST_DOUBTS = 200  # pairs of classes kept because the teacher sees one in the other, whether or not they are confused


@dataclass(frozen=True)
class Mistake:
    """A class, and another that it is taken for."""

    label: int
    choice: int
    counts: list[int]
    """By each model of the cast, on how many test examples."""
    by_any: int
    """On how many examples by one of them at least."""
    soft: float
    """The mean probability that the teacher's soft targets give the choice on the label's examples."""


def mistakes(evidence: Evidence, temperature: float) -> list[Mistake]:
    """Return the kinds of error there are, the commonest first, and the pairs that the teacher is most in doubt about.

    The doubt is the teacher's, at a temperature: its soft confusion. Nothing where there are no labels.
    """
    if evidence.labels is None:
        return []
    drawn = drawn_classes(evidence.cast, evidence.labels, evidence.num_classes)
    tables = torch.stack([counts(model.chosen, evidence.labels, drawn) for model in evidence.cast])
    by_any = _by_any(evidence.cast, evidence.labels, drawn)
    soft = soft_confusion(evidence.reference.logits, evidence.labels, drawn, temperature)
    errors = (by_any - by_any.diag().diag()).flatten()
    doubts = (soft - soft.diag().diag()).flatten()
    commonest = (errors * 2.0 + doubts).argsort(descending=True, stable=True)[:MOST_MISTAKES]
    kept = commonest[errors[commonest] > 0].tolist()
    doubted = doubts.argsort(descending=True, stable=True)[:MOST_DOUBTS].tolist()
    cells = dict.fromkeys([*kept, *(cell for cell in doubted if doubts[cell] > 0)])
    places = [divmod(cell, len(drawn)) for cell in cells]
    return [
        Mistake(
            int(drawn[row]),
            int(drawn[column]),
            tables[:, row, column].tolist(),
            int(by_any[row, column]),
            float(soft[row, column]),
        )
        for row, column in places
    ]


def drawn_classes(
    models: Sequence[Judged], labels: Int[Tensor, " examples"], num_classes: int
) -> Int[Tensor, " drawn"]:
    """Return the classes a matrix shows: all, or the MOST_CLASSES that the errors touch most."""
    if num_classes <= MOST_CLASSES:
        return torch.arange(num_classes)
    touched = torch.zeros(num_classes, dtype=torch.long)
    for model in models:
        wrong = model.chosen != labels
        touched += torch.cat([labels[wrong], model.chosen[wrong]]).bincount(minlength=num_classes)
    return touched.argsort(descending=True, stable=True)[:MOST_CLASSES].sort().values


def counts(
    chosen: Int[Tensor, " examples"], labels: Int[Tensor, " examples"], drawn: Int[Tensor, " drawn"]
) -> Int[Tensor, "drawn drawn"]:
    """Return how many examples of each drawn class (rows) are taken for each (columns).

    >>> counts(torch.tensor([1, 1, 0]), torch.tensor([0, 1, 0]), torch.arange(2)).tolist()
    [[1, 1], [0, 1]]
    """
    rows, columns = _places(labels, drawn), _places(chosen, drawn)
    inside = (rows >= 0) & (columns >= 0)
    flat = rows[inside] * len(drawn) + columns[inside]
    return flat.bincount(minlength=len(drawn) ** 2).view(len(drawn), len(drawn))


def soft_confusion(
    logits: Float[Tensor, "examples classes"],
    labels: Int[Tensor, " examples"],
    drawn: Int[Tensor, " drawn"],
    temperature: float,
) -> Float[Tensor, "drawn drawn"]:
    """Return the mean softened probability of each drawn class (columns) on each one's examples (rows).

    Not in the paper, but what its s. 1 speaks of: how a teacher's mistakes tell which classes are alike. 0 on the rows
    of classes that have no example.
    """
    probs = (logits.double() / temperature).softmax(1).nan_to_num(0)[:, drawn]
    rows = _places(labels, drawn)
    there = rows >= 0
    sums = probs.new_zeros(len(drawn), len(drawn)).index_add(0, rows[there], probs[there])
    return sums / rows[there].bincount(minlength=len(drawn)).clamp_min(1).unsqueeze(1)


def _by_any(
    cast: Sequence[Judged], labels: Int[Tensor, " examples"], drawn: Int[Tensor, " drawn"]
) -> Int[Tensor, "drawn drawn"]:
    """Return as `counts`, but an example that several models take for the same class is counted once."""
    table = torch.zeros(len(drawn), len(drawn), dtype=torch.long)
    for place, model in enumerate(cast):
        new = torch.ones_like(labels, dtype=torch.bool)
        for other in cast[:place]:
            new &= model.chosen != other.chosen
        table += counts(model.chosen[new], labels[new], drawn)
    return table


def _places(classes: Int[Tensor, " examples"], drawn: Int[Tensor, " drawn"]) -> Int[Tensor, " examples"]:
    """Return each class's place among the drawn ones, -1 where it is none of them."""
    places = torch.searchsorted(drawn, classes).clamp_max(len(drawn) - 1)
    return torch.where(drawn[places] == classes, places, -1)
