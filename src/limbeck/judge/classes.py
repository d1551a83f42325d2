"""A model's figures class by class, and which class it takes for which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.objective import check_labels


@dataclass(frozen=True)
class ClassFigures:
    """One class's figures; those that divide by nothing are None."""

    support: int
    """Examples that have this label."""
    errors: int
    """Those of them that are taken for another class."""
    precision: float | None
    """Share (0..1) of the examples taken for this class that have its label."""
    recall: float | None
    """Share (0..1) of the examples with its label that are taken for it."""
    f1: float | None
    """2 · precision · recall / (precision + recall)."""


@dataclass(frozen=True)
class Confusion:
    """A kind of error: how many examples of one class are taken for another."""

    label: int
    choice: int
    examples: int


def by_class(logits: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]) -> list[ClassFigures]:
    """Return the figures of each class, in the order of the classes.

    Raises:
        ArgumentError: not one label a row, or outside the classes.
    """
    from sklearn.metrics import multilabel_confusion_matrix

    check_labels(labels, logits)
    classes, chosen = np.arange(logits.shape[1]), logits.argmax(-1)
    tables = multilabel_confusion_matrix(labels, chosen, labels=classes).astype(int)  # floats where nothing is right
    return [_figures(*table.ravel().tolist()) for table in tables]


def _figures(_: int, taken_for_it: int, errors: int, right: int) -> ClassFigures:
    def share(whole: float) -> float | None:
        return right / whole if whole else None

    support = right + errors
    f1 = share(right + (taken_for_it + errors) / 2)
    return ClassFigures(support, errors, share(right + taken_for_it), share(support), f1)


def class_table(
    models: Mapping[str, Float[Tensor, "examples classes"]],
    labels: Int[Tensor, " examples"],
    class_names: Sequence[str],
) -> list[dict[str, str]]:
    """Return the figures of each class and model, ready to print: the class with the most errors first.

    Raises:
        ArgumentError: no model, or labels or names that don't fit its classes.
    """
    if not models:
        raise ArgumentError("a table of classes must have at least one model, got none")
    own = {name: by_class(logits, labels) for name, logits in models.items()}
    counts = {len(figures) for figures in own.values()}
    if counts != {len(class_names)}:
        raise ArgumentError(f"there must be {max(counts)} class names, one a class, got {len(class_names)}")
    order = sorted(range(len(class_names)), key=lambda each: -sum(figures[each].errors for figures in own.values()))
    return [_row(class_names[each], {name: figures[each] for name, figures in own.items()}) for each in order]


def _row(class_name: str, models: Mapping[str, ClassFigures]) -> dict[str, str]:
    row = {"class": class_name, "examples": str(next(iter(models.values())).support)}
    for name, own in models.items():
        row |= {f"{name}: errors": str(own.errors)}
        shares = {"precision": own.precision, "recall": own.recall, "F1": own.f1}
        row |= {f"{name}: {what}": "–" if share is None else f"{share:.1%}" for what, share in shares.items()}
    return row


def most_confused(
    chosen: Int[Tensor, " examples"], labels: Int[Tensor, " examples"], num_classes: int, most: int
) -> list[Confusion]:
    """Return the commonest errors, at most so many; of equal ones the lower classes come first.

    >>> import torch
    >>> most_confused(torch.tensor([1, 1, 0]), torch.tensor([0, 0, 1]), 2, 1)
    [Confusion(label=0, choice=1, examples=2)]
    """
    wrong = chosen != labels
    pairs, counts = (labels[wrong].long() * num_classes + chosen[wrong]).unique(return_counts=True)
    places = counts.argsort(descending=True, stable=True)[:most].tolist()
    return [Confusion(*divmod(int(pairs[place]), num_classes), int(counts[place])) for place in places]
