"""From a corpus to the ground that nets stand on: who is held out, which state a frame is, how nets see frames."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch

from limbeck.acoustic import Lexicon, StartBudget, start_from_words, state_names
from limbeck.acoustic.graphs import Graph
from limbeck.data import Perturbed, Splice, TransferSet, Utterances
from limbeck.data.filterbanks import with_deltas
from limbeck.data.utterances import Frames
from limbeck.data.views import View
from limbeck.errors import ArgumentError, DataError
from limbeck.hybrid.front import Front
from limbeck.hybrid.ground import Ground
from limbeck.hybrid.plan import Plan
from limbeck.runs import Run
from limbeck.study import Paper, Study

PAPER: Paper = {
    ("twin", "frame accuracy"): 0.589,
    ("ensemble", "frame accuracy"): 0.611,
    ("student", "frame accuracy"): 0.608,
    ("twin, n-gram", "WER"): 0.109,
    ("ensemble, n-gram", "WER"): 0.107,
    ("student, n-gram", "WER"): 0.107,
    ("twin, 3% labels, early stopping", "frame accuracy"): 0.445,
    ("student, 3% soft", "frame accuracy"): 0.570,
}  # tables 1 and 5: 2000 hours of private speech, 14,000 states


@dataclass(frozen=True, eq=False)
class Corpus:
    """What a recipe brings: two sets of one source, the words, and the models of language to decode with."""

    train: Utterances
    test: Utterances
    lexicon: Lexicon
    start: StartBudget
    in_voice: Callable[[float, Frames], Frames] | None = None
    """From a factor and features to those of a vocal tract so many times as long, where that is known."""


def parted(corpus: Corpus, plan: Plan) -> tuple[Utterances, Utterances, Utterances]:
    """Return a corpus's training utterances, those of held-out speakers, and those to test on, normalised."""
    features = _seen(corpus.train, plan)
    train, held_out = features.hold_out(plan.held_out)
    return train, held_out, features.whole().subset(corpus.test.ids, corpus.test.frames.name)


def _seen(source: Utterances, plan: Plan) -> Utterances:
    return (source.changed(with_deltas) if plan.slopes else source).normalised(plan.normalised)


def training_view(corpus: Corpus, train: Utterances, plan: Plan) -> View:
    """Return how nets see training frames: spliced, and perhaps in other voices and at other paces.

    Raises:
        ArgumentError: voices are asked for, and nobody knows how to make them of these features.
    """
    splice = Splice(train.frames, plan.before, plan.after)
    if not plan.perturbed:
        return splice
    if not plan.voices:
        return Perturbed(splice, train.frames.inputs[None], plan.pace)
    if corpus.in_voice is None:
        raise ArgumentError(f"voices must be none where features are not cepstra, got {plan.voices}")
    changes = [partial(corpus.in_voice, each) for each in plan.voices]
    voices = [_seen(corpus.train.changed(change), plan) for change in changes]
    return Perturbed(splice, torch.stack([each.frames.inputs for each in voices]), plan.pace)


def prepared(
    corpus: Corpus,
    parts: tuple[Utterances, Utterances, Utterances],
    languages: Mapping[str, Graph],
    plan: Plan,
    run: Run,
    *,
    front: Front | None = None,
    among: Mapping[str, Collection[int]] | None = None,
    paper: Paper = PAPER,
) -> Ground:
    """Return the ground of a recipe: frames aligned with states.

    Args:
        corpus: where everything is from.
        parts: utterances to train on, held out, and to test on, of one source.
        languages: the models of language, by the name of their settings.
        plan: what is asked for.
        run: whose cache is used.
        front: how audio became the utterances' frames, where any file may.
        among: of models of language that are not for all utterances, those that they are for.
        paper: figures to stand beside ours.

    Raises:
        LimbeckError: as `check_speakers`, `part_of` and `start_from_words`; nothing was trained.
    """
    train, held_out, test = parts
    check_speakers(test, test.ids, test.frames.name)
    for language, own in (among or {}).items():
        check_speakers(test, own, f"{test.frames.name} of the {language} model")
    for fraction in plan.fractions:
        part_of(train.frames, fraction, 0)
    others = train.whole().subset([*held_out.ids, *test.ids], "others")
    start = start_from_words(train, others, corpus.lexicon, corpus.start, cache=run.cache, say=run.progress.say)
    view = Splice(train.frames, plan.before, plan.after)
    names = state_names(start.states, corpus.lexicon.phones)
    runs, *judged = (replace(start.labelled(each), class_names=names, view=view) for each in parts)
    runs = runs.seen_through(training_view(corpus, train, plan))
    sets = [drawn(runs, plan), *judged]
    study = Study(run, *sets, paper=paper)
    return Ground(plan, study, corpus.lexicon, start, train, held_out, test, runs, languages, front, among or {})


def check_speakers(test: Utterances, ids: Collection[int], name: str) -> None:
    """Refuse utterances to test on from which no interval over speakers can be drawn.

    Args:
        test: a test set.
        ids: utterances of its source; those of them are meant that are in the set.
        name: what these are called.

    Raises:
        DataError: fewer than two speakers, or one who says nothing.
    """
    words = Counter[str]()
    for each in set(test.ids) & set(ids):
        words[test.speakers[each]] += len(test.transcripts[each])
    if len(words) < 2 or not all(words.values()):
        told = ", ".join(f"{count} of {speaker}" for speaker, count in sorted(words.items())) or "none"
        raise DataError(
            f"the {name} must have words of each of two speakers or more, got {told}",
            "intervals are drawn over speakers",
        )


def drawn(runs: TransferSet, plan: Plan) -> TransferSet:
    """Return training utterances as batches are drawn: one by one, or frame by frame."""
    if plan.drawn == "utterances":
        return runs
    return replace(runs, ids=runs.rows_of(runs.ids), run_lengths=None)


def part_of(train: TransferSet, fraction: float, seed: int) -> TransferSet:
    """Return a part (0..1) of the training utterances, drawn by the seed, a smaller one from a larger.

    Raises:
        ArgumentError: it would have no utterance.
    """
    size = round(fraction * len(train))
    if size < 1:
        raise ArgumentError(f"a part must have an utterance, {fraction} of {len(train)} is less")
    return train.split(size, seed + 1, f"{100 * fraction:g}% part")[1]
