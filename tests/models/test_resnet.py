"""Residual nets: the field's sizes, the shapes between, learning."""

import pytest
import torch
from torch.testing import assert_close

from limbeck import ArgumentError, Budget, TransferSet, fit
from limbeck.judge import count_parameters
from limbeck.models import ResNet, WideResNet


@pytest.mark.parametrize(
    ("depth", "width", "parameters"),
    [(20, 1, 278_324), (32, 1, 472_756), (56, 1, 861_620), (110, 1, 1_736_564), (8, 4, 1_233_540), (32, 4, 7_433_860)],
)
def test_residual_nets_have_the_fields_parameters(depth, width, parameters):
    assert count_parameters(ResNet(depth, width, classes=100)) == parameters


@pytest.mark.parametrize(("depth", "width", "parameters"), [(16, 2, 703_284), (40, 1, 569_780), (40, 2, 2_255_156)])
def test_wide_residual_nets_have_the_fields_parameters(depth, width, parameters):
    assert count_parameters(WideResNet(depth, width, classes=100)) == parameters


@pytest.mark.parametrize("make", [lambda: ResNet(8, 2), lambda: WideResNet(10, 2)])
def test_stages_halve_the_image_and_widen_it(make):
    net, shapes = make().eval(), []
    for block in net.blocks:
        block.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    assert net(images).shape == (2, 10)
    assert shapes[:3] == [(32, 32, 32), (64, 16, 16), (128, 8, 8)]
    assert_close(net(images), net(images.float()))  # raw pixels, scaled by the net


@pytest.mark.parametrize("make", [lambda: ResNet(14), lambda: WideResNet(16)])
def test_a_block_that_changes_no_shape_adds_to_its_input(make):
    net = make().eval()
    block = net.blocks[1]
    inputs = torch.randn(2, 16, 8, 8).relu()
    for parameter in block.path[-1].parameters():
        torch.nn.init.zeros_(parameter)
    assert_close(block(inputs), inputs)


@pytest.mark.parametrize(
    "make", [lambda: ResNet(8, classes=2, channels=1), lambda: WideResNet(10, classes=2, channels=1)]
)
def test_they_learn(make):
    torch.manual_seed(0)
    labels = torch.arange(64) % 2
    images = torch.randint(0, 60, (64, 1, 8, 8), dtype=torch.uint8)
    images[labels == 1, :, :4] += 120
    budget = Budget(epochs=20, batch_size=16, learning_rate=1e-2, precision="32-true")
    fitted = fit(make(), TransferSet(images, labels), budget=budget)
    assert (fitted.net(images).argmax(-1) == labels).all()


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: ResNet(21), "depth must be 6n \\+ 2, and width, classes and channels >= 1, got 21"),
        (lambda: ResNet(2), "depth must be 6n"),
        (lambda: ResNet(20, 0), "depth must be 6n"),
        (lambda: WideResNet(20), "depth must be 6n \\+ 4"),
        (lambda: WideResNet(16, classes=0), "depth must be 6n"),
        (lambda: ResNet(20, 100_000), "a net must have at most"),
    ],
)
def test_nets_that_can_not_be_are_refused(make, rule):
    with pytest.raises(ArgumentError, match=rule):
        make()
