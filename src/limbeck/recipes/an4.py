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

from dataclasses import dataclass, replace

import limbeck
from limbeck.hybrid.plan import Plan
from limbeck.runs import Run


@dataclass(frozen=True)
class An4(Plan):
    """Section 4 on AN4."""

    def smoke(self) -> "An4":
        """Return the same run in seconds."""
        return replace(self, **self.small())


def main(config: An4, run: Run) -> "limbeck.conclusion.Result":
    """Take section 4's road."""
    from limbeck.hybrid.ground import Corpus, parted, prepared
    from limbeck.hybrid.road import travel

    config.check()
    an4 = limbeck.data.load_an4(run.data)
    acoustic = limbeck.acoustic
    lexicon = acoustic.Lexicon(an4.pronunciations)
    corpus = Corpus(an4.train, an4.test, lexicon, config.start)
    parts = parted(corpus, config)
    bigrams = acoustic.bigram_model([an4.train.transcripts[each] for each in parts[0].ids], lexicon.words)
    languages = {
        "n-gram": acoustic.model_graph(bigrams, lexicon),
        "uniform": acoustic.model_graph(an4.language_model, lexicon),
    }
    return travel(prepared(corpus, parts, languages, config, run))
