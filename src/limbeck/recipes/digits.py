"""Ten nets into one, on scikit-learn's handwritten digits: the main job in a minute.

Reproduces no table of the paper; it is section 2 from end to end on 1,797 digits of 8 x 8 pixels that need no
download. Teacher: an ensemble of ten ReLU nets with dropout, on images jittered by up to a pixel. Student: one small
net, trained on their stored soft targets for plain images; its label-only twin has the same start, data, order and
budget.

    limbeck run digits                       one seed
    limbeck run digits --seeds 10 --record   ten paired seeds

Expected figures, time and machine: results/digits.json, shown by `limbeck list`.
"""

from dataclasses import dataclass, field, replace

import limbeck
from limbeck.budget import Budget
from limbeck.runs import Run


@dataclass(frozen=True)
class Digits:
    """Ten nets into one small net, on scikit-learn's digits."""

    members: int = 10
    """Nets in the ensemble."""
    teacher_hidden: tuple[int, ...] = (256, 256)
    """Hidden units of each layer of a teacher."""
    student_hidden: tuple[int, ...] = (64, 64)
    """Hidden units of each layer of the student."""
    dropout: float = 0.2
    """Probability of dropping a teacher's hidden unit."""
    jitter: int = 1
    """The teachers' training images are shifted by up to so many pixels."""
    temperature: float = 4.0
    """Temperature of the soft targets while the student learns."""
    hard_weight: float = 0.1
    """The labels' share (0..1) of the student's loss."""
    validation: int = 200
    """Training examples kept for validation."""
    teacher: Budget = field(
        default_factory=lambda: Budget(epochs=100, batch_size=64, learning_rate=3e-3, precision="32-true")
    )
    """What each teacher may spend."""
    student: Budget = field(
        default_factory=lambda: Budget(epochs=300, batch_size=32, learning_rate=3e-3, precision="32-true")
    )
    """What student and twin may spend."""

    def smoke(self) -> "Digits":
        """Return the same run in seconds."""
        few = replace(self.student, epochs=2)
        return replace(self, members=2, teacher_hidden=(16,), teacher=few, student=few)


def main(config: Digits, run: Run) -> "limbeck.conclusion.Result":
    """Take the road with ten teachers."""
    if run.data is not None:
        raise limbeck.ArgumentError(f"digits come with scikit-learn and take no data folder, got {run.data}")
    train, test = limbeck.data.load_digits()
    train, validation = train.split(config.validation)

    def net(hidden: tuple[int, ...], dropout: float = 0.0) -> "limbeck.models.MLP":
        return limbeck.models.MLP([64, *hidden, 10], scale=16, dropout=dropout)

    journey = limbeck.road.Journey(
        train=train,
        validation=validation,
        test=test,
        make_teacher=lambda: net(config.teacher_hidden, config.dropout),
        make_student=lambda: net(config.student_hidden),
        num_teachers=config.members,
        teacher_budget=config.teacher,
        student_budget=config.student,
        temperature=config.temperature,
        hard_weight=config.hard_weight,
        teacher_view=limbeck.data.Jitter(config.jitter),
    )
    return limbeck.road.travel(run, journey)
