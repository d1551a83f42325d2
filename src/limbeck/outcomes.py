"""The station judge: what one seed of the road came to, its teachers and nets judged and timed, labels or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from limbeck.conclusion import save_judged
from limbeck.data import TransferSet
from limbeck.evidence import Outcome
from limbeck.files import kept_json
from limbeck.judge import (
    Judgement,
    Measures,
    count_parameters,
    evaluate,
    fidelity,
    fidelity_on_training,
    judgement_of,
    measure,
    nets_difference,
)
from limbeck.report import Judged
from limbeck.settings import ENSEMBLE, STUDENT, TEACHER, TWIN, together
from limbeck.ship.latency import latency_ms, times_of
from limbeck.targets import SoftTargets
from limbeck.teachers import Teacher, predict
from limbeck.training import Fitted
from limbeck.unlabelled import Likeness


@dataclass(frozen=True)
class Taught:
    """A teacher, and what it took to make it."""

    teacher: Teacher
    seconds: float


@dataclass(frozen=True)
class Teachers:
    """A seed's teachers, and what they say, kept: they are asked once."""

    members: Sequence[Taught]
    as_one: Teacher
    learned: SoftTargets
    """Of the transfer set, as the student sees it."""
    test: SoftTargets
    held_out: Float[Tensor, "others classes"]
    """Logits of all together on the validation split."""

    @property
    def setting(self) -> str:
        """What they are called together."""
        return together(len(self.members))

    @property
    def sizes(self) -> list[int | None]:
        """Parameters of each, None of what is no net."""
        return [count_parameters(each.teacher) for each in self.members]

    @property
    def size(self) -> int | None:
        """Parameters of all together, None where one is no net."""
        return None if None in self.sizes else sum(size or 0 for size in self.sizes)

    def each_on_test(self, ids: Tensor) -> list[Float[Tensor, "examples classes"]]:
        """Return each teacher's own logits on test examples."""
        several = range(self.test.num_members)
        alone = (self.test.averaged(weights=[float(each == member) for each in several]) for member in several)
        return [one.logits(ids, temperature=1.0) for one in alone]


@dataclass(frozen=True)
class Sets:
    """What a seed's nets have learned from, and what they are judged on."""

    learned: TransferSet
    """As the student sees it."""
    validation: TransferSet
    test: TransferSet


def judged_by_labels(sets: Sets, teachers: Teachers, nets: Mapping[str, Fitted], folder: Path) -> Outcome:
    """Return what a seed came to: of `nets`, by setting, the twin and the student are the first two."""
    labels, reference = sets.test.labels_to_judge(), teachers.test.logits(sets.test.ids, temperature=1.0)
    held_out_labels = sets.validation.labels_to_judge()
    teacher = Judged(teachers.setting, reference, held_out=(teachers.held_out, held_out_labels))
    judged = {
        name: Judged(
            name, predict(own.net, sets.test), own.history, (predict(own.net, sets.validation), held_out_labels)
        )
        for name, own in nets.items()
    }
    save_judged(folder, [teacher, *judged.values()])
    student = nets[STUDENT]
    seconds, latencies = _times(folder, teachers, student, sets.test)
    return Outcome(
        measures={
            **_measures_of_teachers(teachers, reference, sets.test),
            **{
                name: [measure(own.logits, labels, reference, count_parameters(nets[name].net))]
                for name, own in judged.items()
            },
        },
        judgements={
            teacher.name: judgement_of(reference, labels, held_out=teacher.held_out, teacher_logits=reference),
            **{name: _judgement(own, nets[name], sets, teachers, reference) for name, own in judged.items()},
        },
        difference=nets_difference(judged[TWIN].logits, judged[STUDENT].logits, labels),
        seconds={**seconds, **{name: own.seconds for name, own in nets.items()}},
        latency_ms=latencies,
        student_validation=evaluate(student.net, sets.validation),
        weights=_weights(folder),
    )


def judged_by_teacher(sets: Sets, teachers: Teachers, student: Fitted, folder: Path) -> Likeness:
    """Return what a seed came to without labels: how far the student says what its teacher says."""
    reference, by = teachers.test.logits(sets.test.ids, temperature=1.0), teachers.setting
    judged = [Judged(by, reference), Judged(STUDENT, predict(student.net, sets.test), student.history)]
    save_judged(folder, judged)
    seconds, latencies = _times(folder, teachers, student, sets.test)
    return Likeness(
        taught_by=by,
        fidelities={each.name: fidelity(each.logits, reference) for each in judged},
        parameters={by: teachers.size, STUDENT: count_parameters(student.net)},
        seconds={**seconds, STUDENT: student.seconds},
        latency_ms=latencies,
        validation=fidelity(predict(student.net, sets.validation), teachers.held_out),
        weights=_weights(folder),
    )


def _measures_of_teachers(teachers: Teachers, reference: Tensor, test: TransferSet) -> dict[str, list[Measures]]:
    """Return the measures of each teacher, and of all together where there are several."""
    labels, own = test.labels_to_judge(), zip(teachers.each_on_test(test.ids), teachers.sizes, strict=True)
    found = {TEACHER: [measure(logits, labels, reference, size) for logits, size in own]}
    if teachers.setting == ENSEMBLE:
        found[ENSEMBLE] = [measure(reference, labels, reference, teachers.size)]
    return found


def _judgement(own: Judged, fitted: Fitted, sets: Sets, teachers: Teachers, reference: Tensor) -> Judgement:
    """Return what a net is judged by."""
    return judgement_of(
        own.logits,
        sets.test.labels_to_judge(),
        held_out=own.held_out,
        teacher_logits=reference,
        training=fidelity_on_training(fitted.net, sets.learned, teachers.learned),
        start=fitted.start,
    )


def _times(
    folder: Path, teachers: Teachers, student: Fitted, test: TransferSet
) -> tuple[dict[str, float], dict[str, float]]:
    """Return how long the teachers took to train, if they were trained here, and one example takes each model."""
    by, models = teachers.setting, {teachers.setting: teachers.as_one, STUDENT: student.net}

    def timed() -> dict[str, dict[str, float]]:
        spent = sum(each.seconds for each in teachers.members)
        return {"seconds": {by: spent}, "latency_ms": latency_ms(models, test)}

    def read(told: Any) -> tuple[dict[str, float], dict[str, float]]:
        return times_of(told["seconds"], [by]), times_of(told["latency_ms"], list(models))

    seconds, latencies = kept_json(folder / "times.json", timed, read)
    return {name: spent for name, spent in seconds.items() if spent}, latencies


def _weights(folder: Path) -> Path:
    return folder / STUDENT / "model.safetensors"
