"""What the tables come to, in sentences: choices, gains, differences over speakers."""

from collections.abc import Mapping, Sequence

from limbeck.acoustic import Scales, Share, difference_interval, rate_interval
from limbeck.evidence import mean_of
from limbeck.hybrid.choosing import Tries
from limbeck.hybrid.ground import Ground
from limbeck.hybrid.hearing import Decoded
from limbeck.hybrid.lessons import LONG_TWIN, STUDENT, TWIN, labels_of, soft_of
from limbeck.hybrid.tables import KINDS, Logits, Systems, frame_errors, frames_right, word_shares

ENSEMBLE = "ensemble"


def scales_told(ground: Ground, scales: Mapping[str, Scales]) -> list[str]:
    """Return in words what was chosen for decoding."""
    return [
        f"By {ground.held_out.frames.name}, for the {language} model: acoustic scale {own.acoustic:g}, "
        f"κ = {own.prior:g}, insertion penalty {own.insertion_penalty:g}; the same for all systems."
        for language, own in scales.items()
    ]


def tries_told(ground: Ground, tries: Tries, chosen: tuple[float, float]) -> list[str]:
    """Return in words what temperatures and hard weights came to; nothing where one alone was to be had."""
    if len(tries) == 1:
        return []
    told = [f"T = {pair[0]:g} and {pair[1]:g}: {errors:,.0f}" for pair, errors in tries.items()]
    said = (
        f"Wrong frames of {ground.held_out.frames.name} by temperature and the labels' share, in the first seed's "
        f"students: {'; '.join(told)}; T = {chosen[0]:g} and {chosen[1]:g} were taken."
    )
    return [said]


def frames_told(ground: Ground, logits: Logits) -> list[str]:
    """Return in words how much of the ensemble's gain in frames the single net has."""
    right = {name: mean_of(frames_right(ground, logits[name])) for name in (TWIN, ENSEMBLE, STUDENT)}
    gain = right[ENSEMBLE] - right[TWIN]
    said = (
        f"Of the test frames the baseline has {right[TWIN]:.1%} right, the ensemble {right[ENSEMBLE]:.1%}, "
        f"the distilled net {right[STUDENT]:.1%}"
    )
    share = f": {(right[STUDENT] - right[TWIN]) / gain:.0%} of the ensemble's gain." if gain > 0 else "."
    errors = {name: frame_errors(ground, logits[name]) for name in (TWIN, STUDENT)}
    ensemble = frame_errors(ground, [*logits[ENSEMBLE]] * len(logits[TWIN]))
    longer = [
        f"Trained for the distilled net's epochs, the first seed's baseline has {own:.1%} right."
        for own in frames_right(ground, logits.get(LONG_TWIN, []))
    ]
    return [
        said + share,
        *longer,
        _gain_told("The ensemble's", errors[TWIN], ensemble),
        _gain_told("The distilled net's", errors[TWIN], errors[STUDENT]),
    ]


def _gain_told(whose: str, before: Sequence[Share], after: Sequence[Share]) -> str:
    gain = _rate(before) - _rate(after)
    low, high = difference_interval(before, after)
    points = f"{100 * gain:+.1f} points of frame accuracy"
    return (
        f"{whose} gain over the baseline: {points} (95% interval over speakers {100 * low:+.1f} to {100 * high:+.1f})."
    )


def words_told(systems: Systems) -> list[str]:
    """Return in words each system's word error rate with its interval, and how the distilled net's differs."""
    found = []
    for language in systems[TWIN]:
        told = [f"{name} {_wer_told(own[language])}" for name, own in systems.items()]
        first, second = (word_shares(systems[name][language]) for name in (STUDENT, TWIN))
        low, high = difference_interval(first, second)
        difference = 100 * (_rate(first) - _rate(second))
        found.append(
            f"WER with the {language} model (95% intervals over speakers): {'; '.join(told)}. The distilled net's less "
            f"the baseline's: {difference:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})."
        )
    return found


def _wer_told(own: Sequence[Decoded]) -> str:
    low, high = rate_interval(word_shares(own))
    kinds = [mean_of([getattr(each.heard.total, kind) for each in own]) for kind in KINDS]
    told = ", ".join(f"{count:.0f} {kind}" for kind, count in zip(KINDS, kinds, strict=True))
    return f"{mean_of([each.rate for each in own]):.1%} ({low:.1%} to {high:.1%}; {told})"


def parts_told(ground: Ground, logits: Logits) -> list[str]:
    """Return in words what a part of the data comes to, on labels and on soft targets (section 6)."""
    whole, found = mean_of(frames_right(ground, logits[TWIN])), []
    for fraction in ground.plan.fractions:
        labels, soft = (
            mean_of(frames_right(ground, logits[name])) for name in (labels_of(fraction), soft_of(fraction))
        )
        lost = f"; they lose {(whole - soft) / (whole - labels):.0%} of what labels lose" if whole > labels else ""
        found.append(
            f"{100 * fraction:g}% of the data: {labels:.1%} of the frames right on labels with early stopping, "
            f"{soft:.1%} on soft targets, {whole:.1%} on all labels{lost}."
        )
    return found


def _rate(speakers: Sequence[Share]) -> float:
    return sum(each.errors for each in speakers) / sum(each.of for each in speakers)
