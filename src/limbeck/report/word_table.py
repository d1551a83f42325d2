"""The table of word errors on a page of speech."""

from collections.abc import Sequence

from limbeck.report.judged import Table
from limbeck.report.speech import WordRate


def word_table(rates: Sequence[WordRate]) -> Table:
    """Return the word errors of all systems, ready to be printed."""
    return [
        {
            "system": f"{rate.system}, {rate.language}",
            "words": f"{rate.num_words:,}",
            "WER": f"{rate.rate:.1%}",
            "95% interval": f"{rate.interval[0]:.1%} to {rate.interval[1]:.1%}",
            "substitutions": _count(rate.substitutions, rate.seeds),
            "insertions": _count(rate.insertions, rate.seeds),
            "deletions": _count(rate.deletions, rate.seeds),
            "real-time factor": f"{rate.real_time_factor:.2g}",
            "seeds": str(rate.seeds),
        }
        for rate in rates
    ]


def _count(mean: float, seeds: int) -> str:
    return f"{mean:,.0f}" if seeds == 1 else f"{mean:,.1f}"
