"""What a training may spend, and an acoustic model's start. A student and its label-only twin get the same budget."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from limbeck.errors import ArgumentError

Precision = Literal["auto", "32-true", "bf16-mixed"]
Optimizer = Literal["adam", "sgd"]
Schedule = Literal["cosine", "steps", "constant"]
YOUNGER = {
    "optimizer": "adam",
    "schedule": "cosine",
    "compiled": False,
    "cuda_graph": False,
    "precise_batchnorm": False,
}  # fields, and what every budget said before they were there

MOST = 10**9


@dataclass(frozen=True)
class Budget:
    """Steps, rate and regularisation of one training."""

    epochs: int = 30
    """Passes over the training set."""
    batch_size: int = 128
    """Examples a step."""
    learning_rate: float = 1e-3
    """The optimizer's peak rate."""
    schedule: Schedule = "cosine"
    """How the rate falls: to 0 along a cosine; in steps, to a tenth of itself after 5/8, 6/8 and 7/8 of all steps, as
    in the field's tables for CIFAR-100; or not at all (constant)."""
    warmup: float = 0.05
    """Share of the steps (0..1) in which the rate rises from 0 to its peak."""
    weight_decay: float = 0.0
    """Weight decay: Adam's is decoupled (AdamW), that of SGD is added to the gradient."""
    optimizer: Optimizer = "adam"
    """adam, or sgd with a momentum of 0.9 (not Nesterov's)."""
    max_norm: float | None = None
    """Bound on the norm of the weights that come into one unit; none by default."""
    early_stop: int | None = None
    """Stop after so many epochs without a lower validation NLL, and keep the best epoch; by default keep the last."""
    shuffle_window: int | None = None
    """Shuffle within a moving window of so many examples (tens of thousands) instead of the whole set: for data larger
    than memory. What is read in one piece is a 64th of the window."""
    precision: Precision = "auto"
    """auto: bf16-mixed where the machine computes in bfloat16, 32-true elsewhere. On a CPU 32-true is quicker for small
    nets that don't convolve; `limbeck distill` then takes it."""
    compiled: bool = False
    """Whether a GPU compiles the net's forward and backward (torch.compile): some waiting first, then fewer and shorter
    kernels. On a CPU it changes nothing."""
    cuda_graph: bool = False
    """Whether a GPU records a step once and replays it as a whole, which small nets need to be fast there. For nets
    that do the same in every step; on a CPU it changes nothing."""
    precise_batchnorm: bool = False
    """Whether batch normalisation's statistics are measured anew after the last step (Wu & Johnson 2021, arXiv
    2105.07576), over training examples and without dropout. Else, and in curves and early stopping, they are running
    means of what the net saw while it learned: with dropout, and of weights that it no longer has."""

    def __post_init__(self) -> None:
        rules = {
            f"epochs must be a whole number in 1..{MOST}": (_whole(self.epochs), self.epochs),
            f"batch_size must be a whole number in 1..{MOST}": (_whole(self.batch_size), self.batch_size),
            "learning_rate must be > 0": (0 < self.learning_rate < float("inf"), self.learning_rate),
            "warmup must lie in 0..1": (0 <= self.warmup <= 1, self.warmup),
            "weight_decay must be >= 0": (0 <= self.weight_decay < float("inf"), self.weight_decay),
            "max_norm must be > 0": (self.max_norm is None or 0 < self.max_norm < float("inf"), self.max_norm),
            "compiled must be True or False": (isinstance(self.compiled, bool), self.compiled),
            "cuda_graph must be True or False": (isinstance(self.cuda_graph, bool), self.cuda_graph),
            "precise_batchnorm must be True or False": (
                isinstance(self.precise_batchnorm, bool),
                self.precise_batchnorm,
            ),
            _one_of("precision", Precision): (self.precision in get_args(Precision), self.precision),
            _one_of("optimizer", Optimizer): (self.optimizer in get_args(Optimizer), self.optimizer),
            _one_of("schedule", Schedule): (self.schedule in get_args(Schedule), self.schedule),
            f"shuffle_window must be a whole number in 1..{MOST}": (
                self.shuffle_window is None or _whole(self.shuffle_window),
                self.shuffle_window,
            ),
            "early_stop must be >= 1": (self.early_stop is None or self.early_stop >= 1, self.early_stop),
        }
        for rule, (holds, value) in rules.items():
            if not holds:
                raise ArgumentError(f"{rule}, got {value}")

    def spec(self) -> dict[str, Any]:
        """Return what binds a training to this budget; younger fields only where they say something new."""
        return {name: value for name, value in asdict(self).items() if value != YOUNGER.get(name, ...)}


@dataclass(frozen=True)
class StartBudget:
    """What the start of an acoustic model may spend, from words to states (s. 4)."""

    num_states: int = 600
    """Tied states, at most."""
    monophone_passes: int = 16
    """Passes over the frames by monophones; the first from an even alignment."""
    monophone_gaussians: int = 1000
    """Gaussians of all monophones' states, in the end."""
    triphone_passes: int = 14
    """Passes by tied states."""
    triphone_gaussians: int = 2400
    """Gaussians of all tied states, in the end."""
    realign_every: int = 4
    """Passes from one alignment to the next; monophones' first three all align anew."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not isinstance(value, int) or value < 1:
                raise ArgumentError(f"{name} must be a whole number >= 1, got {value}")


def epochs_for(rows: int, batch_size: int, steps: int, epochs: tuple[int, int]) -> int:
    """Return how many epochs come to so many steps, at least the first and at most the second of two numbers.

    >>> epochs_for(rows=2560, batch_size=64, steps=3000, epochs=(30, 300))
    75
    """
    least, most = epochs
    return min(most, max(least, -(-steps // -(-rows // batch_size))))


def _one_of(name: str, kind: object) -> str:
    return f"{name} must be one of {', '.join(get_args(kind))}"


def _whole(value: object) -> bool:
    return isinstance(value, int) and 1 <= value <= MOST
