"""The road a recipe takes: teach, soften, distill, judge, ship, report.

Each station leaves its product in the run's folder, so a run that was killed goes on from the last one that is
whole. A recipe says what is taught, to whom and with which budget; the way is the same for all.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from limbeck.budget import Budget
from limbeck.conclusion import Result, conclude
from limbeck.controls import control_setting
from limbeck.data import Plain, TransferSet, View
from limbeck.distillation import check_can_distill, distill, num_outputs
from limbeck.errors import ArgumentError
from limbeck.evidence import Outcome, figures, find
from limbeck.objective import check_hard_weight, check_temperature
from limbeck.outcomes import Sets, Taught, Teachers, judged_by_labels, judged_by_teacher
from limbeck.runs import Run
from limbeck.settings import STUDENT, TEACHER, TWIN, teacher_of
from limbeck.ship.shipping import Shipment
from limbeck.targets import Dense, SoftTargets, check_views, write_soft_targets
from limbeck.teachers import Ensemble, Teacher, check_maker, members_of, seeded
from limbeck.training import Fitted, FromLabels, FromSoftTargets, Objective, fit
from limbeck.training.controls import control_objective
from limbeck.training.loop import check_affordable
from limbeck.unlabelled import Likeness, likeness_figures, likeness_found

MEMBERS_PER_SEED = 1000  # seeds of the nets of run seed s lie in s·1000 ... s·1000 + 999, the student's is the last


@dataclass(frozen=True)
class Journey:
    """What a recipe sets out with."""

    train: TransferSet
    validation: TransferSet
    test: TransferSet
    make_student: Callable[[], nn.Module]
    student_budget: Budget
    temperature: float
    hard_weight: float
    make_teacher: Callable[[], nn.Module] | None = None
    """Makes an untrained teacher, for teachers that are nets."""
    teacher_budget: Budget = field(default_factory=Budget)
    num_teachers: int = 1
    teach: Callable[[int], Teacher] | None = None
    """From a seed to a teacher, for one that is no net; a run that is resumed calls it again."""
    teacher: Teacher | None = None
    """A teacher that is there already, of all seeds; its soft targets are written once."""
    teacher_view: View = field(default_factory=Plain)
    student_view: View = field(default_factory=Plain)
    num_views: int = 1
    other_twins: Mapping[str, View] = field(default_factory=dict)
    """More label-only twins, by name, each seen through a view of its own."""
    findings: tuple[str, ...] = ()
    """Sentences on the data, said after what the run finds."""

    def __post_init__(self) -> None:
        """Find what is wrong before the first teacher is trained."""
        check_temperature(self.temperature)
        check_hard_weight(self.hard_weight, labelled=self.train.labels is not None)
        check_views(self.num_views)
        if not 1 <= self.num_teachers < MEMBERS_PER_SEED:
            raise ArgumentError(f"members must lie in 1..{MEMBERS_PER_SEED - 1}, got {self.num_teachers}")
        if sum(way is not None for way in (self.make_teacher, self.teach, self.teacher)) != 1:
            raise ArgumentError("a journey must have one of make_teacher, teach and teacher")
        if self.make_teacher is None and (self.num_teachers != 1 or self.teacher_view != Plain()):
            raise ArgumentError("a journey with teach or teacher has one teacher, which chooses its own view")
        sets = (self.train, self.validation, self.test)
        lacking = [each.name for each in sets if each.labels is None]
        if lacking and (len(lacking) < len(sets) or self.other_twins):
            raise ArgumentError(
                f"labels must be there in all sets, or in none and then for no twins, they lack in the {lacking[0]}"
            )
        student = check_maker(self.make_student, "a student")
        classes = num_outputs(student, self.train)
        held_out = self.validation if self.labelled else None
        check_can_distill(student, self.train, self.student_budget, held_out)
        if self.make_teacher is not None:
            teacher = check_maker(self.make_teacher, "a teacher")
            if num_outputs(teacher, self.train) != classes:
                raise ArgumentError(f"student and teacher must have the same classes, the student has {classes}")
            check_affordable(self.teacher_budget, teacher, self.train, held_out)
        for judged in sets:
            judged.check_classes(classes)

    @property
    def labelled(self) -> bool:
        """Whether there are labels; without them there is no twin, and the teacher is what a student is judged by."""
        return self.test.labels is not None


def travel(run: Run, journey: Journey, paper: dict[tuple[str, str], float] | None = None) -> Result:
    """Take the road once a seed and return what all seeds came to.

    Raises:
        LimbeckError: as the stations do; what was finished is kept.
    """
    if run.controls and not journey.labelled:
        raise ArgumentError(f"controls need labels, there are none, got {', '.join(run.controls)}")
    run.claim(journey.train, journey.validation, journey.test)
    outcomes: list[Outcome | Likeness] = []
    best: tuple[Outcome | Likeness, Shipment] | None = None
    for seed in range(run.num_seeds):
        outcome, shipment = _one_seed(run, journey, seed)
        outcomes.append(outcome)
        if best is None or outcome.held_out_loss < best[0].held_out_loss:
            best = outcome, shipment  # nets of other seeds are let go
    assert best is not None
    labelled = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    without = [outcome for outcome in outcomes if isinstance(outcome, Likeness)]
    by = teacher_of(labelled[0].measures) if labelled else without[0].taught_by
    given = journey.teacher is not None
    return conclude(
        run,
        journey.test,
        figures(labelled, paper or {}, one_teacher=given) if labelled else likeness_figures(without, one_teacher=given),
        [*(find(labelled) if labelled else likeness_found(without)), *journey.findings],
        student=best[0].weights,
        judgements={
            setting: [each.judgements[setting] for each in (labelled[:1] if given and setting == by else labelled)]
            for setting in (labelled[0].judgements if labelled else ())
        },
        cast={TEACHER: by, **({TWIN: TWIN} if labelled else {}), STUDENT: STUDENT},
        shipment=best[1],
    )


def student_seed(seed: int) -> int:
    """Return the seed of the start that student and twin of a run's seed share."""
    return (seed + 1) * MEMBERS_PER_SEED - 1


def teacher_seed(seed: int, member: int) -> int:
    """Return the seed of start and order of one teacher of a run's seed."""
    return seed * MEMBERS_PER_SEED + member


def _one_seed(run: Run, journey: Journey, seed: int) -> tuple[Outcome | Likeness, Shipment]:
    folder, transfer = run.seed_folder(seed), journey.train.seen_through(journey.student_view)
    teachers = _softened(run, journey, seed, transfer)
    distilled = distill(
        seeded(journey.make_student, student_seed(seed)),
        teachers.learned,
        transfer,
        temperature=journey.temperature,
        hard_weight=journey.hard_weight,
        budget=journey.student_budget,
        validation=journey.validation if journey.labelled else None,
        test_set=journey.test,
        test_targets=teachers.test,
        seed=seed,
        folder=folder,
        progress=run.progress,
    )
    sets = Sets(transfer, journey.validation, journey.test)
    if distilled.twin_fit is None:
        outcome = judged_by_teacher(sets, teachers, distilled.student_fit, folder)
    else:
        nets = {TWIN: distilled.twin_fit, STUDENT: distilled.student_fit}
        nets |= _others(run, journey, seed, transfer, teachers.learned)
        outcome = judged_by_labels(sets, teachers, nets, folder)
    return outcome, Shipment(distilled.student, teachers.as_one, teachers.setting, journey.train)


def _softened(run: Run, journey: Journey, seed: int, transfer: TransferSet) -> Teachers:
    """Return a seed's teachers, asked about all that is to be learned and judged on."""
    folder = run.seed_folder(seed)
    taught = _teach(journey, folder, seed, run)
    as_one = journey.teacher
    if as_one is None:
        as_one = Ensemble([each.teacher for each in taught]) if len(taught) > 1 else taught[0].teacher
    kept = folder if journey.teacher is None else run.folder
    learned = write_soft_targets(as_one, transfer, kept / "targets", num_views=journey.num_views, progress=run.progress)
    test, validation = (
        write_soft_targets(as_one, own, kept / name, encoding=Dense("float32"), progress=run.progress)
        for name, own in (("targets-test", journey.test), ("targets-validation", journey.validation))
    )
    return Teachers(taught, as_one, learned, test, validation.logits(journey.validation.ids, temperature=1.0))


def _others(run: Run, journey: Journey, seed: int, transfer: TransferSet, targets: SoftTargets) -> dict[str, Fitted]:
    """Return the nets that are trained beside student and twin: twins seen through other views, and controls."""
    folder, objective = run.seed_folder(seed), FromSoftTargets(targets, journey.temperature, journey.hard_weight)
    others: dict[str, tuple[TransferSet, Objective]] = {
        f"{TWIN}, {name}": (journey.train.seen_through(view), FromLabels(journey.num_views))
        for name, view in journey.other_twins.items()
    }

    def untrained() -> SoftTargets:
        teacher = seeded(journey.make_teacher or journey.make_student, student_seed(seed) - 1)
        return write_soft_targets(
            teacher, transfer, folder / "targets-untrained", num_views=journey.num_views, progress=run.progress
        )

    for control in run.controls:
        others[control_setting(STUDENT, control)] = transfer, control_objective(control, objective, transfer, untrained)
    return {
        name: fit(
            seeded(journey.make_student, student_seed(seed)),
            seen,
            objective=own,
            validation=journey.validation,
            budget=journey.student_budget,
            seed=seed,
            folder=folder / name,
            name=name,
            progress=run.progress,
        )
        for name, (seen, own) in others.items()
    }


def _teach(journey: Journey, folder: Path, seed: int, run: Run) -> list[Taught]:
    """Make the teachers: members that are nets differ in their random start, order and dropout alone (s. 4)."""
    if journey.teacher is not None:
        return [Taught(member, 0.0) for member in members_of(journey.teacher)[0]]
    if journey.teach is not None:
        began = time.monotonic()
        with run.progress.task(f"seed {seed}: teacher", 1, "teachers") as task:
            teacher = journey.teach(seed)
            task.advance(1)
        return [Taught(teacher, time.monotonic() - began)]
    make = journey.make_teacher
    assert make is not None
    seen = journey.train.seen_through(journey.teacher_view)
    fits = (
        fit(
            seeded(make, teacher_seed(seed, member)),
            seen,
            validation=journey.validation,
            budget=journey.teacher_budget,
            seed=teacher_seed(seed, member),
            folder=folder / f"teacher-{member}",
            name=f"seed {seed}: teacher {member + 1} of {journey.num_teachers}",
            progress=run.progress,
        )
        for member in range(journey.num_teachers)
    )
    return [Taught(fitted.net, fitted.seconds) for fitted in fits]
