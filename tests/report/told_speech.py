"""Two utterances of a language of three phones, as a run keeps them."""

import numpy as np
import torch

from limbeck.data.audio import Audio
from limbeck.data.utterances import Span
from limbeck.report.speech import Hearing, Speech, Utterance, WordRate

PHONES = ["SIL", "A", "B", "C"]
SYSTEMS = ("twin", "ensemble", "student")
RATES = [
    WordRate(system, language, 2, 40, rate, (rate / 2, 2 * rate), 40 * rate - 1.5, 1.0, 0.5, 0.0123)
    for language in ("n-gram", "uniform")
    for system, rate in zip(SYSTEMS, (0.2, 0.1, 0.15), strict=True)
]


def utterance(key, sound=None):
    """SIL A B SIL, ten frames each: the twin takes B for C in half of them, and hears other words."""
    places = torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2]).repeat_interleave(torch.tensor([4, 3, 3] * 4))
    right = (torch.nn.functional.one_hot(places, 12) * 255).to(torch.uint8)
    doubtful = right.clone()
    doubtful[20:25] = 0
    doubtful[20:25, 9] = 200
    heard = {"twin": ["cab", "so"], "ensemble": ["ab"], "student": ["ab"]}
    pairs = {"twin": [("ab", "cab"), ("", "so")], "ensemble": [("ab", "ab")], "student": [("ab", "ab")]}
    spans = {name: [Span(word, 10 + 10 * n, 20 + 10 * n) for n, word in enumerate(own)] for name, own in heard.items()}
    return Utterance(
        key,
        "fash",
        "the student is right, the twin wrong",
        (torch.arange(40 * 13).reshape(40, 13) % 256).to(torch.uint8),
        [Span("ab", 10, 30)],
        [Span(name, 10 * n, 10 * n + 10) for n, name in enumerate(["SIL", "A", "B", "SIL"])],
        places.to(torch.int16),
        {name: doubtful if name == "twin" else right for name in SYSTEMS},
        [
            *(Hearing(name, "n-gram", pairs[name], spans[name]) for name in SYSTEMS),
            *(Hearing(name, "uniform", [("ab", "")], []) for name in SYSTEMS),
        ],
        sound,
    )


SOUND = Audio(np.sin(np.arange(3200) / 4).astype(np.float32) / 2, 8000)
SPEECH = Speech(RATES, PHONES, "13 cepstra", [utterance("an4/fash/1"), utterance("an4/fash/2", SOUND)])
