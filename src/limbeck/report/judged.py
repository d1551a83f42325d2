"""What a report is about: models, what each said on the test set, and who plays which part."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from jaxtyping import Float, Int
from torch import Tensor

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError
from limbeck.judge import HeldOut, fit_temperature, measure
from limbeck.objective import check_labels
from limbeck.settings import STUDENT, TEACHERS, TWIN

Table = list[dict[str, str]]
"""Rows ready to print; all have the same columns, and the first column is the row's name."""

UNKNOWN = "–"


@dataclass(frozen=True, eq=False)
class Judged:
    """One model and what it said on the test set."""

    name: str
    """'ensemble', 'teacher', 'twin' and 'student' have parts of their own; any other is a row of the table."""
    logits: Float[Tensor, "examples classes"]
    """At temperature 1, in the order of the test set's ids."""
    history: list[dict[str, float]] = field(default_factory=list)
    """One row an epoch: epoch, loss, perhaps validation_nll and validation_errors."""
    held_out: HeldOut | None = None
    """What it said on the validation split, and the labels there; None where there is no such split."""
    temperature: float | None = None
    """What was fitted to that split, where `held_out` isn't there any more."""

    @cached_property
    def chosen(self) -> Int[Tensor, " examples"]:
        """The most probable class of each example."""
        return self.logits.argmax(-1)

    def fitted_temperature(self) -> float | None:
        """Return the temperature that calibrates it best on the validation split, None where there is none."""
        return self.temperature if self.held_out is None else fit_temperature(*self.held_out)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Models that were judged on one test set."""

    models: tuple[Judged, ...]
    test_set: TransferSet

    @classmethod
    def of(cls, models: Sequence[Judged], test_set: TransferSet) -> "Evidence":
        """Return the evidence, checked, on the CPU and in float32.

        Raises:
            ArgumentError: no model, logits that are not one row an example or differ in their classes, or labels
                outside the classes.
        """
        if not models:
            raise ArgumentError("a report must have at least one model, got none")
        for model in models:
            _check_logits(model, models[0], len(test_set))
        labels = test_set.labels_at(test_set.ids)
        if labels is not None:
            check_labels(labels, models[0].logits)
        return cls(tuple(replace(model, logits=model.logits.detach().float().cpu()) for model in models), test_set)

    @cached_property
    def labels(self) -> Int[Tensor, " examples"] | None:
        """The class of each example, None where the test set has none."""
        labels = self.test_set.labels_at(self.test_set.ids)
        return None if labels is None else labels.long().cpu()

    @property
    def num_classes(self) -> int:
        """How many classes the models tell apart."""
        return self.models[0].logits.shape[1]

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The test set's names; a class that has none is called by its number."""
        given = self.test_set.names_for(self.num_classes)[: self.num_classes]
        return (*given, *(str(number) for number in range(len(given), self.num_classes)))

    @property
    def teacher(self) -> Judged | None:
        """The model whose soft targets the student learned from."""
        return next((model for name in TEACHERS if (model := self.named(name))), None)

    @property
    def twin(self) -> Judged | None:
        """The student's label-only twin."""
        return self.named(TWIN)

    @property
    def student(self) -> Judged | None:
        """The distilled net."""
        return self.named(STUDENT)

    def the(self, model: Judged) -> str:
        """Return what a sentence calls a model: 'the student', but 'resnet' without an article."""
        return f"the {model.name}" if model in (self.teacher, self.twin, self.student) else model.name

    @property
    def cast(self) -> list[Judged]:
        """Teacher, twin and student, those that are there; the first models where none of them is."""
        playing = [model for model in (self.teacher, self.twin, self.student) if model is not None]
        return playing or list(self.models[:2])

    @property
    def reference(self) -> Judged:
        """The model whose soft targets are looked at: the teacher, or else the student."""
        return self.teacher or self.student or self.cast[0]

    def named(self, name: str) -> Judged | None:
        """Return the first model of that name."""
        return next((model for model in self.models if model.name == name), None)

    def table(self) -> Table:
        """Return each model's figures; without labels, its agreement with the teacher alone."""
        return [self._figures(model) for model in self.models]

    def _figures(self, model: Judged) -> dict[str, str]:
        told = {"model": model.name}
        teacher = self.teacher
        if self.labels is not None:
            own = measure(model.logits, self.labels)
            told |= {"errors": f"{own.errors:,}", "accuracy": f"{own.accuracy:.2%}"}
            told |= {"NLL": f"{own.nll:.3f}", "ECE": f"{own.ece:.3f}"}
        agreement = None if teacher is None else (model.chosen == teacher.chosen).double().mean().item()
        return told | {"agreement": UNKNOWN if agreement is None else f"{agreement:.1%}"}


def _check_logits(model: Judged, first: Judged, num_examples: int) -> None:
    shape, classes = tuple(model.logits.shape), first.logits.shape[-1]
    if len(shape) != 2 or shape[0] != num_examples or shape[1] != classes or classes == 0:
        raise ArgumentError(
            f"logits of {model.name!r} must have the shape ({num_examples}, {classes or 'at least 1'}), "
            f"one row an example of the test set and the classes of {first.name!r}, got {shape}"
        )
