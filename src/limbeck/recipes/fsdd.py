"""An ensemble of acoustic models into one net, on spoken digits from their audio (Hinton et al. 2015, s. 4).

FSDD's official split: six speakers, whom training and test set share, so that nothing here tells of others. Nets see
40 mel filterbanks and learn from single digits and from strings of three to seven that are made by joining recordings
of one speaker: nobody spoke these. Strings are made of each part's own recordings. Held out are recordings, as many as
are tested on; by them all choices are made. Two tasks: single digits, where one word is to be heard, and made strings,
where any digit may follow any other.

    limbeck run fsdd --data DIR --seeds 3 --record    three paired seeds; DIR holds `recordings`, needs limbeck[speech]

The student's run can be asked to write down other files: limbeck transcribe RUN FILE. Expected figures, time and
machine: results/fsdd.json, shown by `limbeck list`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import limbeck
from limbeck.budget import Budget, StartBudget
from limbeck.errors import ArgumentError, DataError
from limbeck.hybrid.plan import Plan
from limbeck.runs import Run

if TYPE_CHECKING:
    from limbeck.data.fsdd import Recording
    from limbeck.data.utterances import Utterances

PRONUNCIATIONS = (
    ("zero", ("Z", "IH", "R", "OW")),
    ("zero", ("Z", "IY", "R", "OW")),
    ("one", ("W", "AH", "N")),
    ("two", ("T", "UW")),
    ("three", ("TH", "R", "IY")),
    ("three", ("R", "IY")),
    ("four", ("F", "AO", "R")),
    ("five", ("F", "AY", "V")),
    ("six", ("S", "IH", "K", "S")),
    ("six", ("S", "IH", "K")),
    ("six", ("IH", "K", "S")),
    ("six", ("IH", "K")),
    ("seven", ("S", "EH", "V", "AH", "N")),
    ("seven", ("EH", "V", "AH", "N")),
    ("eight", ("EY", "T")),
    ("nine", ("N", "AY", "N")),
)  # recordings are cut where they are faint: many a six has lost what hisses, as training recordings show
ISOLATED, CONNECTED = "isolated", "connected"
MOST_STRINGS = 100_000


@dataclass(frozen=True)
class Fsdd(Plan):
    """Section 4 on FSDD."""

    held_out: int = 5
    """Recordings of each speaker and digit held out: by them every choice is made."""
    strings: tuple[int, int, int] = (400, 150, 150)
    """Digit strings made to train on, held out, and to test on, each of its own part's recordings."""
    normalised: Literal["all"] = "all"
    """Features are normalised over all training frames: nobody is heard out before a file is transcribed."""
    start: StartBudget = field(
        default_factory=lambda: StartBudget(num_states=150, monophone_gaussians=500, triphone_gaussians=600)
    )
    slopes: bool = False
    hidden: tuple[int, ...] = (256,) * 4
    """Hidden units of each layer."""
    dropout: float = 0.1
    pace: float = 0.1
    views: int = 4
    drawn: Literal["utterances", "frames"] = "frames"
    members: int = 5
    temperatures: tuple[float, ...] = (1.0, 5.0)
    hard_weights: tuple[float, ...] = (0.1, 0.5)
    acoustic_scales: tuple[float, ...] = (0.2, 0.3, 0.4)
    prior_scales: tuple[float, ...] = (0.5, 0.7, 1.0)
    fractions: tuple[float, ...] = ()
    budget: Budget = field(
        default_factory=lambda: Budget(epochs=6, batch_size=1024, learning_rate=3e-3, weight_decay=0.1)
    )
    longer: int = 2

    def check(self) -> None:
        """Find what is wrong before anything is trained.

        Raises:
            ArgumentError: a field is not what its rule allows.
        """
        super().check()
        if not 1 <= self.held_out <= 40 or not all(1 <= each <= MOST_STRINGS for each in self.strings):
            raise ArgumentError(
                f"held_out must lie in 1..40 and strings in 1..{MOST_STRINGS:,}, got {self.held_out} and {self.strings}"
            )
        if self.voices:
            raise ArgumentError(f"voices must be none where features are not cepstra, got {self.voices}")

    def smoke(self) -> "Fsdd":
        """Return the same run in seconds."""
        return replace(self, **{**self.small(), "strings": (20, 10, 10), "fractions": ()})


def parted(
    recordings: "Sequence[Recording]", config: Fsdd
) -> "tuple[Utterances, Utterances, Utterances, dict[str, set[int]]]":
    """Return utterances to train on, held out and to test on, and which of all are single digits, which strings.

    Raises:
        DataError: a part has no recording of some digit.
    """
    from limbeck.data import connected, isolated
    from limbeck.data.fsdd import DIGITS, HINT, TEST_RECORDINGS
    from limbeck.data.utterances import gathered

    first_trained = TEST_RECORDINGS + config.held_out
    ranges = (range(first_trained, 10**6), range(TEST_RECORDINGS, first_trained), range(TEST_RECORDINGS))
    names = ("fsdd training set", "held-out recordings", "fsdd test set")
    spoken, ids, among = [], [], {ISOLATED: set[int](), CONNECTED: set[int]()}
    for seed, (numbers, count) in enumerate(zip(ranges, config.strings, strict=True)):
        own = [each for each in recordings if each.number in numbers]
        lacking = [word for digit, word in enumerate(DIGITS) if digit not in {each.digit for each in own}]
        if lacking:
            raise DataError(
                f"the {names[seed]} must have recordings of each digit, there are none of {', '.join(lacking)}", HINT
            )
        first = len(spoken)
        spoken += isolated(own).spoken()
        among[ISOLATED] |= set(range(first, len(spoken)))
        then = len(spoken)
        spoken += connected(own, count=count, seed=seed, named=f"made{seed}").spoken()
        among[CONNECTED] |= set(range(then, len(spoken)))
        ids.append(range(first, len(spoken)))
    source = gathered(spoken, "fsdd")
    train, held_out, test = (source.subset(own, name) for own, name in zip(ids, names, strict=True))
    return train, held_out, test, among


def main(config: Fsdd, run: Run) -> "limbeck.conclusion.Result":
    """Take section 4's road."""
    from limbeck.data.fsdd import RATE, read_recordings
    from limbeck.hybrid.front import Front
    from limbeck.hybrid.preparing import Corpus, prepared
    from limbeck.hybrid.road import travel

    config.check()
    *parts, among = parted(read_recordings(run.data), config)
    front = Front.fitted(parts[0], RATE, config)
    train, held_out, test = (front.normalised(each) for each in parts)
    acoustic = limbeck.acoustic
    lexicon = acoustic.Lexicon(PRONUNCIATIONS)
    corpus = Corpus(train, test, lexicon, config.start)
    num_words = len(lexicon.words)
    languages = {ISOLATED: acoustic.one_word_graph(num_words), CONNECTED: acoustic.loop_graph(num_words)}
    return travel(prepared(corpus, (train, held_out, test), languages, config, run, front=front, among=among, paper={}))
