"""The rows of record of section 4 and section 6: frames that are right, words that are wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.acoustic import Scales, Share
from limbeck.evidence import FRAMES, WER, row_of
from limbeck.hybrid.ground import Ground, frames_of
from limbeck.hybrid.hearing import Decoded, audio_seconds, decoded, log_probs_of

Logits = Mapping[str, Sequence[Float[Tensor, "frames states"]]]
"""What each setting's nets say of the test set, one a seed."""
KINDS = ("substitutions", "insertions", "deletions")
Systems = dict[str, dict[str, list[Decoded]]]
"""What was heard: by setting, then by model of language, one a seed."""


def heard_by(ground: Ground, logits: Logits, scales: Mapping[str, Scales]) -> Systems:
    """Return what each system hears of the test set with each model of language."""
    found: Systems = {}
    for setting, own in logits.items():
        said = [log_probs_of(each, ground.test) for each in own]
        found[setting] = {
            language: [decoded(ground, language, each, ground.test, scales[language]) for each in said]
            for language in ground.languages
        }
    return found


def frames_right(ground: Ground, logits: Sequence[Float[Tensor, "frames states"]]) -> list[float]:
    """Return each net's share (0..1) of the test frames of which it tells the state."""
    return [float((own.argmax(1) == ground.study.labels).double().mean()) for own in logits]


def frame_errors(ground: Ground, logits: Sequence[Float[Tensor, "frames states"]]) -> list[Share]:
    """Return each speaker's wrong frames among all, in the order of the alphabet, added up over seeds."""
    lengths = torch.tensor(frames_of(ground.test))
    speakers = [ground.test.speakers[each] for each in ground.test.ids]
    wrong = torch.stack([own.argmax(1) != ground.study.labels for own in logits]).sum(0)
    counts = [int(part.sum()) for part in wrong.split(lengths.tolist())]
    found = dict.fromkeys(sorted(set(speakers)), Share(0, 0))
    for speaker, count, length in zip(speakers, counts, lengths.tolist(), strict=True):
        found[speaker] = Share(found[speaker].errors + count, found[speaker].of + length * len(logits))
    return list(found.values())


def word_shares(own: Sequence[Decoded]) -> list[Share]:
    """Return each speaker's word errors among the words, added up over seeds."""
    return [
        Share(sum(each.count for each in speaker), sum(each.num_words for each in speaker))
        for speaker in zip(*(each.speakers for each in own), strict=True)
    ]


def frame_rows(ground: Ground, logits: Logits) -> list[dict[str, Any]]:
    """Return the rows of record of frames that are right."""
    paper = ground.study.paper
    return [
        row_of(setting, FRAMES, frames_right(ground, own), paper.get((setting, FRAMES)))
        for setting, own in logits.items()
    ]


def word_rows(ground: Ground, systems: Systems) -> list[dict[str, Any]]:
    """Return the rows of record of words that are wrong, by kind too, and how much quicker than speech decoding is."""
    rows, paper = [], ground.study.paper
    for setting, own in systems.items():
        for language, heard in own.items():
            name = f"{setting}, {language}"
            rows.append(row_of(name, WER, [each.rate for each in heard], paper.get((name, WER))))
            totals = [each.heard.total for each in heard]
            for kind in KINDS:
                rows += [row_of(name, kind, [float(getattr(each, kind)) for each in totals], None)]
            length = audio_seconds(ground.meant(language, ground.test))
            quicker = [length / each.heard.seconds for each in heard]
            rows.append(row_of(f"{name}, audio / decoding", "ratio", quicker, None))
    return rows
