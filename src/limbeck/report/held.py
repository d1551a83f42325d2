"""What the page's explorers are given, as JSON."""

from dataclasses import asdict
from typing import Any

from limbeck.report.examples import Held
from limbeck.report.judged import Evidence
from limbeck.report.mistakes import MOST_MISTAKES, Mistake, drawn_classes
from limbeck.report.pictures import tone

SOFT_DIGITS = 5


def told(evidence: Evidence, held: Held, kinds: list[Mistake]) -> dict[str, Any]:
    """Return the examples, the kinds of mistakes, and the names by which both are told."""
    cast, labels = evidence.cast, evidence.labels
    reference = cast.index(evidence.reference)
    others = [place for place in range(len(cast)) if place != reference]
    student = [place for place in others if cast[place] is evidence.student]
    return {
        "names": evidence.class_names,
        "cast": [model.name for model in cast],
        "tones": [tone(model) for model in cast],
        "reference": reference,
        "beside": next(iter([*student, *others]), None),
        "examples": [asdict(example) for example in held.examples],
        "telling": held.telling,
        "pair": held.pairs[0] if held.pairs else None,
        "numValues": evidence.test_set.at(evidence.test_set.ids[:1]).numel(),
        "drawn": [] if labels is None else drawn_classes(cast, labels, evidence.num_classes).tolist(),
        "mistakes": [[k.label, k.choice, k.by_any, round(k.soft, SOFT_DIGITS), *k.counts] for k in kinds],
        "mistakesLeftOut": sum(kind.by_any > 0 for kind in kinds) >= MOST_MISTAKES,
    }
