"""The one loop: it learns, it repeats itself to the bit, it goes on where it was killed, it stops when it must."""

import csv
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import stopping
import torch
from events import values
from torch import nn
from torch.testing import assert_close

from limbeck import ArgumentError, Budget, RunError, TrainingError, TransferSet, fit, write_soft_targets
from limbeck.data import Jitter
from limbeck.data.drawing import ORDER_STREAM
from limbeck.data.philox import permutation
from limbeck.errors import BusyError
from limbeck.files import locked
from limbeck.models import MLP, ResNet
from limbeck.teachers import predict
from limbeck.tensor_files import load_tensors
from limbeck.training import clock, loop
from limbeck.training.learning import check_can_learn
from limbeck.training.loop import constrain, rate_share
from limbeck.training.objectives import FromLabels, FromSoftTargets

QUICK = Budget(epochs=3, batch_size=16, learning_rate=1e-2, precision="32-true")


def blobs(count=100, labelled=True, seed=0):
    """Three classes of 4 x 4 images that a linear net tells apart."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    pixels = 0.3 * torch.randn(count, 1, 4, 4, generator=generator)
    pixels[torch.arange(count), 0, labels, labels] += 2
    return TransferSet(pixels, labels if labelled else None)


def net(seed=0, dropout=0.0):
    torch.manual_seed(seed)
    return MLP([16, 8, 3], dropout=dropout)


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_it_learns_what_can_be_learned():
    fitted = fit(net(), blobs(300), validation=blobs(60, seed=1), budget=replace(QUICK, epochs=10))
    assert fitted.history[-1]["validation_errors"] <= 1
    assert fitted.history[-1]["loss"] < 0.1 < fitted.history[0]["loss"]
    assert not fitted.net.training


def test_one_step_is_the_plain_step():
    data = blobs(16)
    fitted = fit(net(), data, budget=replace(QUICK, epochs=1, warmup=0.0, learning_rate=0.1)).net
    expected = net()
    optimizer = torch.optim.AdamW(expected.parameters(), lr=0.05, weight_decay=0.0)  # the cosine at its middle
    torch.nn.functional.cross_entropy(expected(data.inputs), data.labels).backward()
    optimizer.step()
    assert_close(weights(fitted), weights(expected))
    assert (weights(fitted) - weights(net())).abs().max() > 0.01


def test_it_is_the_bare_loop():
    """The same net, order and rates in a loop written out give the same weights."""
    data = blobs()
    fitted = fit(net(), data, budget=QUICK).net
    expected = net()
    optimizer = torch.optim.AdamW(expected.parameters(), weight_decay=0.0)
    steps = 3 * 7
    for step in range(steps):
        epoch, inside = divmod(step, 7)
        order = torch.from_numpy(permutation(0, ORDER_STREAM, epoch, 100))
        ids = order[inside * 16 : (inside + 1) * 16]
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * rate_share((step + 0.5) / steps, 0.05)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(expected(data.inputs[ids]), data.labels[ids]).backward()
        optimizer.step()
    assert_close(weights(fitted), weights(expected), rtol=1e-5, atol=1e-6)


def test_the_same_arguments_give_the_same_bits_and_another_seed_others():
    first, again = (weights(fit(net(dropout=0.5), blobs(), budget=QUICK).net) for _ in range(2))
    other = weights(fit(net(dropout=0.5), blobs(), budget=QUICK, seed=1).net)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_callers_random_numbers_are_left_alone():
    model = net()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(model, blobs(), budget=QUICK)
    assert torch.equal(torch.rand(3), expected)


OTHER = {"precision": "bf16-mixed", "early_stop": 1, "max_norm": 0.8, "weight_decay": 0.01}
SGD = {"optimizer": "sgd", "schedule": "steps", "weight_decay": 0.01}


@pytest.mark.parametrize(
    "budget",
    [QUICK, replace(QUICK, **OTHER), replace(QUICK, **SGD)],
    ids=["plain", "with everything", "SGD in steps"],
)
@pytest.mark.parametrize("stop_after", [1, 6, 7, 8, 13, 20])
def test_stopped_at_any_step_it_ends_with_the_same_bits(tmp_path, monkeypatch, stop_after, budget):
    monkeypatch.setattr(clock, "CHECKPOINT_EVERY_S", 0.0)
    teacher = net(7)
    view = Jitter(1)
    data = blobs().seen_through(view)
    targets = write_soft_targets(teacher, data, tmp_path / "targets", num_views=2)
    objective = FromSoftTargets(targets, 4.0, 0.2)

    def training(folder, model):
        return fit(model, data, objective=objective, validation=blobs(30, seed=1), budget=budget, folder=folder)

    expected = training(tmp_path / "whole", net(dropout=0.3))

    with monkeypatch.context() as patch:
        stopping.stop_after(patch, stop_after)
        with pytest.raises(stopping.Stopped):
            training(tmp_path / "stopped", net(dropout=0.3))
    assert (tmp_path / "stopped" / "checkpoint.safetensors").exists()
    resumed = training(tmp_path / "stopped", net(dropout=0.3))
    assert torch.equal(weights(resumed.net), weights(expected.net))
    assert resumed.history == expected.history
    assert not (tmp_path / "stopped" / "checkpoint.safetensors").exists()


PROGRAM = """
import os, signal, sys, torch
from pathlib import Path
import limbeck, limbeck.files
from limbeck.models import MLP, ResNet
from limbeck.tensor_files import load_tensors
from limbeck.training import clock, loop
clock.CHECKPOINT_EVERY_S = 0.0
if sys.argv[2] != "-":
    real, steps = loop._Training._set_rate, 0
    def dying(self):
        global steps
        steps += 1
        if steps == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self)
    loop._Training._set_rate = dying
generator = torch.Generator().manual_seed(0)
data = limbeck.TransferSet(torch.randn(64, 16, generator=generator), torch.arange(64) % 3)
torch.manual_seed(0)
budget = limbeck.Budget(epochs=4, batch_size=16, precision="32-true")
net = limbeck.fit(MLP([16, 8, 3], dropout=0.5), data, budget=budget, folder=sys.argv[1]).net
print(limbeck.files.sha256((Path(sys.argv[1]) / "model.safetensors").read_bytes()))
"""


def test_killed_and_started_again_it_ends_with_the_same_bits(tmp_path):
    def start(folder, kill_at):
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / folder), kill_at], capture_output=True, text=True
        )

    whole = start("whole", "-")
    assert whole.returncode == 0, whole.stderr
    assert start("killed", "6").returncode == -signal.SIGKILL
    assert start("killed", "5").returncode == -signal.SIGKILL
    assert start("killed", "-").stdout == whole.stdout


def test_a_finished_training_is_read_not_repeated(tmp_path, monkeypatch):
    first = fit(net(), blobs(), budget=QUICK, folder=tmp_path)
    monkeypatch.setattr(loop._Training, "_epoch", lambda self: pytest.fail("trained again"))
    again = fit(net(), blobs(), budget=QUICK, folder=tmp_path)
    assert torch.equal(weights(first.net), weights(again.net))
    assert again.history == first.history


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"net": net(1)}, "start"),
        ({"net": net(dropout=0.1)}, "net"),
        ({"net": MLP([16, 9, 3])}, "net"),
        ({"validation": blobs(30).seen_through(Jitter(1))}, "validation"),
        ({"transfer_set": blobs(seed=1)}, "data"),
        ({"transfer_set": blobs().seen_through(Jitter(1))}, "view"),
        ({"budget": replace(QUICK, epochs=4)}, "budget"),
        ({"seed": 1}, "seed"),
        ({"validation": blobs(30)}, "validation"),
    ],
)
def test_a_folder_of_another_training_is_refused_and_left_as_it_was(tmp_path, monkeypatch, change, named, finished):
    if finished:
        fit(net(), blobs(), budget=QUICK, folder=tmp_path)
    else:
        stop_in_the_third_epoch(tmp_path, monkeypatch)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    arguments = {"net": net(), "transfer_set": blobs(), "budget": QUICK, "folder": tmp_path} | change
    with pytest.raises(RunError, match=f"belongs to another training: its {named} is not the one asked for"):
        fit(arguments.pop("net"), arguments.pop("transfer_set"), **arguments)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def own_net(forward):
    class Own(nn.Linear):
        pass

    Own.forward = forward
    torch.manual_seed(0)
    return Own(16, 3)


def bent(self, inputs):
    return torch.sin(nn.Linear.forward(self, inputs.flatten(1)))


def edited(self, inputs):
    return torch.cos(nn.Linear.forward(self, inputs.flatten(1)))


@pytest.mark.parametrize("kept", ["folder", "cache"])
def test_weights_are_never_read_into_a_net_whose_code_was_edited(tmp_path, kept):
    first = fit(own_net(bent), blobs(), budget=QUICK, **{kept: tmp_path})
    again = fit(own_net(bent), blobs(), budget=QUICK, **{kept: tmp_path})
    assert again.seconds == first.seconds, "it was read"
    if kept == "folder":
        with pytest.raises(RunError, match="belongs to another training: its code is not the one asked for"):
            fit(own_net(edited), blobs(), budget=QUICK, folder=tmp_path)
    else:
        assert fit(own_net(edited), blobs(), budget=QUICK, cache=tmp_path).folder != first.folder


def stop_in_the_third_epoch(folder, monkeypatch):
    """Leave a training of `net()` on `blobs()` with two epochs done, as a kill would."""
    real = loop._Training._close_epoch

    def dying(self):
        if self.state.epoch == 2:
            raise stopping.Stopped
        real(self)

    with monkeypatch.context() as patch:
        patch.setattr(clock, "CHECKPOINT_EVERY_S", 0.0)
        patch.setattr(loop._Training, "_close_epoch", dying)
        with pytest.raises(stopping.Stopped):
            fit(net(), blobs(), budget=QUICK, folder=folder)


@pytest.mark.parametrize("cut", [0, 7, 100, -1])
def test_a_cut_checkpoint_is_said(tmp_path, monkeypatch, cut):
    stop_in_the_third_epoch(tmp_path, monkeypatch)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(RunError, match=r"checkpoint.safetensors is damaged"):
        fit(net(), blobs(), budget=QUICK, folder=tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoint.safetensors"])
def test_every_flipped_bit_of_what_is_kept_is_detected(tmp_path, monkeypatch, name):
    if name.startswith("model"):
        fit(net(), blobs(), budget=QUICK, folder=tmp_path)
    else:
        stop_in_the_third_epoch(tmp_path, monkeypatch)
    path = tmp_path / name
    whole = path.read_bytes()
    for bit in np.random.default_rng(0).choice(len(whole) * 8, 100, replace=False):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        with pytest.raises(RunError, match="is damaged"):
            fit(net(), blobs(), budget=QUICK, folder=tmp_path)


@pytest.mark.parametrize("content", ["", "{}", "NaN", "-1.0", '{"seal": "a", "content": 1.0}'])
def test_damaged_seconds_are_said(tmp_path, content):
    fit(net(), blobs(), budget=QUICK, folder=tmp_path)
    (tmp_path / "seconds.json").write_text(content)
    with pytest.raises(RunError, match="seconds.json (must hold the seconds of a training|is damaged)"):
        fit(net(), blobs(), budget=QUICK, folder=tmp_path)


def test_weights_that_the_last_step_blew_up_are_not_kept(tmp_path):
    budget = Budget(epochs=1, batch_size=100, learning_rate=1e38, warmup=0.0, precision="32-true")
    with pytest.raises(TrainingError, match="the weights must be finite"):
        fit(net(), blobs(), budget=budget, folder=tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


class Masked(nn.Linear):
    """Each class is told from those before it too."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(16, 3)
        self.register_buffer("mask", torch.full((3, 3), -torch.inf).triu(1))

    def forward(self, inputs):
        return super().forward(inputs.flatten(1)) @ self.mask.softmax(-1)


def test_what_was_infinite_from_the_start_may_be_so(tmp_path):
    fitted = fit(Masked(), blobs(), budget=QUICK, folder=tmp_path)
    assert fitted.net.state_dict()["mask"].isinf().sum() == 3
    assert torch.equal(weights(fit(Masked(), blobs(), budget=QUICK, folder=tmp_path).net), weights(fitted.net))


def test_what_was_infinite_from_the_start_may_not_become_no_number():
    class Blown(Masked):
        def forward(self, inputs):
            self.mask += -self.mask
            return inputs.flatten(1) @ self.weight.T

    with pytest.raises(TrainingError, match="the weights must be finite"):
        fit(Blown(), blobs(), budget=QUICK)


class Keeping(nn.Linear):
    """What it makes of its first batch is kept."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(16, 3)
        self.shares = None

    def forward(self, inputs):
        if self.shares is None:
            self.shares = torch.linspace(0.5, 1.5, 3)
        return super().forward(inputs.flatten(1)) * self.shares


def test_a_net_that_was_asked_can_learn_with_what_it_kept():
    asked = Keeping()
    predict(asked, blobs(4))
    expected = fit(Keeping(), blobs(), budget=QUICK).net
    assert torch.equal(weights(fit(asked, blobs(), budget=QUICK).net), weights(expected))


def test_a_state_that_no_file_holds_is_refused_before_anything_is_learned():
    joined = net()
    joined.register_buffer("joined", torch.eye(3).to_sparse())
    message = (
        "a net that learns must keep its state in dense tensors, 'joined' is torch.sparse_coo\n\nhint: .*persistent"
    )
    with pytest.raises(ArgumentError, match=message):
        fit(joined, blobs(), budget=QUICK)


def test_frozen_parameters_stay_as_they_are():
    model = net()
    model.layers[0].weight.requires_grad_(False)
    before = model.layers[0].weight.clone()
    fit(model, blobs(), budget=replace(QUICK, max_norm=0.01))
    assert torch.equal(model.layers[0].weight, before)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(ArgumentError, match="a net must have parameters that can be trained, got none"):
        fit(model, blobs(), budget=QUICK)


class Odd(nn.Module):
    """Gives logits when it is judged, and what `spoil` makes of them when it is trained."""

    def __init__(self, spoil):
        super().__init__()
        self.layer, self.spoil = nn.Linear(16, 3), spoil

    def forward(self, inputs):
        logits = self.layer(inputs.flatten(1))
        return self.spoil(logits) if self.training else logits


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda logits: (logits, logits.sum()), r"logits \(batch, classes\) for a batch, got tuple for 16 inputs"),
        (lambda logits: logits[:1], r"for a batch, got \(1, 3\) for 16 inputs"),
        (torch.Tensor.detach, "a net that learns must give logits with a gradient, these have none"),
    ],
)
def test_a_net_that_gives_no_logits_while_it_is_trained_is_refused(spoil, message):
    with pytest.raises(ArgumentError, match=message):
        fit(Odd(spoil), blobs(), budget=QUICK)
    with pytest.raises(ArgumentError, match=message):
        check_can_learn(Odd(spoil), blobs().at(torch.arange(16)))


def test_complex_parameters_are_refused():
    model = Odd(torch.abs)
    model.layer = nn.Linear(16, 3, dtype=torch.complex64)
    with pytest.raises(ArgumentError, match=r"must be real numbers, 'layer.weight' is torch.complex64"):
        fit(model, blobs(), budget=QUICK)


def test_trying_whether_a_net_can_learn_leaves_random_numbers_as_they_were():
    model = nn.Sequential(nn.Linear(16, 3), nn.Dropout(0.5))
    torch.manual_seed(3)
    expected, _ = torch.rand(1), torch.manual_seed(3)
    check_can_learn(model, torch.ones(4, 16))
    assert torch.equal(torch.rand(1), expected)
    with pytest.raises(ArgumentError, match=r"batch of shape \(4, 15\); in training mode it raised RuntimeError: mat1"):
        check_can_learn(nn.Linear(16, 3), torch.ones(4, 15))


def test_batches_of_one_are_none_for_batch_normalisation():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.BatchNorm1d(3))
    with pytest.raises(ArgumentError, match="can't train on a batch of one, the last of 9 examples in batches of 1"):
        fit(model, blobs(9), budget=replace(QUICK, batch_size=1))


def test_batch_normalisation_is_not_given_a_batch_of_one():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3), nn.BatchNorm1d(3))
    with pytest.raises(ArgumentError, match="can't train on a batch of one, the last of 100 examples in batches of 33"):
        fit(model, blobs(), budget=replace(QUICK, batch_size=33))
    fit(model, blobs(), budget=replace(QUICK, batch_size=34))


def test_tied_weights_are_kept(tmp_path):
    def tied():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16), nn.Linear(16, 3))
        model[3].weight = model[1].weight
        return model

    first = fit(tied(), blobs(), budget=QUICK, folder=tmp_path).net
    again = fit(tied(), blobs(), budget=QUICK, folder=tmp_path).net
    assert again[3].weight is again[1].weight
    assert torch.equal(weights(first), weights(again))


def test_a_damaged_checkpoint_is_said(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"no safetensors")
    with pytest.raises(RunError, match=r"model.safetensors is damaged"):
        fit(net(), blobs(), budget=QUICK, folder=tmp_path)


def test_curves_tell_each_epoch_once_even_when_resumed(tmp_path, monkeypatch):
    stop_in_the_third_epoch(tmp_path, monkeypatch)
    fitted = fit(net(), blobs(), budget=QUICK, folder=tmp_path)
    with (tmp_path / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [{key: float(value) for key, value in row.items()} for row in rows] == fitted.history
    (events,) = (tmp_path / "tensorboard").iterdir()
    told = [(value.tag, step, value.simple_value) for step, value in values(events) if value.tag == "loss"]
    assert told == [("loss", row["epoch"], pytest.approx(row["loss"])) for row in fitted.history]


def test_a_disk_that_fills_up_stops_the_training_with_a_message(tmp_path):
    program = """
import resource, signal, sys, torch, limbeck
from limbeck.models import MLP, ResNet
from limbeck.tensor_files import load_tensors
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
data = limbeck.TransferSet(torch.randn(32, 16), torch.arange(32) % 3)
try:
    limbeck.fit(MLP([16, 3]), data, budget=limbeck.Budget(epochs=2000, precision="32-true"), folder=sys.argv[1])
except limbeck.RunError as error:
    print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"cannot write {tmp_path / 'curves.csv'}: File too large\n"
    assert done.stderr == ""


def test_a_loss_that_is_not_finite_stops_at_its_step():
    data = blobs()
    order = torch.from_numpy(permutation(0, ORDER_STREAM, 1, 100))
    data.inputs[order[40]] = torch.nan  # seen in the third step of the second epoch

    class Blind(MLP):
        epoch = 0

        def forward(self, inputs):
            self.epoch += self.training
            return super().forward(inputs.nan_to_num() if self.epoch <= 7 else inputs)

    with pytest.raises(TrainingError, match="the loss must be finite, got nan in epoch 2, step 3"):
        fit(Blind([16, 3]), data, budget=QUICK)


def test_early_stopping_keeps_the_best_epoch_by_validation_alone():
    validation = TransferSet(blobs(30).inputs, (blobs(30).labels + 1) % 3)  # learning makes it worse
    budget = replace(QUICK, epochs=50, early_stop=2)
    fitted = fit(net(), blobs(), validation=validation, budget=budget)
    assert len(fitted.history) < 50
    nlls = [row["validation_nll"] for row in fitted.history]
    logits = fitted.net(validation.inputs)
    assert torch.nn.functional.cross_entropy(logits, validation.labels).item() == pytest.approx(min(nlls))
    assert len(nlls) - 1 - nlls.index(min(nlls)) == 2
    with pytest.raises(ArgumentError, match="early_stop needs a labelled validation set, got none"):
        fit(net(), blobs(), budget=budget)


def test_an_objective_of_soft_targets_needs_no_labels(tmp_path):
    teacher = fit(net(), blobs(300), budget=replace(QUICK, epochs=10)).net
    data = blobs(300, labelled=False)
    targets = write_soft_targets(teacher, data, tmp_path)
    student = fit(net(3), data, objective=FromSoftTargets(targets, 2.0, 0.0), budget=replace(QUICK, epochs=10)).net
    test = blobs(60, seed=1)
    assert (student(test.inputs).argmax(-1) != test.labels).sum() <= 1
    with pytest.raises(ArgumentError, match="training on labels needs labels, the transfer set has none"):
        fit(net(), data, budget=QUICK)


def test_views_cycle_with_the_epochs():
    seen = []

    class Counting(Jitter):
        def __call__(self, inputs, ids, number):
            seen.append(number)
            return inputs

    data = blobs(16).seen_through(Counting(1))
    fit(net(), data, objective=FromLabels(2), budget=replace(QUICK, epochs=5))
    fit(net(), data, budget=replace(QUICK, epochs=5))
    assert seen == [0, 1, 0, 1, 0, 0, 1, 2, 3, 4]


def test_weight_constraint_bounds_what_comes_into_a_unit():
    fitted = fit(net(), blobs(), budget=replace(QUICK, learning_rate=0.5, max_norm=0.7)).net
    norms = [p.norm(dim=1).max().item() for p in fitted.parameters() if p.ndim > 1]
    assert max(norms) <= 0.7 * (1 + 1e-5)
    layer = nn.Linear(2, 2, bias=False)
    layer.weight.data = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    constrain(layer, 1.0)
    assert_close(layer.weight.data, torch.tensor([[0.6, 0.8], [0.3, 0.4]]), rtol=1e-5, atol=1e-6)


def test_the_rate_rises_then_falls_along_a_cosine():
    assert [rate_share(share, 0.1) for share in (0.05, 0.1, 0.55, 1.0)] == pytest.approx([0.5, 1.0, 0.5, 0.0])


def test_the_rate_falls_in_steps_or_not_at_all():
    shares = [0.0, 149.9 / 240, 150 / 240, 179.9 / 240, 180 / 240, 209.9 / 240, 210 / 240, 1.0]
    told = [rate_share(share, 0.0, "steps") for share in shares]
    assert told == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    assert [rate_share(share, 0.1, "constant") for share in (0.05, 0.1, 0.5, 1.0)] == [0.5, 1.0, 1.0, 1.0]


def test_sgd_is_sgd_with_momentum_and_decay_in_the_gradient():
    data = blobs()
    budget = replace(QUICK, epochs=2, optimizer="sgd", schedule="constant", warmup=0.0, weight_decay=0.1)
    fitted = fit(net(), data, budget=budget).net
    expected = net()
    momenta = [torch.zeros_like(each) for each in expected.parameters()]
    for step in range(2 * 7):
        epoch, inside = divmod(step, 7)
        ids = torch.from_numpy(permutation(0, ORDER_STREAM, epoch, 100))[inside * 16 : (inside + 1) * 16]
        expected.zero_grad()
        torch.nn.functional.cross_entropy(expected(data.inputs[ids]), data.labels[ids]).backward()
        with torch.no_grad():
            for parameter, momentum in zip(expected.parameters(), momenta, strict=True):
                momentum.mul_(0.9).add_(parameter.grad + 0.1 * parameter)
                parameter.sub_(1e-2 * momentum)
    assert_close(weights(fitted), weights(expected), rtol=1e-5, atol=1e-6)


def test_younger_fields_bind_only_where_they_say_something():
    told = QUICK.spec()
    assert told == {
        "epochs": 3,
        "batch_size": 16,
        "learning_rate": 1e-2,
        "warmup": 0.05,
        "weight_decay": 0.0,
        "max_norm": None,
        "early_stop": None,
        "shuffle_window": None,
        "precision": "32-true",
    }
    assert replace(QUICK, optimizer="sgd", schedule="steps").spec() == told | {"optimizer": "sgd", "schedule": "steps"}


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("optimizer", "lion", "optimizer must be one of adam, sgd, got lion"),
        ("schedule", "wsd", "schedule must be one of cosine, steps, constant, got wsd"),
        ("precision", "16", "precision must be one of auto, 32-true, bf16-mixed, got 16"),
        ("epochs", 0, "epochs must be a whole number in 1..1000000000, got 0"),
        ("batch_size", 0, "batch_size must be a whole number in 1..1000000000, got 0"),
        ("learning_rate", -1.0, "learning_rate must be > 0, got -1.0"),
        ("warmup", 2.0, r"warmup must lie in 0\.\.1, got 2.0"),
        ("weight_decay", -1.0, "weight_decay must be >= 0, got -1.0"),
        ("max_norm", 0.0, "max_norm must be > 0, got 0.0"),
        ("early_stop", 0, "early_stop must be >= 1, got 0"),
        ("compiled", "no", "compiled must be True or False, got no"),
    ],
)
@pytest.mark.usefixtures("shapes_unchecked")
def test_a_budget_is_checked(field, value, rule):
    with pytest.raises(ArgumentError, match=rule):
        replace(QUICK, **{field: value})


def test_bfloat16_is_used_where_asked():
    fitted = fit(
        net(), blobs(300), validation=blobs(60, seed=1), budget=replace(QUICK, epochs=10, precision="bf16-mixed")
    )
    assert fitted.history[-1]["validation_errors"] <= 1
    assert weights(fitted.net).dtype == torch.float32
    exact = fit(net(), blobs(300), budget=replace(QUICK, epochs=10)).net
    assert not torch.equal(weights(fitted.net), weights(exact))


def test_a_net_in_the_cache_is_trained_once(tmp_path, monkeypatch):
    first = fit(net(), blobs(), budget=QUICK, cache=tmp_path)
    assert first.folder is not None
    assert first.folder.parent == tmp_path
    other = fit(net(), blobs(), budget=QUICK, cache=tmp_path, seed=1)
    assert other.folder != first.folder
    assert not torch.equal(weights(other.net), weights(first.net))
    monkeypatch.setattr(loop._Training, "_epoch", None)  # from here on nothing is trained
    again = fit(net(), blobs(), budget=QUICK, cache=tmp_path)
    assert torch.equal(weights(again.net), weights(first.net))
    assert (again.folder, again.history, again.seconds) == (first.folder, first.history, first.seconds)
    monkeypatch.setattr(loop, "NUMERICS", loop.NUMERICS + 1)
    with pytest.raises(TypeError):  # code that ends with other numbers trains anew
        fit(net(), blobs(), budget=QUICK, cache=tmp_path)


def test_nets_of_another_class_are_other_nets(tmp_path):
    class Other(MLP):
        def __repr__(self):
            return super().__repr__().replace("Other", "MLP", 1)

    torch.manual_seed(0)
    other = fit(Other([16, 8, 3]), blobs(), budget=QUICK, cache=tmp_path)
    assert other.folder != fit(net(), blobs(), budget=QUICK, cache=tmp_path).folder


def test_a_damaged_net_in_the_cache_is_told(tmp_path):
    folder = fit(net(), blobs(), budget=QUICK, cache=tmp_path).folder
    path = folder / "model.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(RunError, match="damaged"):
        fit(net(), blobs(), budget=QUICK, cache=tmp_path)


def test_a_net_that_another_process_trains_is_waited_for_or_not(tmp_path):
    folder = fit(net(), blobs(), budget=QUICK, cache=tmp_path).folder
    (folder / "model.safetensors").unlink()
    with locked(folder / ".lock"), pytest.raises(BusyError, match="in use by another limbeck"):
        fit(net(), blobs(), budget=QUICK, cache=tmp_path, wait=False)
    assert fit(net(), blobs(), budget=QUICK, cache=tmp_path, wait=False).folder == folder


def test_a_training_is_kept_in_one_place(tmp_path):
    with pytest.raises(ArgumentError, match="give folder or cache"):
        fit(net(), blobs(), folder=tmp_path / "a", cache=tmp_path / "b")


@pytest.fixture
def compiling_here(monkeypatch):
    monkeypatch.setattr("limbeck.training.loop.COMPILING", ("cpu", "cuda"))


compiling = pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler on a CPU")
torchs_own = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # a warning of the compiler's modules


@compiling
@torchs_own
@pytest.mark.usefixtures("compiling_here")
def test_a_compiled_training_ends_where_the_plain_one_does_whatever_was_compiled_before(tmp_path):
    budget = replace(QUICK, epochs=1, compiled=True)
    plain = fit(net(), blobs(), budget=replace(budget, compiled=False)).net
    compiled = fit(net(), blobs(), budget=budget, folder=tmp_path).net
    assert_close(weights(compiled), weights(plain), rtol=1e-4, atol=1e-5)
    assert list(compiled.state_dict()) == list(plain.state_dict())
    first, again = (fit(dropping(), blobs(), budget=budget).net for _ in range(2))
    assert torch.equal(weights(again), weights(first))


def dropping():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Dropout(0.5), nn.Linear(8, 3))


@compiling
@torchs_own
@pytest.mark.usefixtures("compiling_here")
def test_every_net_of_a_long_series_is_compiled(monkeypatch):
    """The compiler gives up after eight variants of one forward: each training starts it anew."""
    compiled = []

    def backend(graph, _):
        compiled.append(graph)
        return graph.forward

    own = torch.compile
    monkeypatch.setattr(torch, "compile", lambda net, **options: own(net, backend=backend, **options))
    images = TransferSet(torch.rand(7, 3, 8, 8), torch.arange(7) % 3)
    for depth in range(8, 38, 6):
        before = len(compiled)
        fit(ResNet(depth, classes=3, scale=1), images, budget=Budget(1, 4, precision="32-true", compiled=True))
        assert len(compiled) == before + 2, depth  # a whole batch, and the last


def test_on_a_cpu_nothing_is_compiled(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda *_, **__: pytest.fail("compiled"))
    plain, asked = (fit(net(), blobs(), budget=replace(QUICK, epochs=1, compiled=own)).net for own in (False, True))
    assert torch.equal(weights(plain), weights(asked))


def test_data_on_the_device_gives_the_same_bits(monkeypatch):
    data = blobs().seen_through(Jitter(1))
    plain = fit(net(), data, budget=QUICK).net
    moved = []
    monkeypatch.setattr(TransferSet, "near", lambda data, device: moved.append(device) or data.on("cpu"))
    assert torch.equal(weights(fit(net(), data, budget=QUICK).net), weights(plain))
    assert moved == [torch.device("cpu")]


class Shifting(nn.Module):
    """A linear net on inputs less a buffer that state_dict leaves out, in which it may learn; and one that grows."""

    def __init__(self, shift, learning=False):
        super().__init__()
        self.layer = nn.Linear(16, 3)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        self.learning = learning
        self.register_buffer("shift", torch.full((16,), shift), persistent=False)
        self.register_buffer("places", torch.zeros(0), persistent=False)

    def forward(self, inputs):
        if len(self.places) < len(inputs):
            self.places = torch.arange(len(inputs))
        if self.learning and self.training:
            self.shift += self.layer.bias.mean().detach()
        return self.layer(inputs.flatten(1) - self.shift)


def test_nets_whose_unsaved_buffers_differ_are_two_in_a_cache(tmp_path):
    one, other = (fit(Shifting(shift), blobs(), budget=QUICK, cache=tmp_path) for shift in (0.0, 5.0))
    assert one.folder != other.folder
    assert not torch.equal(weights(one.net), weights(other.net))
    assert fit(Shifting(5.0), blobs(), budget=QUICK, cache=tmp_path).folder == other.folder


def test_unsaved_buffers_are_part_of_a_training_and_are_given_back_as_they_came(tmp_path, monkeypatch):
    monkeypatch.setattr(clock, "CHECKPOINT_EVERY_S", 0.0)

    def training(folder):
        return fit(Shifting(1.0, learning=True), blobs(), validation=blobs(), budget=QUICK, folder=tmp_path / folder)

    whole = training("whole")
    with monkeypatch.context() as patch:
        stopping.stop_after(patch, 9)
        with pytest.raises(stopping.Stopped):
            training("stopped")
    kept = load_tensors(tmp_path / "stopped" / "checkpoint.safetensors")[0]
    assert len(kept["unsaved.places"]) == 16
    assert not torch.equal(kept["unsaved.shift"], torch.ones(16))
    resumed, read = training("stopped"), training("whole")
    assert resumed.history == whole.history
    for fitted in (whole, resumed, read):
        assert torch.equal(weights(fitted.net), weights(whole.net))
        assert torch.equal(fitted.net.shift, torch.ones(16))
        assert len(fitted.net.places) == 0


class Skipping(nn.Module):
    """A net that leaves out its middle layer as it happens to draw, from Python's random numbers or numpy's."""

    def __init__(self, draw):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.middle, self.last = nn.Linear(16, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self._draw = draw

    def forward(self, inputs):
        inside = self.first(inputs.flatten(1))
        if self.training and self._draw() < 0.5:
            inside = inside + self.middle(inside)
        return self.last(inside)


@pytest.mark.usefixtures("shapes_unchecked")  # what checks shapes draws from Python's random numbers
@pytest.mark.parametrize("draw", [random.random, np.random.rand])
def test_what_a_net_draws_from_python_or_numpy_is_a_function_of_the_seed(tmp_path, monkeypatch, draw):
    monkeypatch.setattr(clock, "CHECKPOINT_EVERY_S", 0.0)
    before = draw()
    whole = weights(fit(Skipping(draw), blobs(), budget=QUICK).net)
    assert before != draw()
    assert torch.equal(weights(fit(Skipping(draw), blobs(), budget=QUICK).net), whole)
    assert not torch.equal(weights(fit(Skipping(draw), blobs(), budget=QUICK, seed=1).net), whole)
    with monkeypatch.context() as patch:
        stopping.stop_after(patch, 9)
        with pytest.raises(stopping.Stopped):
            fit(Skipping(draw), blobs(), budget=QUICK, folder=tmp_path)
    assert (tmp_path / "checkpoint.safetensors").exists()
    assert torch.equal(weights(fit(Skipping(draw), blobs(), budget=QUICK, folder=tmp_path).net), whole)


@pytest.mark.usefixtures("shapes_unchecked")
def test_a_training_leaves_the_callers_random_numbers_alone():
    def drawn():
        return random.random(), float(np.random.rand()), torch.rand(1).item()  # noqa: NPY002 - what callers may draw from

    def seed_all():
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        torch.manual_seed(3)

    seed_all()
    expected = drawn()
    seed_all()
    own = MLP([16, 8, 3])
    seed_all()
    fit(own, blobs(), budget=QUICK)
    assert drawn() == expected


def test_the_size_of_whole_batches_is_known_before_the_first():
    def whole_batch(data, size):
        training = loop._Training(net(), data, FromLabels(), None, replace(QUICK, batch_size=size), 0, None, "32-true")
        return training._whole_batch()

    assert [whole_batch(blobs(100), size) for size in (16, 100, 300)] == [16, 100, 100]
    assert whole_batch(replace(blobs(100), ids=torch.arange(2), run_lengths=torch.tensor([60, 40])), 1) is None


@pytest.mark.usefixtures("shapes_unchecked")
def test_a_seed_may_be_numpys():
    one, other = (fit(net(), blobs(), budget=QUICK, seed=seed).net for seed in (np.int64(5), 5))
    assert torch.equal(weights(one), weights(other))
