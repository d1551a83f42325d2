"""What a recipe of section 5 is asked for: its fields, and what is wrong with them. Waits for no torch."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from limbeck.budget import Budget
from limbeck.errors import ArgumentError

Way = Literal["dustbin", "dustbin and soft targets", "full softmax"]
"""How a specialist is trained: on labels, its others one dustbin (s. 5.2); with the generalist's soft targets beside
them; or with an output a class and the same soft targets (s. 6.1)."""
Correction = Literal["none", "oversampling", "calibrated"]
"""What is done to a specialist's logits before they are combined: nothing; the dustbin's raised by the log of the
oversampling (s. 5.2); or a temperature and a bias of the dustbin fitted on held-out examples, the generalist's
temperature too."""


@dataclass(frozen=True)
class Plan:
    """A generalist, its specialists, and what stands beside them."""

    teams: tuple[tuple[int, int], ...] = ((10, 15),)
    """Numbers of specialists, and of the classes of each, that are tried."""
    ways: tuple[Way, ...] = get_args(Way)
    """Ways to train a specialist that are tried."""
    corrections: tuple[Correction, ...] = get_args(Correction)
    """Corrections that are tried."""
    most_probable: tuple[int, ...] = (1, 2, 3, 5)
    """What is tried for n: specialists that have one of the generalist's n most probable classes count."""
    share: float = 0.1
    """Of the examples that the generalist sees (each as often as it does), what one specialist may see at most."""
    soft_share: float = 0.5
    """The soft targets' share (0..1) of a specialist's loss, where it has them."""
    specialist_rate: float = 2e-3
    """A specialist's peak learning rate; all else of its budget is the generalist's."""
    generalist: Budget = field(default_factory=Budget)
    """What a generalist may spend."""
    views: int = 1
    """Views of each training example that the generalist judges, whose soft targets specialists may learn from."""
    student_views: int = 1
    """Views of each training example that generalist and specialists judge; students and twins see one an epoch."""
    hard_weights: tuple[float, ...] = (0.0, 0.5, 0.75)
    """What is tried for the labels' share (0..1) of a student's loss, all else being the team's. Labels alone are the
    twin's."""
    student: Budget = field(default_factory=Budget)
    """What a student may spend, which starts from the generalist's weights; its twin too."""

    def check(self) -> None:
        """Find what is wrong before anything is trained.

        Raises:
            ArgumentError: a field is not what its rule allows.
        """
        from limbeck.targets import check_views

        for name in ("teams", "ways", "corrections", "most_probable", "hard_weights"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ArgumentError(f"{name} must be one or more different ones, got {values}")
        if min(min(team) for team in self.teams) < 1 or min(self.most_probable) < 1:
            raise ArgumentError(f"teams and most_probable must be >= 1, got {self.teams} and {self.most_probable}")
        if not 0 < self.share <= 1:
            raise ArgumentError(f"share must lie above 0 and up to 1, got {self.share}")
        if not 0 <= self.soft_share <= 1:
            raise ArgumentError(f"soft_share must lie in 0..1, got {self.soft_share}")
        if not all(0 <= weight < 1 for weight in self.hard_weights):
            raise ArgumentError(f"hard_weights must be >= 0 and < 1, got {self.hard_weights}")
        for name in ("views", "student_views"):
            check_views(getattr(self, name), name=name)

    def small(self) -> dict[str, Any]:
        """Return the fields that make a run one of seconds."""
        few = replace(self.generalist, epochs=1)
        return {
            "teams": ((2, 10), (3, 10)),
            "most_probable": (1, 2),
            "share": 0.5,
            "views": 1,
            "student_views": 1,
            "hard_weights": (0.0, 0.5),
            "generalist": few,
            "student": few,
        }
