"""A net that convolves is laid out channels_last; stopped anywhere, it still ends with the same bits."""

import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import stopping
import torch
from torch import nn
from torch.testing import assert_close

from limbeck import ArgumentError, Budget, TransferSet, fit, write_soft_targets
from limbeck.data import CropFlip
from limbeck.models import Dropout
from limbeck.teachers import predict
from limbeck.tensor_files import load_tensors
from limbeck.training import clock
from limbeck.training.checkpoint import restore_training, save_training
from limbeck.training.objectives import FromSoftTargets

QUICK = Budget(epochs=2, batch_size=8, learning_rate=1e-2, precision="32-true")
STEPS = 6


def images():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (48, 3, 8, 8), dtype=torch.uint8, generator=generator)
    return TransferSet(pixels, torch.arange(48) % 5, view=CropFlip(1))


class Scaled(nn.Module):
    def forward(self, inputs):
        return inputs.float() / 255


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        Scaled(),
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 12, 3, padding=1, stride=2),
        nn.ReLU(),
        nn.Conv2d(12, 8, 1),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        Dropout(0.2),
        nn.Linear(32, 5),
    )


@pytest.mark.parametrize("budget", [QUICK, replace(QUICK, precision="bf16-mixed", weight_decay=0.01, shuffle_window=9)])
@pytest.mark.parametrize("count", [1, 3, STEPS, STEPS + 4])
def test_stopped_at_any_step_it_ends_with_the_same_bits(tmp_path, monkeypatch, count, budget):
    monkeypatch.setattr(clock, "CHECKPOINT_EVERY_S", 0.0)
    targets = write_soft_targets(net(7), images(), tmp_path / "targets", num_views=2)
    objective = FromSoftTargets(targets, 4.0, 0.3)

    def training(folder):
        return fit(net(), images(), objective=objective, validation=images(), budget=budget, folder=tmp_path / folder)

    expected = training("whole")
    with monkeypatch.context() as patch:
        stopping.stop_after(patch, count)
        with pytest.raises(stopping.Stopped):
            training("stopped")
    assert (tmp_path / "stopped" / "checkpoint.safetensors").exists()
    resumed = training("stopped")
    for name, tensor in expected.net.state_dict().items():
        assert torch.equal(resumed.net.state_dict()[name], tensor), name
    assert resumed.history == expected.history
    models = [(tmp_path / folder / "model.safetensors").read_bytes() for folder in ("whole", "stopped")]
    assert models[0] == models[1]


def test_the_net_learns_channels_last_and_is_given_back_as_it_came(monkeypatch):
    seen = []

    class Looking(nn.Conv2d):
        def forward(self, inputs):
            seen.append([each.is_contiguous(memory_format=torch.channels_last) for each in (inputs, self.weight)])
            return super().forward(inputs)

    torch.manual_seed(0)
    model = nn.Sequential(Scaled(), Looking(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    fitted = fit(model, images(), budget=replace(QUICK, epochs=1)).net
    assert seen == [[True, True]] * (1 + STEPS), "it is asked first whether it can"
    assert all(parameter.is_contiguous() for parameter in fitted.parameters())


class Viewing(nn.Module):
    """Takes a view of what a convolution gives, which is for the plain layout alone; and scales its rows in place."""

    def __init__(self, channels):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(channels, 4, 3), nn.Linear(4 * 36, 5)

    def forward(self, inputs):
        return self.head(self.conv(inputs.div_(255)).view(-1, 4 * 36))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_net_that_takes_views_learns_in_the_plain_layout(channels):
    rows = TransferSet(images().inputs[:, :channels].float(), torch.arange(48) % 5)
    budget = replace(QUICK, epochs=1, batch_size=48, warmup=0.0, learning_rate=0.1)
    model, expected = Viewing(channels), Viewing(channels)
    told = expected(rows.inputs.clone())
    assert_close(predict(model, rows), told.detach())
    fitted = fit(model, rows, validation=rows, budget=budget)
    optimizer = torch.optim.AdamW(expected.parameters(), lr=0.05, weight_decay=0.0)  # the cosine at its middle
    nn.functional.cross_entropy(told, rows.labels).backward()
    optimizer.step()
    for name, tensor in expected.state_dict().items():
        assert_close(fitted.net.state_dict()[name], tensor, rtol=0, atol=1e-4)


class Counting(nn.Module):
    """Counts how often it is asked, in what a file holds."""

    def __init__(self, *, fails_at=None):
        super().__init__()
        self.conv, self.fails_at = nn.Conv2d(3, 5, 8), fails_at
        self.register_buffer("asked", torch.tensor(0))

    def forward(self, inputs):
        self.asked += 1
        if self.fails_at == self.asked:
            raise RuntimeError("out of memory")
        return self.conv(inputs.float()).flatten(1)


def test_asking_a_net_whether_it_can_leaves_no_trace():
    rows = TransferSet(images().inputs, torch.arange(48) % 5)
    budget = replace(QUICK, epochs=1, batch_size=24)
    assert fit(Counting(), rows, budget=budget).net.state_dict()["asked"] == 2


def test_what_else_a_net_raises_is_not_for_another_layout():
    rows = images()
    with pytest.raises(ArgumentError, match="it raised RuntimeError: out of memory"):
        predict(Counting(fails_at=1), rows)


def stepped(model, optimizer):
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.grad = torch.empty_like(parameter).copy_(torch.randn(parameter.shape, generator=generator))
    optimizer.step()
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_what_the_optimizer_keeps_is_laid_out_as_the_weights_are(tmp_path):
    def begun(seed):
        model = net(seed).to(memory_format=torch.channels_last)
        return model, torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)

    model, optimizer = begun(0)
    stepped(model, optimizer)
    save_training(tmp_path / "kept", model, optimizer, {}, None)
    other, again = begun(1)
    restore_training(*load_tensors(tmp_path / "kept"), other, again)
    for parameter in other.parameters():
        assert again.state[parameter]["exp_avg"].stride() == parameter.stride()
    assert torch.equal(stepped(other, again), stepped(model, optimizer))


PROGRAM = """
import os, signal, sys
sys.path[:0] = [sys.argv[1], os.path.dirname(sys.argv[1])]  # this file, and what the tests share
import limbeck
from limbeck.training import clock, loop
from test_conv_resume import QUICK, images, net
clock.CHECKPOINT_EVERY_S = 0.0
real, steps = loop._Training._set_rate, 0
def dying(self):
    global steps
    steps += 1
    if sys.argv[3] != "-" and steps == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self)
loop._Training._set_rate = dying
limbeck.fit(net(), images(), budget=QUICK, folder=sys.argv[2])
"""


def test_killed_and_started_again_it_ends_with_the_same_bits(tmp_path, request):
    def start(folder, kill_at):
        arguments = [str(request.path.parent), str(tmp_path / folder), kill_at]
        return subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True)

    fit(net(), images(), budget=QUICK, folder=tmp_path / "whole")
    assert start("killed", "5").returncode == -signal.SIGKILL
    resumed = start("killed", "-")
    assert resumed.returncode == 0, resumed.stderr
    models = [(tmp_path / folder / "model.safetensors").read_bytes() for folder in ("whole", "killed")]
    assert models[0] == models[1]
