"""The start of an acoustic model: from words alone to a tied state for each frame, by Gaussian mixtures.

Flat start → monophones → their alignments → statistics of tri-phones → tree → tied states → realignment (the field's
road since Young et al. 1994). What comes of it is what nets are taught by: the paper's 'state of the frame' (s. 4).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from limbeck.acoustic.alignment import Alignments, check_long_enough, flat_start, priors_of, staying_of
from limbeck.acoustic.fitting import Fit
from limbeck.acoustic.gaussians import one_gaussian_each
from limbeck.acoustic.lexicon import Lexicon
from limbeck.acoustic.questions import questions_from
from limbeck.acoustic.states import (
    NUM_POSITIONS,
    TiedStates,
    monophones,
    phones_of,
    tree_from,
    tree_told,
    windows_of,
)
from limbeck.acoustic.statistics import triphone_statistics
from limbeck.acoustic.tree import check_enough, grown
from limbeck.budget import StartBudget
from limbeck.data.transfer_set import TransferSet
from limbeck.data.utterances import Utterances
from limbeck.errors import ArgumentError
from limbeck.files import fingerprint, locked
from limbeck.tensor_files import load_tensors, save_tensors

FORMAT = 1  # to be raised with every change by which the same start ends elsewhere
HASH_LENGTH = 20
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Start:
    """What a net learns from, and a decoder needs to know."""

    states: TiedStates
    alignments: Alignments
    """The tied state of each frame of each utterance, those held out or to test on among them."""
    staying: NDArray[np.float64]
    """Probability of each state's being followed by itself, from the training utterances."""
    priors: NDArray[np.float64]
    """Each state's share of the training utterances' frames."""

    def labelled(self, utterances: Utterances) -> TransferSet:
        """Return the frames of utterances, each with its tied state as its label."""
        assert utterances.frames.run_lengths is not None
        labels = torch.full((len(utterances.frames.inputs),), -1)
        for each in utterances.ids:
            rows = utterances.frames.rows_of(torch.tensor([each]))
            labels[rows] = torch.from_numpy(self.alignments[each])
        return replace(utterances.frames, labels=labels)


def start_from_words(
    train: Utterances,
    others: Utterances,
    lexicon: Lexicon,
    budget: StartBudget,
    *,
    cache: Path | None = None,
    say: Say = lambda _: None,
) -> Start:
    """Return tied states, and alignments of all utterances with them; nothing is learned from `others`.

    Args:
        train: utterances to learn from; normalised features.
        others: utterances of the same source that are only aligned: those held out, and those to test on.
        lexicon: of all their words.
        budget: what may be spent.
        cache: a folder in which the result is kept, under the hash of all that it depends on.
        say: told how far it is.

    Raises:
        ArgumentError: `others` are of another source or normalised otherwise, there are fewer states than monophones
            have, or a package is not there.
        DataError: an utterance is too short for its words, or doesn't sound like them.
    """
    if others.frames.fingerprint != train.frames.fingerprint:
        raise ArgumentError(
            "train and others must be subsets of one source, features normalised alike; theirs differ",
            "normalise the training utterances, then take train.whole().subset(others.ids, name)",
        )
    check_enough(budget.num_states, len(lexicon.phones))
    for each in (train, others):
        check_long_enough(each, lexicon)
    binding: dict[str, Any] = {
        "format": FORMAT,
        "frames": train.frames.fingerprint,
        "train": train.ids,
        "others": others.ids,
        "words": [train.transcripts[each] for each in sorted([*train.ids, *others.ids])],
        "lexicon": lexicon.pronunciations,
        "budget": asdict(budget),
    }
    if cache is None:
        return _made(train, others, lexicon, budget, say)
    path = cache / "starts" / f"{fingerprint(binding)[:HASH_LENGTH]}.safetensors"
    with locked(path.with_suffix(".lock"), what=path, say=say):
        if not path.exists():
            _save(path, _made(train, others, lexicon, budget, say))
        return _load(path)


def _made(train: Utterances, others: Utterances, lexicon: Lexicon, budget: StartBudget, say: Say) -> Start:
    single = monophones(len(lexicon.phones))
    alignments = flat_start(train, lexicon)
    fit = Fit(train, lexicon, single, alignments, None, say)
    fit.mixtures = one_gaussian_each(fit.frames, len(single))
    last = budget.monophone_passes - 1
    fit.passes(
        budget.monophone_passes,
        budget.monophone_gaussians,
        lambda number: number < 3 or number == last or number % budget.realign_every == 0,
    )
    statistics = triphone_statistics(train, fit.alignments, single)
    questions = questions_from(statistics, len(lexicon.phones))
    states = grown(statistics, questions, len(lexicon.phones), budget.num_states)
    say(f"{len(statistics.counts)} states of tri-phones were seen, they share {len(states)}")
    tied = {each: _in_states(alignment, single, states) for each, alignment in fit.alignments.items()}
    fit = Fit(train, lexicon, states, tied, one_gaussian_each(fit.frames, len(states)), say)
    last = budget.triphone_passes - 1
    fit.passes(
        budget.triphone_passes,
        budget.triphone_gaussians,
        lambda number: number == last or (number + 1) % budget.realign_every == 0,
    )
    everything = {**fit.alignments, **fit.alignments_of(others)}
    return Start(states, everything, staying_of(fit.alignments, len(states)), priors_of(fit.alignments, len(states)))


def _in_states(alignment: NDArray[np.int64], single: TiedStates, states: TiedStates) -> NDArray[np.int64]:
    """Return an alignment with monophones as one with tied states."""
    phones, first = phones_of(alignment, single)
    own = np.array([states.of(*window) for window in windows_of(phones)])
    phone = np.repeat(np.arange(len(phones)), np.diff(np.r_[first, len(alignment)]))
    return own[phone, single.roots[alignment] % NUM_POSITIONS]


def _save(path: Path, start: Start) -> None:
    keys = sorted(start.alignments)
    tensors = {
        "alignments": np.concatenate([start.alignments[each] for each in keys]).astype(np.int32),
        "lengths": np.array([len(start.alignments[each]) for each in keys]),
        "utterances": np.array(keys),
        "staying": start.staying,
        "priors": start.priors,
    }
    told = {"trees": [tree_told(tree) for tree in start.states.trees]}
    save_tensors(path, {name: torch.from_numpy(value) for name, value in tensors.items()}, told)


def _load(path: Path) -> Start:
    tensors, told = load_tensors(path)
    read = {name: tensor.numpy() for name, tensor in tensors.items()}
    parts = np.split(read["alignments"].astype(np.int64), read["lengths"].cumsum()[:-1])
    alignments: Mapping[int, NDArray[np.int64]] = dict(zip(read["utterances"].tolist(), parts, strict=True))
    states = TiedStates(tuple(tree_from(each) for each in told["trees"]))
    return Start(states, alignments, read["staying"], read["priors"])
