"""An ensemble of acoustic models into one net, on AN4's letters, digits and words (Hinton et al. 2015, s. 4, s. 6).

From words alone come tied states of tri-phones (`limbeck.acoustic`); nets of 8 layers learn to tell them from 26
frames. Ten of them, which differ in their random start alone, teach one of the same size. The paper's table: frames
that are right, and words that are wrong, for a baseline, the ensemble and the distilled net; and section 6's, for a
part of the data. Two models of language: bigrams of the training transcripts, and the corpus's own, in which every word
is as probable as any other. Scales, temperature and the labels' share are chosen on held-out speakers.

    limbeck run an4 --data DIR --seeds 3 --record    three paired seeds; DIR holds AN4's files, needs limbeck[speech]

The paper's figures are those of 2000 hours of private speech. Expected figures, time and machine: results/an4.json,
shown by `limbeck list`.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import limbeck
from limbeck.budget import Budget, StartBudget
from limbeck.hybrid.plan import Plan
from limbeck.runs import Run


@dataclass(frozen=True)
class An4(Plan):
    """Section 4 on AN4."""

    start: StartBudget = field(default_factory=lambda: StartBudget(num_states=300))
    hidden: tuple[int, ...] = (384,) * 8
    """Hidden units of each layer; the paper has 8 layers of 2560."""
    dropout: float = 0.1
    voices: tuple[float, ...] = (0.88, 0.92, 0.96, 1.0, 1.04, 1.08, 1.12)
    pace: float = 0.1
    views: int = 8
    drawn: Literal["utterances", "frames"] = "frames"
    hard_weights: tuple[float, ...] = (0.1, 0.5)
    acoustic_scales: tuple[float, ...] = (0.15, 0.2, 0.3)
    prior_scales: tuple[float, ...] = (0.3, 0.5, 0.8)
    insertion_penalties: tuple[float, ...] = (-2.0, -1.0, 0.0, 1.0)
    budget: Budget = field(
        default_factory=lambda: Budget(epochs=10, batch_size=1024, learning_rate=3e-3, weight_decay=0.1)
    )
    """What each net may spend that learns from labels."""
    longer: int = 2
    fractions: tuple[float, ...] = (0.03, 0.1, 0.3)
    most_times: int = 6

    def smoke(self) -> "An4":
        """Return the same run in seconds."""
        return replace(self, **self.small())


def main(config: An4, run: Run) -> "limbeck.conclusion.Result":
    """Take section 4's road."""
    from limbeck.hybrid.preparing import Corpus, parted, prepared
    from limbeck.hybrid.road import travel

    config.check()
    an4 = limbeck.data.load_an4(run.data)
    acoustic = limbeck.acoustic
    lexicon = acoustic.Lexicon(an4.pronunciations)
    corpus = Corpus(an4.train, an4.test, lexicon, config.start, limbeck.data.in_another_voice)
    parts = parted(corpus, config)
    bigrams = acoustic.bigram_model([an4.train.transcripts[each] for each in parts[0].ids], lexicon.words)
    languages = {
        "n-gram": acoustic.model_graph(bigrams, lexicon),
        "uniform": acoustic.model_graph(an4.language_model, lexicon),
    }
    return travel(prepared(corpus, parts, languages, config, run))
