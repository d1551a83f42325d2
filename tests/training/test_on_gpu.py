"""What only a GPU can show; skipped where there is none."""

from dataclasses import replace
from pathlib import Path

import pytest
import stopping
import torch
from torch import nn

from limbeck import TransferSet
from limbeck.budget import Budget, Optimizer
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
    ids = data.drawn(0, 0, None)
    batches = list(job._batches(0))
    assert [len(batch.inputs) for batch in batches] == [32, 32, 32, 32, 22]
    assert all(batch.inputs.is_cuda for batch in batches)
    assert torch.equal(torch.cat([batch.inputs for batch in batches]).cpu(), data.at(ids, 0))
    labels = torch.cat([batch.labels for batch in batches if batch.labels is not None])
    assert torch.equal(labels.cpu(), data.labels_at(ids))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("compiled", "cuda_graph"), [(False, False), (False, True), (True, True)])
@pytest.mark.filterwarnings("ignore:`torch.jit", "ignore:TensorFloat32")  # torch's own, where compiling begins
def test_a_student_learns_what_its_teacher_says(tmp_path: Path, compiled: bool, cuda_graph: bool) -> None:
    data = images()
    targets = write_soft_targets(Net(), data.near(torch.device("cuda")), tmp_path / "targets", num_views=2)
    budget = replace(BUDGET, epochs=30, learning_rate=1e-2, compiled=compiled, cuda_graph=cuda_graph)
    student = Net()
    nn.init.zeros_(student.body[4].weight)  # pyright: ignore[reportArgumentType]
    fitted = fit(student, data, objective=FromSoftTargets(targets, 2.0, 0.0), budget=budget)
    assert fitted.history[-1]["loss"] < 0.1 * fitted.history[0]["loss"]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_replayed_training_ends_with_the_bits_of_one_that_is_not(optimizer: Optimizer) -> None:
    budget = replace(BUDGET, epochs=4, optimizer=optimizer, weight_decay=0.01, max_norm=2.0)
    first, second, again = (
        fit(Net(), images(), budget=replace(budget, cuda_graph=replayed)) for replayed in (False, True, True)
    )
    assert first.history == second.history == again.history
    for name, value in first.net.state_dict().items():
        assert torch.equal(value, second.net.state_dict()[name])
        assert torch.equal(value, again.net.state_dict()[name])


@pytest.mark.parametrize("cuda_graph", [False, True])
def test_a_killed_training_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuda_graph: bool
) -> None:
    budget = replace(BUDGET, epochs=4, cuda_graph=cuda_graph)
    whole = fit(Net(), images(), budget=budget)
    monkeypatch.setattr("limbeck.training.clock.CHECKPOINT_EVERY_S", 0.0)
    with monkeypatch.context() as patch:
        stopping.stop_after(patch, 13)
        with pytest.raises(stopping.Stopped):
            fit(Net(), images(), budget=budget, folder=tmp_path)
    resumed = fit(Net(), images(), budget=budget, folder=tmp_path)
    assert whole.history == resumed.history
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, resumed.net.state_dict()[name])
