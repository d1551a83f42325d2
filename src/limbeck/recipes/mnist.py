"""The paper's first experiment on MNIST (Hinton et al. 2015, s. 3, first three figures).

A 784-1200-1200-10 ReLU net with dropout, weight constraints and inputs jittered by up to two pixels teaches a
784-800-800-10 net that sees plain images and has no other regulariser than the soft targets at T = 20. Its
label-only twin is that net on labels. The teacher is trained once and lies in the cache, where the other MNIST recipes
find it; seeds are those of student and twin.

    limbeck run mnist --data DIR                       one seed; DIR holds the four IDX files
    limbeck run mnist --data DIR --seeds 5 --record    five paired seeds
    limbeck run mnist                                  the data comes from the hub (pip install 'limbeck[hub]')

Paper: teacher 67 errors, twin 146, student 74. Expected figures, time and machine: results/mnist.json, shown by
`limbeck list`.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import limbeck
from limbeck.budget import Budget
from limbeck.runs import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from limbeck.study import Arm, Study
    from limbeck.targets import SoftTargets

PAPER = {("teacher", "test errors"): 67.0, ("twin", "test errors"): 146.0, ("student", "test errors"): 74.0}


@dataclass(frozen=True)
class Mnist:
    """Section 3 of the paper: a regularised 1200-unit net teaches a plain 800-unit net on MNIST."""

    teacher_hidden: tuple[int, ...] = (1200, 1200)
    """Hidden units of each layer of a teacher."""
    student_hidden: tuple[int, ...] = (800, 800)
    """Hidden units of each layer of the student."""
    input_dropout: float = 0.2
    """Probability of dropping a pixel of the teacher's input."""
    dropout: float = 0.5
    """Probability of dropping a teacher's hidden unit."""
    jitter: int = 2
    """The teacher's training images are shifted by up to so many pixels."""
    temperature: float = 20.0
    """Temperature of the soft targets while the student learns."""
    hard_weight: float = 0.0
    """The labels' share (0..1) of the student's loss."""
    validation: int = 5000
    """Training examples kept for validation."""
    teacher: Budget = field(
        default_factory=lambda: Budget(epochs=250, batch_size=512, learning_rate=2e-3, max_norm=3.0)
    )
    """What the teacher may spend."""
    student: Budget = field(default_factory=lambda: Budget(epochs=20, batch_size=256, learning_rate=5e-3))
    """What student and twin may spend."""

    def check(self) -> None:
        """Find what is wrong before anything is trained.

        Raises:
            ArgumentError: a field is not what its rule allows.
        """
        limbeck.objective.check_temperature(self.temperature)
        limbeck.objective.check_hard_weight(self.hard_weight, labelled=True)
        if self.validation < 1:
            raise limbeck.ArgumentError(f"validation must be >= 1 example, got {self.validation}")

    def check_on(self, train: "limbeck.TransferSet") -> None:
        """Find what is wrong for these training examples before any net is trained.

        Raises:
            ArgumentError: a field is not what its rule allows for so many of them, or for their size.
        """
        train.seen_through(limbeck.data.Jitter(self.jitter)).at(train.ids[:1])

    def smoke(self) -> "Mnist":
        """Return the same run in seconds."""
        return replace(self, **self.small())

    def small(self) -> dict[str, Any]:
        """Return the fields that make it so."""
        few = Budget(epochs=1, batch_size=1024)
        return {"teacher_hidden": (32,), "student_hidden": (16,), "teacher": few, "student": few}


def distinct(name: str, values: "Sequence[float]") -> None:
    """Raise ArgumentError unless a field has one or more values, all different, as settings are named by them."""
    if not values or len({f"{value:g}" for value in values}) < len(values):
        raise limbeck.ArgumentError(
            f"{name} must be one or more different numbers, got {tuple(values)}",
            "values that agree in six digits are one setting",
        )


def left_alone(name: str, value: object, default: object, why: str) -> None:
    """Raise ArgumentError where a field that a recipe does not read is given."""
    if value != default:
        raise limbeck.ArgumentError(f"{name} must be left as it is, for {why}, got {value}")


class Lesson:
    """What the MNIST recipes share: the paper's teacher, its soft targets, and arms made from both."""

    def __init__(self, config: Mnist, run: Run, paper: dict[tuple[str, str], float] | None = None) -> None:
        """Check the configuration and read the data."""
        config.check()
        self.config = config
        self.teacher_net()
        self._net(config.student_hidden)()
        sets = limbeck.data.load_mnist(run.data)
        config.check_on(sets[0].split(config.validation)[0])
        self.study: Study = limbeck.study.Study.on(run, sets, config.validation, paper=paper)
        self.jittered = self.study.train.seen_through(limbeck.data.Jitter(config.jitter))

    def teacher_net(self) -> "limbeck.models.MLP":
        """Return an untrained net of the teacher's kind."""
        config = self.config
        widths = [784, *config.teacher_hidden, 10]
        return limbeck.models.MLP(widths, scale=255, input_dropout=config.input_dropout, dropout=config.dropout)

    def teachers(self, count: int = 1) -> "list[limbeck.Fitted]":
        """Return the paper's teachers, trained on jittered images."""
        return self.study.teach("teacher", self.teacher_net, self.jittered, self.config.teacher, count)

    def student(
        self,
        setting: str,
        targets: "SoftTargets",
        *,
        seen: "limbeck.TransferSet | None" = None,
        hidden: tuple[int, ...] | None = None,
        temperature: float | None = None,
        hard_weight: float | None = None,
        budget: Budget | None = None,
    ) -> "Arm":
        """Return the arm of a student; what is not given is the configuration's."""
        config = self.config
        objective = limbeck.training.FromSoftTargets(
            targets,
            config.temperature if temperature is None else temperature,
            config.hard_weight if hard_weight is None else hard_weight,
        )
        net = self._net(hidden or config.student_hidden)
        return limbeck.study.Arm(setting, net, seen or self.study.train, objective, budget or config.student)

    def twin(
        self,
        setting: str,
        *,
        seen: "limbeck.TransferSet | None" = None,
        hidden: tuple[int, ...] | None = None,
        num_views: int = 1,
        budget: Budget | None = None,
    ) -> "Arm":
        """Return the arm of a net on labels alone; what is not given is the configuration's."""
        net, objective = self._net(hidden or self.config.student_hidden), limbeck.training.FromLabels(num_views)
        return limbeck.study.Arm(setting, net, seen or self.study.train, objective, budget or self.config.student)

    @staticmethod
    def _net(hidden: tuple[int, ...]) -> "limbeck.study.NetMaker":
        return lambda: limbeck.models.MLP([784, *hidden, 10], scale=255)


def main(config: Mnist, run: Run) -> "limbeck.conclusion.Result":
    """Compare student and twin."""
    lesson = Lesson(config, run, PAPER)
    study = lesson.study
    [fitted] = lesson.teachers()
    targets = study.soften(fitted.net, study.train)
    arms = [lesson.twin("twin"), lesson.student("student", targets)]
    trials = study.compare(lambda _: arms, controlled=["student"], random_teacher=lesson.teacher_net)
    teacher = study.trial(fitted)
    evidence = limbeck.evidence
    twin, student = (study.errors(trials[name]) for name in ("twin", "student"))
    findings = [
        study.compared("The student", trials["student"], "its label-only twin", trials["twin"]),
        *evidence.recovered("It", twin, study.errors([teacher]), student, "teacher"),
        *study.controls_told(trials, "student"),
    ]
    more = study.latencies({"teacher": teacher, "student": trials["student"][0]})
    share = limbeck.judge.share_recovered(twin, study.errors([teacher]), student)
    if share is not None:
        setting = "student, gap to its twin / gap between twin and teacher"
        more.append(evidence.row_of(setting, "ratio", [share], 0.91))
    return study.conclude_taught(findings, trials, teacher=teacher, twin="twin", student="student", more_rows=more)
