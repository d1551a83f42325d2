"""The test examples that the page holds, ready to be drawn and softened there: as many as a budget of bytes allows."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, zip_longest
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.report.choice import mistaken, sharing, telling
from limbeck.report.inputs import pictures_of, values_of
from limbeck.report.judged import Evidence
from limbeck.report.mistakes import Mistake

BUDGET_BYTES = 1_000_000  # of all examples, as JSON
AT_ONCE = 64  # examples prepared together
MOST_BARS = 10  # classes that have a bar of their own, beside the label and the models' choices
EXACT_DIGITS, REST_DIGITS = 4, 2  # decimals of a logit that has a bar, and of one that has none


@dataclass(frozen=True)
class Example:
    """One test example, and what the models make of it; classes are told by their numbers."""

    id: int
    origin: str | None
    """The file it is from, or the row of one; None where nobody says."""
    label: int | None
    choices: list[int]
    """Those of teacher, twin and student."""
    picture: str | None
    """A PNG as a data URI, None where the input is no image."""
    values: list[str]
    """The first of the input's values where it is no image."""
    bars: list[int]
    """The classes that have a bar."""
    logits: list[dict[str, Any]]
    """Those of the same models: `shown`, null for -inf, and `rest`, the other logits' values and counts."""


@dataclass(frozen=True)
class Held:
    """All examples of a page."""

    examples: list[Example]
    telling: list[str]
    """Why each of the first so many was chosen."""
    pairs: list[tuple[int, int]]
    """Two classes each, in the order of what they share in the teacher's eyes."""


def hold(evidence: Evidence, kinds: list[Mistake], temperature: float, budget_bytes: int = BUDGET_BYTES) -> Held:
    """Return the examples to be held: those that tell most, then mistakes and shared examples in turn.

    A mistake's surest examples come before its others, and each kind has its first before any has its second. The
    telling ones are always there, whatever the budget.
    """
    first = telling(evidence)
    shared, pairs = sharing(evidence.reference.logits, temperature)
    turns = zip_longest(mistaken(evidence, kinds).tolist(), shared.tolist())
    rows = dict.fromkeys(chain((row for row, _ in first), (row for turn in turns for row in turn if row is not None)))
    examples: list[Example] = []
    size = 0
    for example in _examples(evidence, list(rows)):
        size += len(json.dumps(asdict(example), separators=(",", ":")))
        if size > budget_bytes and len(examples) >= len(first):
            break
        examples.append(example)
    return Held(examples, [why for _, why in first], pairs)


def _examples(evidence: Evidence, rows: list[int]) -> Iterator[Example]:
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        ids = evidence.test_set.ids[some]
        pictures, values = pictures_of(evidence.test_set, ids), values_of(evidence.test_set, ids)
        for row, number, picture, told in zip(some, ids.tolist(), pictures, values, strict=True):
            yield _example(evidence, row, number, picture, [] if picture else told)


def _example(evidence: Evidence, row: int, number: int, picture: str | None, values: list[str]) -> Example:
    label = None if evidence.labels is None else int(evidence.labels[row])
    choices = [int(model.chosen[row]) for model in evidence.cast]
    shown = classes_with_bars(evidence.reference.logits[row], [*([] if label is None else [label]), *choices])
    logits = [logits_for_page(model.logits[row], shown) for model in evidence.cast]
    test_set = evidence.test_set
    origin = test_set.origins[number] if test_set.origins is not None and test_set.run_lengths is None else None
    return Example(number, origin, label, choices, picture, values, shown, logits)


def classes_with_bars(logits: Float[Tensor, " classes"], also: Sequence[int] = ()) -> list[int]:
    """Return all classes in their order, or the MOST_BARS most probable ones, at every temperature the same.

    Those of `also` that are not among these come last.
    """
    if len(logits) <= MOST_BARS:
        return list(range(len(logits)))
    highest = logits.nan_to_num(-torch.inf).argsort(descending=True, stable=True)[:MOST_BARS].tolist()
    return list(dict.fromkeys([*highest, *also]))


def logits_for_page(logits: Float[Tensor, " classes"], shown: Sequence[int]) -> dict[str, Any]:
    """Return the logits of the classes with bars, and the others as rounded values with their counts.

    A row then has a bounded size, however many classes there are. A class of probability 0 is null among the first
    and left out of the others.

    >>> logits_for_page(torch.tensor([2.0, -torch.inf, 1.001, 0.999]), [0, 1])
    {'shown': [2.0, None], 'rest': {'values': [1.0], 'counts': [2]}}
    """
    wide = logits.double().nan_to_num(nan=-torch.inf, posinf=torch.finfo(torch.float32).max, neginf=-torch.inf)
    others = torch.ones(len(wide), dtype=torch.bool)
    others[list(shown)] = False
    rest = wide[others & wide.isfinite()].mul(10**REST_DIGITS).round()
    values, counts = rest.unique(return_counts=True)
    return {
        "shown": [round(z, EXACT_DIGITS) if z > -torch.inf else None for z in wide[list(shown)].tolist()],
        "rest": {
            "values": [round(z / 10**REST_DIGITS, REST_DIGITS) for z in values.tolist()],
            "counts": counts.tolist(),
        },
    }
