"""What the page shows of a run's words: errors over speakers, and a few utterances that tell most."""

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from limbeck.acoustic import (
    Scales,
    TiedStates,
    frame_scores,
    path_found,
    phone_spans,
    rate_interval,
    word_pairs,
    word_spans,
)
from limbeck.data.utterances import Span, Words
from limbeck.evidence import mean_of
from limbeck.hybrid.ground import Ground
from limbeck.hybrid.hearing import Decoded, LogProbs, audio_seconds, log_probs_of
from limbeck.hybrid.lessons import STUDENT, TWIN
from limbeck.hybrid.tables import KINDS, Logits, Systems, word_shares
from limbeck.report.speech import Hearing, Speech, Utterance, WordRate

Said = Mapping[str, LogProbs]
"""What each system's net of seed 0 says of the test utterances."""
MOST = 6  # utterances
WHY = {  # by whether student and twin are right
    (True, False): "the student is right, the twin wrong",
    (False, True): "the twin is right, the student wrong",
    (False, False): "both are wrong",
    (True, True): "both are right",
}
DEVIATIONS = 2.5  # from the mean to a feature's darkest and lightest


def speech_of(ground: Ground, logits: Logits, systems: Systems, scales: Mapping[str, Scales]) -> Speech:
    """Return what the page tells of speech: all systems' word errors, and utterances as those of seed 0 hear them."""
    said = {name: log_probs_of(logits[name][0], ground.test) for name in systems}
    over = "the speaker's frames" if ground.plan.normalised == "speaker" else "all training frames"
    return Speech(
        rates=[_rate(ground, name, *own) for name, heard in systems.items() for own in heard.items()],
        phones=list(ground.lexicon.phones),
        front=f"{_width(ground)} features, each less its mean over {over}",
        utterances=[_utterance(ground, each, why, said, scales) for each, why in chosen(ground, systems)],
    )


def chosen(ground: Ground, systems: Systems, count: int = MOST) -> list[tuple[int, str]]:
    """Return test utterances, and why: those on which student and twin differ first, in turns with those they don't.

    They are what seed 0 heard with the first model of language that is for them; where models are for different
    utterances, each has its turn. Of a kind the one comes first in which they differ by most words, then the one with
    most errors, then the longest.
    """
    first: dict[tuple[int, ...], str] = {}
    for language in ground.languages:
        first.setdefault(tuple(ground.meant(language, ground.test).ids), language)
    turns = zip_longest(*(_in_turns(ids, systems, language) for ids, language in first.items()))
    return [each for each in chain(*turns) if each is not None][:count]


def _in_turns(ids: Sequence[int], systems: Systems, language: str) -> list[tuple[int, str]]:
    errors = [systems[name][language][0].heard.errors for name in (STUDENT, TWIN)]
    kinds: dict[str, list[tuple[int, ...]]] = {why: [] for why in WHY.values()}
    for each, student, twin in zip(ids, *errors, strict=True):
        differ, both = abs(student.count - twin.count), student.count + twin.count
        kinds[WHY[not student.count, not twin.count]].append((-differ, -both, -student.num_words, each))
    turns = zip_longest(*([(own[-1], why) for own in sorted(rows)] for why, rows in kinds.items()))
    return [each for each in chain(*turns) if each is not None]


def _rate(ground: Ground, system: str, language: str, own: list[Decoded]) -> WordRate:
    totals = [each.heard.total for each in own]
    substitutions, insertions, deletions = (mean_of([getattr(each, kind) for each in totals]) for kind in KINDS)
    return WordRate(
        system=system,
        language=language,
        seeds=len(own),
        num_words=totals[0].num_words,
        rate=mean_of([each.rate for each in own]),
        interval=rate_interval(word_shares(own)),
        substitutions=substitutions,
        insertions=insertions,
        deletions=deletions,
        real_time_factor=mean_of([each.heard.seconds for each in own])
        / audio_seconds(ground.meant(language, ground.test)),
    )


def _utterance(ground: Ground, each: int, why: str, said: Said, scales: Mapping[str, Scales]) -> Utterance:
    states, test = ground.start.states, ground.test
    phones = phone_spans(ground.start.alignments[each], states, ground.lexicon)
    own = {name: log_probs[each] for name, log_probs in said.items()}
    features = torch.from_numpy(test.frames_of(each)[:, : _width(ground)])
    return Utterance(
        key=test.keys[each],
        speaker=test.speakers[each],
        why=why,
        features=_in_8_bits((features / DEVIATIONS + 1) / 2),
        words=word_spans(test.transcripts[each], phones, ground.lexicon),
        phones=phones,
        places=torch.from_numpy(states.roots[ground.start.alignments[each]].astype(np.int16)),
        posteriors={name: _in_8_bits(by_place(torch.from_numpy(one).exp(), states)) for name, one in own.items()},
        hearings=[
            Hearing(name, language, *_heard(ground, language, scales[language], own[name], test.transcripts[each]))
            for name in own
            for language in ground.languages
            if each in ground.meant(language, test).ids
        ],
        sound=test.sounds[each],
    )


def _heard(
    ground: Ground, language: str, scales: Scales, own: Float32[np.ndarray, "_ states"], said: Words
) -> tuple[list[tuple[str, str]], list[Span]]:
    """Return what was said beside what is heard, and when each word is heard."""
    graph = ground.graph_of(language, scales.insertion_penalty)
    path = path_found(graph, frame_scores(own, ground.start.priors, scales), ground.plan.beam)
    words = [] if path is None else [ground.lexicon.words[word - 1] for word in path.words]
    phones = [] if path is None else phone_spans(path.states, ground.start.states, ground.lexicon)
    return word_pairs(said, words), word_spans(words, phones, ground.lexicon)


def _width(ground: Ground) -> int:
    """Return how many features a frame has before its slopes."""
    return ground.test.frames.inputs.shape[1] // (3 if ground.plan.slopes else 1)


def by_place(probs: Float[Tensor, "frames states"], states: TiedStates) -> Float[Tensor, "frames places"]:
    """Return the probability of each place in a phone: the sum over the states that share it."""
    roots = torch.from_numpy(states.roots)
    return probs.new_zeros(len(probs), len(states.trees)).index_add(1, roots, probs)


def _in_8_bits(values: Float[Tensor, "frames rows"]) -> UInt8[Tensor, "frames rows"]:
    return (values * 255).round().clamp(0, 255).to(torch.uint8)
