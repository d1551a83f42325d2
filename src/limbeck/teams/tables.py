"""Section 5's three tables as rows of record: paper beside ours, one value a seed."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.evidence import row_of
from limbeck.specialists import folded_labels
from limbeck.specialists.team import Terms
from limbeck.teams.choosing import Choice, Told

TEAM = "ensemble"  # setting of generalist and specialists together
CONDITIONAL, ACCURACY, CHANGE = "conditional accuracy", "accuracy", "relative change"
HELD_OUT = "held-out errors"
PAPER = {  # table 3: of the generalist, and with 61 specialists
    ("teacher", CONDITIONAL): 0.431,
    ("teacher", ACCURACY): 0.25,
    ("ensemble", CONDITIONAL): 0.459,
    ("ensemble", ACCURACY): 0.261,
    ("ensemble", CHANGE): 0.044,
}
BY_COVERAGE = (0.0, 0.034, 0.074, 0.088, 0.105, 0.111, 0.113, 0.128, 0.136, 0.166, 0.141)  # table 4, by 0, 1, ... 10+


def conditional_accuracy(
    logits: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"], inside: Bool[Tensor, "classes sets"]
) -> float:
    """Return the accuracy on examples of special classes where no other class can be chosen (s. 5.5, table 3).

    An example counts once for each special set that has its class, and is judged among that set's classes.
    """
    right = total = 0
    for own in inside.T:
        rows = own[labels]
        chosen = logits[rows].masked_fill(~own, -torch.inf).argmax(1)
        right += int((chosen == labels[rows]).sum())
        total += int(rows.sum())
    return right / total


def accuracy_rows(told: Sequence[Told], labels: Int[Tensor, " examples"]) -> list[dict[str, Any]]:
    """Return table 3's first column, its second being each setting's accuracy, and the relative change of that."""
    found = []
    for setting, said in (("teacher", "generalist"), ("ensemble", "together")):
        values = [conditional_accuracy(getattr(own, said), labels, own.inside) for own in told]
        found.append(row_of(setting, CONDITIONAL, values, PAPER[setting, CONDITIONAL]))
    before, after = ([_accuracy(logits, labels) for logits in each] for each in _both(told))
    changes = [new / old - 1 if old else 0.0 for old, new in zip(before, after, strict=True)]
    return [*found, row_of("ensemble", CHANGE, changes, PAPER["ensemble", CHANGE])]


def try_rows(every: Sequence[Choice], alone: Sequence[float]) -> list[dict[str, Any]]:
    """Return all tries: errors on held-out examples, beside the generalist's own there."""
    told = [(f"{TEAM}, {choice.told}", [float(each) for each in choice.errors]) for choice in every]
    return [row_of(setting, HELD_OUT, values, None) for setting, values in [("teacher", list(alone)), *told]]


def coverage_rows(told: Sequence[Told], labels: Int[Tensor, " examples"]) -> list[dict[str, Any]]:
    """Return table 4: by number of specialists that cover the true class, examples, gain and relative change."""
    found: list[dict[str, Any]] = []
    counts = [own.inside.sum(1)[labels] for own in told]
    for covering in range(int(max(count.max() for count in counts)) + 1):
        rows = [count == covering for count in counts]
        if not any(own.any() for own in rows):
            continue
        before, after = (
            [int((logits[own].argmax(1) == labels[own]).sum()) for logits, own in zip(each, rows, strict=True)]
            for each in _both(told)
        )
        setting = f"ensemble, covered by {covering}"
        found.append(row_of(setting, "test examples", [float(own.sum()) for own in rows], None))
        found.append(row_of(setting, "right", [float(each) for each in before], None))
        gains = [float(new - old) for old, new in zip(before, after, strict=True)]
        found.append(row_of(setting, "gained", gains, None))
        changes = [gain / old for gain, old in zip(gains, before, strict=True) if old]
        if changes:
            found.append(row_of(setting, CHANGE, changes, BY_COVERAGE[min(covering, len(BY_COVERAGE) - 1)]))
    return found


def brought_rows(told: Sequence[Told], labels: Int[Tensor, " examples"]) -> list[dict[str, Any]]:
    """Return what each specialist brings: within its own classes, and to all together.

    Specialists of other seeds have other classes: those with the same number are told together.
    """
    found = []
    for place in range(len(told[0].specialists)):
        setting = f"ensemble, specialist {place + 1}"
        own = [_within(each, labels, place) for each in told]
        for metric, values in zip(
            ("generalist within its classes", "specialist within its classes"), zip(*own, strict=True), strict=True
        ):
            found.append(row_of(setting, metric, list(values), None))
        found.append(row_of(setting, "gained alone", [_gain(each, labels, (place,)) for each in told], None))
        others = [tuple(m for m in range(len(each.specialists)) if m != place) for each in told]
        lost = [
            float(_right(each.together, labels) - _right(each.generalist, labels)) - _gain(each, labels, rest)
            for each, rest in zip(told, others, strict=True)
        ]
        found.append(row_of(setting, "gained in the team", lost, None))
    return found


def _within(told: Told, labels: Tensor, place: int) -> tuple[float, float]:
    """Return generalist's and specialist's accuracy on a specialist's classes, where no other can be chosen."""
    member, num_classes = told.terms.members[place], told.generalist.shape[1]
    folded = folded_labels(labels, member.special_classes, num_classes)
    rows, classes = folded < len(member.special_classes), torch.tensor(member.special_classes)
    own = told.specialists[place][rows]
    own = own[:, classes] if member.full_softmax else own[:, :-1]
    return _accuracy(told.generalist[rows][:, classes], folded[rows]), _accuracy(own, folded[rows])


def _gain(told: Told, labels: Tensor, places: tuple[int, ...]) -> float:
    """Return how many more examples are right where some of the specialists join the generalist."""
    terms = Terms(tuple(told.terms.members[m] for m in places), told.terms.n, told.terms.generalist)
    together = terms.together(told.generalist, [told.specialists[m] for m in places])
    return float(_right(together, labels) - _right(told.generalist, labels))


def _both(told: Sequence[Told]) -> tuple[list[Tensor], list[Tensor]]:
    return [own.generalist for own in told], [own.together for own in told]


def _right(logits: Tensor, labels: Tensor) -> int:
    return int((logits.argmax(1) == labels).sum())


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return _right(logits, labels) / max(len(labels), 1)
