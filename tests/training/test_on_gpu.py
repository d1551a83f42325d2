"""What only a GPU can show; skipped where there is none."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from limbeck import TransferSet
from limbeck.budget import Budget
from limbeck.data import CropFlip
from limbeck.targets import write_soft_targets
from limbeck.training import FromLabels, FromSoftTargets, fit
from limbeck.training.loop import _Training

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

BUDGET = Budget(epochs=2, batch_size=32, precision="32-true")


def images(count: int = 150) -> TransferSet:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=generator)
    return TransferSet(pixels, pixels.float().mean((1, 2, 3)).long() % 4, view=CropFlip(2))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.body(pixels.float() / 255)


def training(data: TransferSet) -> _Training:
    return _Training(Net(), data, FromLabels(), None, BUDGET, 0, None, "32-true")


def test_batches_are_those_of_the_cpu() -> None:
    data = images()
    job = training(data)
    job._start()
    order = torch.from_numpy(job._order(0))
    batches = list(job._batches(0))
    assert [len(inputs) for inputs, _, _ in batches] == [32, 32, 32, 32, 22]
    assert all(inputs.is_cuda for inputs, _, _ in batches)
    assert torch.equal(torch.cat([inputs for inputs, _, _ in batches]).cpu(), data.at(data.ids[order], 0))
    labels = torch.cat([labels for _, labels, _ in batches if labels is not None])
    assert torch.equal(labels.cpu(), data.labels_at(data.ids[order]))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("compiled", [False, True])
def test_a_student_learns_what_its_teacher_says(tmp_path: Path, compiled: bool) -> None:
    data = images()
    targets = write_soft_targets(Net(), data.near(torch.device("cuda")), tmp_path / "targets", num_views=2)
    budget = replace(BUDGET, epochs=30, learning_rate=1e-2, compiled=compiled)
    student = Net()
    nn.init.zeros_(student.body[4].weight)  # pyright: ignore[reportArgumentType]
    fitted = fit(student, data, objective=FromSoftTargets(targets, 2.0, 0.0), budget=budget)
    assert fitted.history[-1]["loss"] < 0.1 * fitted.history[0]["loss"]


def test_the_same_training_ends_with_the_same_bits(tmp_path: Path) -> None:
    first, second = (fit(Net(), images(), budget=BUDGET).net.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
