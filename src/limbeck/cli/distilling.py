"""`limbeck distill`: anybody's own teacher and data, to a student and the evidence."""

import contextlib
import dataclasses
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tyro

from limbeck.budget import Budget, epochs_for
from limbeck.cli.recipes import RoadOptions, check_seeds, tell
from limbeck.cli.softening import SourceOptions, TeacherOptions, teacher_from
from limbeck.cli.tracking import tracking
from limbeck.errors import ArgumentError
from limbeck.progress import progress_for
from limbeck.runs import Run, default_folder

if TYPE_CHECKING:
    from limbeck.data import TransferSet, View
    from limbeck.data.splits import WholeSplits
    from limbeck.road import Journey
    from limbeck.teachers import Teacher

EPOCHS, STEPS = (30, 300), 3000  # of a training whose epochs are not given: little data is seen more often
FEW_TEST_ROWS = 50  # below which one row is two points of accuracy and more
HARD_WEIGHT = 0.1  # where there are labels and none is given


@dataclass(frozen=True)
class Distillation(TeacherOptions, SourceOptions):
    """What a run is bound to."""

    student: str | None = None
    """module:name of the untrained net, its class, or a function that makes it. Without it one is proposed: a narrower
    copy of a net, a small net of its own for any other teacher."""
    student_parameters: int | None = None
    """How many parameters the student that is proposed may have; a tenth of the teacher's by default."""
    scale: float | None = None
    """Inputs of teacher and student are divided by it: 255 for pixels as floats in 0..1."""
    mean: tuple[float, ...] = ()
    """Then subtracted from them: one number, or one a channel or column."""
    std: tuple[float, ...] = ()
    """Then they are divided by it, as mean."""
    temperature: float = 4.0
    """Temperature of the soft targets while the student learns."""
    hard_weight: float | None = None
    """The labels' share (0..1) of the student's loss; 0.1 by default, 0 without labels."""
    view: str = "plain"
    """What teacher and student see of the training rows: plain, jitter:PIXELS, crop-flip:PIXELS, elastic:PIXELS or
    noise:SIZE."""
    views: int = 1
    """Views of each row; the student cycles through them."""
    split_seed: int = 0
    """Of which rows are cut off, where there is no validation or test set."""
    budget: Budget = field(default_factory=lambda: Budget(epochs=EPOCHS[0], batch_size=64, learning_rate=2e-3))
    """What student and twin may spend. Without --budget.epochs there are 30 epochs, on little data as many as come to
    3000 steps, up to 300. Where they are small and don't convolve, auto precision on a CPU is 32-true."""


@dataclass(frozen=True)
class DistillOptions(RoadOptions, Distillation):
    """A run, and where it goes."""


def distill(arguments: list[str]) -> None:
    """`limbeck distill`."""
    options = tyro.cli(
        DistillOptions,
        args=arguments,
        prog="limbeck distill",
        description="Distill a teacher of your own on data of your own into a small student.",
    )
    check_seeds(options.seeds)
    if options.student is not None and options.student_parameters is not None:
        given = f"--student {options.student}"
        raise ArgumentError(f"student-parameters are of a student that is proposed, got {given} too", "leave out one")
    own = {each.name: getattr(options, each.name) for each in dataclasses.fields(Distillation)}
    progress = progress_for(quiet=options.quiet)
    enough = any(each.partition("=")[0] == "--budget.epochs" for each in arguments)
    from limbeck.data import load_splits
    from limbeck.data.views import view_from
    from limbeck.road import travel

    view = view_from(options.view)
    with contextlib.redirect_stdout(sys.stderr):  # what a user's module prints is no data of ours
        source, teacher = options.source, teacher_from(options)
        sets = load_splits(source, options.columns, say=progress.say).cut(options.split_seed, progress.say)
        config = resolved(Distillation(**own), sets.training, progress.say, epochs_given=enough)
        journey = journey_of(config, sets, view, teacher, progress.say)
    run = Run(
        recipe="distill",
        config=config,
        folder=options.out or default_folder("distill", config),
        num_seeds=options.seeds,
        data=None,
        progress=progress,
        command=shlex.join(["limbeck", "distill", *arguments]),
        controls=tuple(dict.fromkeys(options.controls)),
        ship=options.ship,
    )
    with run.held(), tracking(options, run):
        with contextlib.redirect_stdout(sys.stderr):
            result = travel(run, journey)
        tell(run, result, options)


def resolved(
    config: Distillation, train: "TransferSet", say: Callable[[str], None], *, epochs_given: bool
) -> Distillation:
    """Return a configuration that says what is spent and how much labels count, where that was left to the data."""
    hard_weight, budget = config.hard_weight, config.budget
    if hard_weight is None:
        hard_weight = HARD_WEIGHT if train.has_labels else 0.0
    if not epochs_given:
        budget = dataclasses.replace(budget, epochs=epochs_for(len(train), budget.batch_size, STEPS, EPOCHS))
        say(f"student and twin may spend {budget.epochs} epochs (--budget.epochs)")
    return dataclasses.replace(config, budget=budget, hard_weight=hard_weight)


def journey_of(
    config: Distillation,
    sets: "WholeSplits",
    view: "View",
    teacher_for: "Callable[[TransferSet], Teacher]",
    say: Callable[[str], None],
) -> "Journey":
    """Return the journey of a resolved configuration, all that it names made ready; what was chosen is told."""
    from limbeck.distillation import num_outputs
    from limbeck.models.proposed import proposed_student
    from limbeck.readying import Preprocessing, looked_at, quick_budget, ready_student, ready_teacher
    from limbeck.road import Journey
    from limbeck.teachers import load_student

    train, hard_weight = sets.training, config.hard_weight
    assert hard_weight is not None
    train.seen_through(view).at(train.ids[:2])  # a view that is not for such rows is said now
    before = Preprocessing(config.scale, config.mean, config.std)
    teacher = ready_teacher(teacher_for(train), before, train)
    classes = num_outputs(teacher, train)
    for each in (train, sets.validation, sets.test):
        each.check_classes(classes)
    if config.student is None:
        make_student, said = proposed_student(teacher, train, classes, config.student_parameters)
    else:
        make_student, said = ready_student(load_student(config.student), before, train, classes), []
    findings = findings_of(sets)
    for line in [*looked_at(teacher, sets.validation, cut=sets.cut_validation), *said, *findings]:
        say(line)
    return Journey(
        train=train,
        validation=sets.validation,
        test=sets.test,
        teacher=teacher,
        make_student=make_student,
        student_budget=quick_budget(config.budget, make_student()),
        temperature=config.temperature,
        hard_weight=hard_weight,
        student_view=view,
        num_views=config.views,
        findings=findings,
    )


def findings_of(sets: "WholeSplits") -> tuple[str, ...]:
    """Return in words what to know of the data: test rows that a teacher or the student may know by heart, or few."""
    from limbeck.data.shared_rows import num_shared_rows
    from limbeck.distillation import TAUGHT_ON_THESE

    shared = num_shared_rows(sets.test, sets.training)
    rows = (
        f"{shared:,} of {sets.test.num_rows:,} test rows {'is' if shared == 1 else 'are'} among the training rows too"
    )
    said = [f"{rows}, value for value: figures on them flatter what knows them by heart."] if shared else []
    tested = sets.test.num_rows
    if tested < FEW_TEST_ROWS:
        rows = "is 1 test row" if tested == 1 else f"are {tested} test rows"
        said.append(f"There {rows}: one more right or wrong is {100 / tested:.0f} points of accuracy.")
    return (*said, *([TAUGHT_ON_THESE] if sets.cut_test else []))
