"""What is trained: baseline, ensemble and students on all data, and both kinds on a part of it."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limbeck.budget import Budget
from limbeck.data import TransferSet
from limbeck.hybrid.ground import Ground
from limbeck.hybrid.preparing import drawn, part_of
from limbeck.study import Arm, Study
from limbeck.targets import SoftTargets
from limbeck.training import FromLabels, FromSoftTargets

TWIN, STUDENT = "twin", "student"
LONG_TWIN = "twin, the student's epochs"
TRIED = "student, T = {:g}, {:g} of the loss from labels"


class MeanLogits(nn.Module):
    """Nets as one: the mean of their logits, which is the geometric mean of what they say, at every temperature.

    A store holds one row of it where an arithmetic mean needs one a net: with hundreds of states that is what fits.
    """

    def __init__(self, nets: list[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    def forward(self, inputs: Tensor) -> Float[Tensor, "batch states"]:
        return torch.stack([net(inputs).float() for net in self.nets]).mean(0)


def twin(ground: Ground, *, setting: str = TWIN, seen: TransferSet | None = None, budget: Budget | None = None) -> Arm:
    """Return a net to train on labels."""
    own = seen or ground.study.train
    return Arm(setting, ground.make_net, own, FromLabels(), budget or ground.plan.budget)


def student(
    ground: Ground,
    targets: SoftTargets,
    temperature: float,
    hard_weight: float,
    *,
    setting: str = STUDENT,
    seen: TransferSet | None = None,
    budget: Budget | None = None,
) -> Arm:
    """Return a net to train on soft targets, and on labels by their share."""
    objective = FromSoftTargets(targets, temperature, hard_weight)
    own = budget or for_students(ground)
    return Arm(setting, ground.make_student, seen or ground.study.train, objective, own)


def first_alone(study: Study) -> Study:
    """Return a study of the first seed alone."""
    return replace(study, run=replace(study.run, num_seeds=1))


def for_students(ground: Ground) -> Budget:
    """Return what a student may spend."""
    budget = ground.plan.budget
    return replace(budget, epochs=ground.plan.longer * budget.epochs)


def parts(ground: Ground, targets: SoftTargets, temperature: float, seed: int) -> list[Arm]:
    """Return section 6's nets: on each part's labels with early stopping, and on its soft targets to the end.

    The soft targets are those of the ensemble that was trained on everything; no label comes with them.
    """
    arms = []
    for fraction in ground.plan.fractions:
        part = drawn(part_of(ground.runs, fraction, seed), ground.plan)
        budget = budget_for(ground, fraction)
        early = replace(budget, early_stop=max(1, round(ground.plan.patience * budget.epochs)))
        arms += [
            twin(ground, setting=labels_of(fraction), seen=part, budget=early),
            replace(
                student(ground, targets, temperature, 0.0, setting=soft_of(fraction), seen=part, budget=budget),
                followed=False,  # nothing is chosen by it, and to be judged after each short epoch takes longer than it
            ),
        ]
    return arms


def budget_for(ground: Ground, fraction: float) -> Budget:
    """Return what a net may spend on a part: as many steps as on everything, but so many times the epochs at most."""
    budget, most = ground.plan.budget, ground.plan.most_times
    return replace(budget, epochs=min(most * budget.epochs, round(budget.epochs / fraction)))


def labels_of(fraction: float) -> str:
    """Return the setting of a net on a part's labels."""
    return f"twin, {100 * fraction:g}% labels, early stopping"


def soft_of(fraction: float) -> str:
    """Return the setting of a net on a part's soft targets.

    >>> soft_of(0.03)
    'student, 3% soft'
    """
    return f"student, {100 * fraction:g}% soft"
