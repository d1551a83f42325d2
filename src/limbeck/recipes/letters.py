"""A forest into a small net, on UCI's letter recognition: the teacher need not be a net.

The paper begins with "almost any machine learning algorithm"; its table has no such teacher. Here 100 extremely
randomised trees (scikit-learn) are asked for probabilities, these are turned into logits, and a small ReLU net learns
from them. Trees fit their training rows exactly and have nothing to add there, so they are asked about rows mingled
with their nearest neighbours, 32 views of each (Bucila et al. 2006). The label-only twin sees the same views; two more
label-only twins see plain rows, and rows moved at random.

    limbeck run letters --data DIR                        one seed; DIR holds letter-recognition.data
    limbeck run letters --data DIR --seeds 10 --record    ten paired seeds

Expected figures, time and machine: results/letters.json, shown by `limbeck list`.
"""

from dataclasses import dataclass, field, replace

import limbeck
from limbeck.budget import Budget
from limbeck.runs import Run


@dataclass(frozen=True)
class Letters:
    """Extremely randomised trees teach a small net on letter recognition."""

    trees: int = 100
    """Trees in the forest."""
    floor: float = 1e-4
    """Smallest probability of the forest that is told apart from another."""
    sharpness: float = 3.0
    """The forest's logits are multiplied by it: its votes are less sure than they are right."""
    views: int = 32
    """Views of each row that the forest judges; the student sees one an epoch."""
    share: float = 0.5
    """Probability with which a value comes from the row's neighbour."""
    student_hidden: tuple[int, ...] = (96, 96)
    """Hidden units of each layer of the student."""
    temperature: float = 1.0
    """Temperature of the soft targets while the student learns."""
    hard_weight: float = 0.5
    """The labels' share (0..1) of the student's loss."""
    validation: int = 2000
    """Training examples kept for validation."""
    student: Budget = field(
        default_factory=lambda: Budget(epochs=128, batch_size=128, learning_rate=2e-2, precision="32-true")
    )
    """What student and twins may spend."""

    def smoke(self) -> "Letters":
        """Return the same run in seconds."""
        few = replace(self.student, epochs=1, batch_size=1024)
        return replace(self, trees=3, views=2, student_hidden=(16,), student=few)


def main(config: Letters, run: Run) -> "limbeck.conclusion.Result":
    """Take the road with a forest for a teacher."""
    from sklearn.ensemble import ExtraTreesClassifier

    train, test = limbeck.data.load_letters(run.data)
    train, validation = train.split(config.validation)
    inputs = train.inputs[train.ids].numpy()
    labels = train.labels_at(train.ids)
    assert labels is not None

    def teach(seed: int) -> limbeck.teachers.Teacher:
        forest = ExtraTreesClassifier(config.trees, random_state=seed).fit(inputs, labels.numpy())
        return limbeck.teachers.sharpened(limbeck.teachers.from_sklearn(forest, floor=config.floor), config.sharpness)

    journey = limbeck.road.Journey(
        train=train,
        validation=validation,
        test=test,
        teach=teach,
        make_student=lambda: limbeck.models.MLP([16, *config.student_hidden, 26], scale=15),
        student_budget=config.student,
        temperature=config.temperature,
        hard_weight=config.hard_weight,
        student_view=limbeck.data.Mingle(limbeck.data.neighbours(train.inputs, train.ids), config.share),
        num_views=config.views,
        other_twins={"plain rows": limbeck.data.Plain(), "rows moved at random": limbeck.data.Noise(highest=15)},
    )
    return limbeck.road.travel(run, journey)
