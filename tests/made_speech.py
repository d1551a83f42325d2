"""Speech that nobody spoke: each state of each phone of three words is a Gaussian of its own."""

import numpy as np
import pyarrow as pa
import torch
from pyarrow import parquet

from limbeck.acoustic import Lexicon
from limbeck.data.utterances import Spoken, gathered
from limbeck.progress import Progress
from limbeck.runs import Run

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
        spoken.append(Spoken(f"u{number}", f"s{number % 5}", words, frames))
        truth.append(aligned)
    return gathered(spoken, "made"), truth


def true_scores(frames):
    """How probable each frame is in each monophone state, but for a constant."""
    return (-0.5 * ((frames[:, None] - MEANS) ** 2).sum(-1)).astype(np.float32)


def write_an4(folder, count):
    """Made speech in AN4's form."""
    (folder / "etc").mkdir(parents=True)
    named = [f"{word}  {' '.join(phones)}" for word, phones in LEXICON.pronunciations]
    (folder / "etc/an4.dic").write_text("\n".join(named).replace("cab  C B", "cab(2)  C B"))
    words = "".join(f"-0.6\t{word}\n" for word in ("</s>", *LEXICON.words))
    (folder / "etc/an4.ug.lm").write_text(f"\\data\\\nngram 1=5\n\n\\1-grams:\n-99\t<s>\n{words}\n\\end\\\n")
    utterances, _ = made_utterances(count)
    for split, ids in (("train", range(4, count)), ("test", range(4))):
        frames = [np.pad(utterances.frames_of(each), ((0, 0), (0, 13 - FEATURES))).ravel() for each in ids]
        columns = {
            "key": [f"made/{utterances.speakers[each]}/{each}" for each in ids],
            "text": [" ".join(utterances.transcripts[each]) for each in ids],
            "num_frames": [len(each) // 13 for each in frames],
            "mfcc": frames,
        }
        parquet.write_table(pa.table(columns), folder / f"{split}.parquet")


def tones(digit, random, rate=8000):
    """A digit as sound: two tones for each of its phones, faint noise around them; and when the first phone begins."""
    from limbeck.recipes.fsdd import PRONUNCIATIONS

    words = list(dict.fromkeys(word for word, _ in PRONUNCIATIONS))
    names = sorted({phone for _, phones in PRONUNCIATIONS for phone in phones})
    spelled = next(phones for word, phones in PRONUNCIATIONS if word == words[digit])
    parts = [np.zeros(int(rate * random.uniform(0.03, 0.06)))]
    for phone in spelled:
        place = names.index(phone)
        time = np.arange(int(rate * random.uniform(0.06, 0.1))) / rate
        pair = (200 + 150 * (place % 5), 1200 + 500 * (place // 5))
        parts.append(sum(np.sin(2 * np.pi * hertz * time) for hertz in pair) / 8)
    sound = np.concatenate([*parts, np.zeros(int(rate * 0.04))])
    return (sound + random.normal(0, 1e-3, len(sound))).astype(np.float32)


def write_fsdd(folder, speakers=("ann", "bob"), numbers=(0, 5, 6, 7)):
    """Tones in FSDD's form."""
    import soundfile

    random = np.random.default_rng(0)
    (folder / "recordings").mkdir(parents=True)
    for digit in range(10):
        for speaker in speakers:
            for number in numbers:
                path = folder / "recordings" / f"{digit}_{speaker}_{number}.wav"
                soundfile.write(path, tones(digit, random), 8000)


def run_in(folder, config, seeds=1):
    """A run of it."""
    return Run("an4", config, folder / "run", seeds, None, Progress(), "limbeck run an4", cache=folder, ship=False)


def perfect(ground, utterances, wrong=0.0):
    """Logits of a net that knows the state of each frame, but for a share of them."""
    labels = ground.start.labelled(utterances).labels_to_judge()
    logits = torch.full((len(labels), len(ground.start.states)), -9.0)
    told = torch.where(torch.rand(len(labels), generator=torch.Generator().manual_seed(0)) < wrong, 0, labels)
    return logits.scatter_(1, told[:, None], 0.0)
