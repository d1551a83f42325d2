"""One model's figures on a labelled set."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.data.transfer_set import TransferSet
from limbeck.judge.calibration import brier_score, expected_calibration_error
from limbeck.judge.fidelity import agreement
from limbeck.objective import label_loss
from limbeck.teachers import Teacher, predict


@dataclass(frozen=True)
class Measures:
    """One model's figures on one labelled set."""

    examples: int
    errors: int
    """Examples whose most probable class is not their label."""
    nll: float
    """Mean negative log-likelihood, in nats."""
    brier: float
    """Mean squared distance of the probabilities from the label's, over all classes: 0..2 (Brier 1950)."""
    ece: float
    """Expected calibration error, 0..1, 15 bins of equal width."""
    agreement: float | None
    """Share (0..1) of the examples on which it chooses the teacher's class; None where no teacher is given."""
    parameters: int | None
    """None where only its logits are known."""

    @property
    def accuracy(self) -> float:
        """Share (0..1) of the examples it gets right."""
        return 1 - self.errors / self.examples


def evaluate(
    model: Teacher, test_set: TransferSet, *, teacher_logits: Float[Tensor, "examples classes"] | None = None
) -> Measures:
    """Return a model's figures on a labelled set; with the teacher's logits on it, their agreement too.

    Raises:
        ArgumentError: the set has no labels, or shapes differ.
    """
    labels = test_set.labels_to_judge()
    return measure(predict(model, test_set), labels, teacher_logits, count_parameters(model))


def measure(
    logits: Float[Tensor, "examples classes"],
    labels: Int[Tensor, " examples"],
    teacher_logits: Float[Tensor, "examples classes"] | None = None,
    parameters: int | None = None,
) -> Measures:
    """Return the figures of logits already computed."""
    probs = logits.double().softmax(-1)
    return Measures(
        examples=len(labels),
        errors=count_errors(logits, labels),
        nll=label_loss(logits.double(), labels).mean().item(),
        brier=brier_score(probs, labels),
        ece=expected_calibration_error(probs, labels),
        agreement=None if teacher_logits is None else agreement(logits, teacher_logits),
        parameters=parameters,
    )


def count_errors(logits: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]) -> int:
    """Return how many examples' most probable class is not their label."""
    return int((logits.argmax(-1) != labels).sum())


def count_parameters(model: Teacher) -> int | None:
    """Return a net's number of parameters, None for what is no net."""
    return sum(parameter.numel() for parameter in model.parameters()) if isinstance(model, nn.Module) else None
