"""What a recipe of section 4 is asked for: its fields, and what is wrong with them. Waits for no torch."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from limbeck.budget import Budget, StartBudget
from limbeck.errors import ArgumentError

MOST_MEMBERS, MOST_WINDOW, MOST_UNITS, MOST_TIMES = 100, 200, 100_000, 10_000


@dataclass(frozen=True)
class Plan:
    """States of tri-phones, nets that tell them, and what is tried on what is held out."""

    held_out: int = 8
    """Speakers held out: by them every choice is made."""
    start: StartBudget = field(default_factory=StartBudget)
    """What the Gaussian mixtures may spend from which labels come, and how many tied states, the nets' classes."""
    normalised: Literal["speaker", "all"] = "speaker"
    """Whether features are normalised over all that a speaker says, or over all training frames."""
    slopes: bool = True
    """Whether a frame's features are followed by how they move, and how that moves."""
    before: int = 20
    """Frames before the one judged that a net sees; the paper's 20."""
    after: int = 5
    """Frames after it; the paper's 5."""
    hidden: tuple[int, ...] = (256,) * 8
    """Hidden units of each layer; the paper has 8 layers of 2560."""
    dropout: float = 0.0
    """Share (0..1) of hidden units dropped in nets that learn from labels. Students drop none."""
    voices: tuple[float, ...] = ()
    """Lengths of the vocal tract as factors, in which training frames are heard; as they are where there are none."""
    pace: float = 0.0
    """How much quicker or slower (0..1) training frames are heard, at most."""
    views: int = 1
    """Voices and paces of each training frame that the ensemble is asked for; labels get new ones each epoch."""
    drawn: Literal["utterances", "frames"] = "utterances"
    """What a batch is so many of."""
    members: int = 10
    """Nets of the ensemble, which differ in their random start alone."""
    temperatures: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0)
    """Temperatures tried, the paper from 1 to 10; the best on what is held out is taken, with the first hard weight."""
    hard_weights: tuple[float, ...] = (0.5, 0.1)
    """The labels' shares (0..1) of the loss that are tried; the paper has 0.5."""
    acoustic_scales: tuple[float, ...] = (0.15, 0.2, 0.3)
    """What is tried for the weight of frames against words."""
    prior_scales: tuple[float, ...] = (0.7, 1.0)
    """What is tried for the paper's κ, by which priors are weighed."""
    insertion_penalties: tuple[float, ...] = (-1.0, 0.0, 1.0)
    """What is tried for the cost of a word."""
    beam: float = 13.0
    """How much worse than the best a way through the graph may become before the search gives it up."""
    fractions: tuple[float, ...] = (0.03, 0.1, 0.3)
    """Parts (0..1) of the training utterances for section 6's table."""
    patience: float = 0.3
    """On a part's labels a training stops after this share (0..1) of its epochs without a lower validation NLL."""
    budget: Budget = field(default_factory=lambda: Budget(epochs=8, batch_size=4, learning_rate=2e-3))
    """What each net may spend that learns from labels."""
    longer: int = 1
    """A student's epochs, as a multiple of the others'; with 2 or more the first seed has a twin of as many."""
    most_times: int = 10
    """On a part there are as many steps as on everything, but at most so many times the epochs."""

    def check(self) -> None:
        """Find what is wrong before anything is trained.

        Raises:
            ArgumentError: a field is not what its rule allows.
        """
        if not 2 <= self.members <= MOST_MEMBERS:
            raise ArgumentError(f"members must lie in 2..{MOST_MEMBERS}, got {self.members}")
        if self.before < 0 or self.after < 0 or self.before + self.after >= MOST_WINDOW:
            raise ArgumentError(
                f"before and after must be >= 0, together below {MOST_WINDOW}, got {self.before} and {self.after}"
            )
        if not all(1 <= units <= MOST_UNITS for units in self.hidden):
            raise ArgumentError(f"hidden must be numbers in 1..{MOST_UNITS}, got {self.hidden}")
        self._check_lessons()
        self._check_tried()
        if not 0 < self.beam < float("inf"):
            raise ArgumentError(f"beam must be > 0, got {self.beam}")
        if not all(0 <= weight <= 1 for weight in self.hard_weights) or not 0 < self.patience <= 1:
            raise ArgumentError(f"hard_weights and patience must lie in 0..1, got {self.hard_weights}, {self.patience}")
        if not all(0 < fraction < 1 for fraction in self.fractions) or not _told_apart(self.fractions):
            raise ArgumentError(f"fractions must be different ones between 0 and 1, got {self.fractions}")

    def _check_lessons(self) -> None:
        if not 0 <= self.dropout < 1 or not 0 <= self.pace < 1 or not all(0.5 <= each <= 2 for each in self.voices):
            raise ArgumentError(
                "dropout and pace must lie in 0..1, 1 excluded, and voices in 0.5..2, "
                f"got {self.dropout}, {self.pace} and {self.voices}"
            )
        times = (self.views, self.longer, self.most_times)
        if not all(1 <= each <= MOST_TIMES for each in times) or (self.views > 1 and not self.perturbed):
            raise ArgumentError(
                f"views, longer and most_times must lie in 1..{MOST_TIMES:,}, and views be 1 where there are neither "
                f"voices nor pace, got {self.views}, {self.longer} and {self.most_times}"
            )
        for multiple in (self.longer, self.most_times):
            replace(self.budget, epochs=multiple * self.budget.epochs)

    def _check_tried(self) -> None:
        from limbeck.acoustic import Scales
        from limbeck.objective import check_temperature

        for name in ("temperatures", "hard_weights", "acoustic_scales", "prior_scales", "insertion_penalties"):
            values = getattr(self, name)
            if not values or not _told_apart(values):
                raise ArgumentError(f"{name} must be one or more different ones, got {values}")
        for temperature in self.temperatures:
            check_temperature(temperature)
        for each in itertools.product(self.acoustic_scales, self.prior_scales, self.insertion_penalties):
            Scales(*each)

    @property
    def perturbed(self) -> bool:
        """Whether training frames are heard otherwise than they were said."""
        return bool(self.voices) or self.pace > 0

    def small(self) -> dict[str, Any]:
        """Return the fields that make a run one of seconds."""
        return {
            "hidden": (16,),
            "members": 2,
            "temperatures": (2.0,),
            "hard_weights": (0.5,),
            "acoustic_scales": (0.2,),
            "prior_scales": (1.0,),
            "insertion_penalties": (0.0,),
            "beam": 5.0,
            "voices": self.voices[:2],
            "views": min(2, self.views),
            "longer": min(2, self.longer),
            "fractions": (0.3,),
            "start": replace(self.start, monophone_passes=3, triphone_passes=1, triphone_gaussians=1, num_states=120),
            "budget": replace(self.budget, epochs=1),
        }


def _told_apart(values: Sequence[float]) -> bool:
    """Return whether values differ as settings tell them, in six digits."""
    return len({f"{value:g}" for value in values}) == len(values)
