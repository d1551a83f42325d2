"""Speech that nobody spoke: each state of each phone of three words is a Gaussian of its own."""

import numpy as np

from limbeck.acoustic import Lexicon
from limbeck.data.utterances import Spoken, gathered

LEXICON = Lexicon((("ab", ("A", "B")), ("ba", ("B", "A")), ("cab", ("C", "A", "B")), ("cab", ("C", "B"))))
FEATURES = 6
MEANS = np.random.default_rng(7).normal(0, 4, (3 * len(LEXICON.phones), FEATURES))


def made_utterances(count=30, seed=0, noise=1.0):
    """Utterances of two to four words, silences around them, and the true monophone state of each frame."""
    random = np.random.default_rng(seed)
    spoken, truth = [], []
    for number in range(count):
        drawn = random.integers(len(LEXICON.pronunciations), size=random.integers(2, 5))
        phones = [LEXICON.phone_number[p] for each in drawn for p in LEXICON.pronunciations[each][1]]
        states = [3 * (phone - 1) + position for phone in [1, *phones, 1] for position in range(3)]
        aligned = np.repeat(states, random.integers(1, 6, len(states)))
        frames = (MEANS[aligned] + random.normal(0, noise, (len(aligned), FEATURES))).astype(np.float32)
        words = tuple(LEXICON.pronunciations[each][0] for each in drawn)
        spoken.append(Spoken(f"u{number}", f"s{number % 3}", words, frames))
        truth.append(aligned)
    return gathered(spoken, "made"), truth


def true_scores(frames):
    """How probable each frame is in each monophone state, but for a constant."""
    return (-0.5 * ((frames[:, None] - MEANS) ** 2).sum(-1)).astype(np.float32)
