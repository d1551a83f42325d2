"""A step of a student's training: ours, label-only and distilled, beside the peers', which run the teacher each time.

    .venv-peers/bin/python benchmarks/student_step.py        writes results/bench-student_step.json

Two pairs of nets: labml's for CIFAR-10 and the paper's for MNIST, on noise in the form of their data. Ours is an epoch
of `limbeck.fit`, from start to saved net, divided by its steps; a peer is handed its batches ready and makes its steps
in a plain loop, so it pays for neither data loader nor schedule nor curves. All have the same nets, T = 4, a tenth of
the weight on the labels, and AdamW, fused (keras brings its own). Everything is in float32, but for ours with our
defaults, precision 'auto'. Our loop lays out images and convolutions as channels_last by itself; the others' are
measured as they come and laid out like that as well, so that the fastest peer has the benefit of it. It is sought among
those whose soft-target term is T²·KL, as it comes or as benchmarks/peers.py says: benchmarks/loss.py measures that.
"""

import itertools
import statistics
import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from loss import TOLERANCE, exact, logits
from peers import (
    HARD_WEIGHT,
    LEARNING_RATE,
    PEERS_PYTHON,
    TEMPERATURE,
    MakeStep,
    Peer,
    Step,
    peers,
    plain_step,
    versions,
)
from timing import in_turn, ratio_row, record, value_row
from torch import Tensor, nn

from limbeck import Budget, SoftTargets, TransferSet, distillation_loss, fit, write_soft_targets
from limbeck.budget import Precision
from limbeck.models import MLP, VGG
from limbeck.recipes.cifar10_labml import LARGE, SMALL
from limbeck.training.objectives import FromLabels, FromSoftTargets, Objective

ROUNDS = 9
LABELS, STORE, TEACHER, DEFAULTS = (
    "ours label-only, float32",
    "ours from the store, float32",
    "ours with the teacher in the loop, float32",
    "ours with our defaults",
)
CHANNELS_LAST = ", channels_last"


@dataclass(frozen=True)
class Pair:
    """Student and teacher, the form of their images, and how much of a round each contender does."""

    name: str
    student: nn.Module
    teacher: nn.Module
    image_shape: tuple[int, ...]
    batch_size: int
    epoch_steps: int
    """Of ours, in a round."""
    peer_steps: int
    """Of any other, in a round."""


def pairs() -> list[Pair]:
    """Return labml's pair and the paper's, untrained: what is measured is time."""
    torch.manual_seed(0)
    small, large = VGG(SMALL, 10), VGG(LARGE, 10, dropout=0.1)
    student, teacher = (MLP([784, width, width, 10], scale=255) for width in (800, 1200))
    return [
        Pair("labml's pair", small, large.eval(), (3, 32, 32), 64, epoch_steps=16, peer_steps=3),
        Pair("MNIST's pair", student, teacher.eval(), (1, 28, 28), 128, epoch_steps=469, peer_steps=30),
    ]


def noise(pair: Pair) -> TransferSet:
    """Return an epoch's examples."""
    generator = torch.Generator().manual_seed(0)
    count = pair.epoch_steps * pair.batch_size
    pixels = torch.randint(0, 256, (count, *pair.image_shape), dtype=torch.uint8, generator=generator)
    return TransferSet(pixels, torch.randint(10, (count,), generator=generator))


def epoch(pair: Pair, data: TransferSet, objective: Objective, precision: Precision) -> Callable[[], None]:
    """Return an epoch of our loop, in a folder of its own; the net goes on from epoch to epoch."""
    net = deepcopy(pair.student)
    budget = Budget(epochs=1, batch_size=pair.batch_size, learning_rate=LEARNING_RATE, precision=precision)

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            fit(net, data, objective=objective, budget=budget, folder=folder)

    return run


def with_teacher(student: nn.Module, teacher: nn.Module) -> Step:
    """Return the step of one who has no store: teacher and student see each batch, and our loss."""

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            targets = teacher(images)
        how = {"temperature": TEMPERATURE, "hard_weight": HARD_WEIGHT}
        return distillation_loss(student(images), targets, labels, **how).mean()

    return plain_step(student.train(), loss)


def steps(pair: Pair, data: TransferSet, make: MakeStep, layout: torch.memory_format) -> Callable[[], None]:
    """Return some steps with nets of their own, on batches that lie ready."""
    assert data.labels is not None
    student, teacher = (laid_out(deepcopy(net), layout) for net in (pair.student, pair.teacher))
    size, step = pair.batch_size, make(student, teacher)
    images = data.inputs.contiguous(memory_format=layout).split(size)
    batches = itertools.cycle(list(zip(images, data.labels.split(size), strict=True)))

    def run() -> None:
        for part, labels in itertools.islice(batches, pair.peer_steps):
            step(part, labels)

    return run


def laid_out(net: nn.Module, layout: torch.memory_format) -> nn.Module:
    """Return a net with its weights in a memory format, in place."""
    return net.to(memory_format=layout)  # pyright: ignore[reportCallIssue] - not in torch's stub


def epochs(pair: Pair, data: TransferSet, store: SoftTargets) -> dict[str, Callable[[], None]]:
    """Return our loop's epochs."""
    soft = FromSoftTargets(store, TEMPERATURE, HARD_WEIGHT)
    return {
        LABELS: epoch(pair, data, FromLabels(), "32-true"),
        STORE: epoch(pair, data, soft, "32-true"),
        DEFAULTS: epoch(pair, data, soft, "auto"),
    }


def loops(pair: Pair, data: TransferSet, others: list[Peer]) -> dict[str, Callable[[], None]]:
    """Return the loops of all who run the teacher at each step; those of convolutions in both layouts."""
    makers = {TEACHER: with_teacher} | {peer.name: peer.make_step for peer in others if peer.make_step is not None}
    layouts = {"": torch.contiguous_format}
    if any(isinstance(module, nn.Conv2d) for module in pair.student.modules()):
        layouts[CHANNELS_LAST] = torch.channels_last
    return {
        name + suffix: steps(pair, data, make, layout)
        for suffix, layout in layouts.items()
        for name, make in makers.items()
    }


def measure(pair: Pair, others: list[Peer]) -> tuple[str, list[dict[str, Any]]]:
    """Return the name of the fastest correct peer, and the rows of one pair."""
    data = noise(pair)
    with tempfile.TemporaryDirectory() as folder:
        store = write_soft_targets(pair.teacher, data, Path(folder) / "targets")
        ours, theirs = epochs(pair, data, store), loops(pair, data, others)
        totals = in_turn(ours | theirs, ROUNDS)
    times = {
        name: [total / (pair.epoch_steps if name in ours else pair.peer_steps) for total in values]
        for name, values in totals.items()
    }
    rows = [value_row(f"student, step of {name}, {pair.name}", "seconds", values) for name, values in times.items()]
    names = {peer.name for peer in others if correct(peer)}
    right = [name for name in theirs if name.removesuffix(CHANNELS_LAST) in names]
    fastest = min(right, key=lambda name: statistics.median(times[name]))
    alike = TEACHER + (CHANNELS_LAST if fastest.endswith(CHANNELS_LAST) else "")  # in the fastest peer's layout
    told = {fastest: "fastest correct peer", alike: TEACHER}
    for first, second in ((fastest, STORE), (fastest, alike), (fastest, DEFAULTS), (STORE, LABELS)):
        both = list(zip(times[first], times[second], strict=True))
        rows.append(ratio_row(f"student, {told.get(first, first)} / {told.get(second, second)}, {pair.name}", both))
    return fastest, rows


def correct(peer: Peer) -> bool:
    """Return whether a peer's soft-target term is T²·KL."""
    pair = logits(64, 10)
    return abs(float(peer.soft_loss(*pair)) / exact(*pair) - 1) < TOLERANCE


def main() -> None:
    """Measure and record."""
    others, rows, fastest = peers(), [], {}
    for pair in pairs():
        fastest[pair.name], more = measure(pair, others)
        rows += more
        print(f"{pair.name}: the fastest correct peer is {fastest[pair.name]}")
    config = {
        "temperature": TEMPERATURE,
        "hard_weight": HARD_WEIGHT,
        "rounds": ROUNDS,
        "pairs": {
            pair.name: {"batch_size": pair.batch_size, "epoch_steps": pair.epoch_steps, "peer_steps": pair.peer_steps}
            for pair in pairs()
        },
        "fastest_correct_peer": fastest,
        "peers": versions(),
    }
    record("student_step", config, rows, PEERS_PYTHON)


if __name__ == "__main__":
    main()
