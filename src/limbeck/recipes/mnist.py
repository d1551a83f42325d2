"""The paper's first experiment on MNIST (Hinton et al. 2015, s. 3, first three figures).

A 784-1200-1200-10 ReLU net with dropout, weight constraints and inputs jittered by up to two pixels teaches a
784-800-800-10 net that sees plain images and has no other regulariser than the soft targets at T = 20. Its
label-only twin is that net on labels.

    limbeck run mnist --data DIR        one seed; DIR holds the four IDX files
    limbeck run mnist                   the data comes from the hub (pip install 'limbeck[hub]')

Paper: teacher 67 errors, twin 146, student 74. Expected figures, time and machine: results/mnist.json, shown by
`limbeck list`.
"""

from dataclasses import dataclass, field, replace

import limbeck
from limbeck.budget import Budget
from limbeck.runs import Run

PAPER = {("teacher", "test errors"): 67.0, ("twin", "test errors"): 146.0, ("student", "test errors"): 74.0}


@dataclass(frozen=True)
class Mnist:
    """Section 3 of the paper: a regularised 1200-unit net teaches a plain 800-unit net on MNIST."""

    members: int = 1
    """Teachers; more than one make an ensemble."""
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
    teacher: Budget = field(default_factory=lambda: Budget(epochs=60, learning_rate=1e-3, max_norm=3.0))
    """What each teacher may spend."""
    student: Budget = field(default_factory=lambda: Budget(epochs=40, learning_rate=1e-3))
    """What student and twin may spend."""

    def smoke(self) -> "Mnist":
        """Return the same run in seconds."""
        few = Budget(epochs=1, batch_size=1024)
        return replace(self, teacher_hidden=(32,), student_hidden=(16,), teacher=few, student=few)


def main(config: Mnist, run: Run) -> "limbeck.road.Result":
    """Take the road with the paper's nets."""
    train, test = limbeck.data.load_mnist(run.data)
    train, validation = train.split(config.validation)

    def net(hidden: tuple[int, ...], input_dropout: float = 0.0, dropout: float = 0.0) -> "limbeck.models.MLP":
        return limbeck.models.MLP([784, *hidden, 10], scale=255, input_dropout=input_dropout, dropout=dropout)

    journey = limbeck.road.Journey(
        train=train,
        validation=validation,
        test=test,
        make_teacher=lambda: net(config.teacher_hidden, config.input_dropout, config.dropout),
        make_student=lambda: net(config.student_hidden),
        num_teachers=config.members,
        teacher_budget=config.teacher,
        student_budget=config.student,
        temperature=config.temperature,
        hard_weight=config.hard_weight,
        teacher_view=limbeck.data.Jitter(config.jitter),
    )
    return limbeck.road.travel(run, journey, PAPER)
