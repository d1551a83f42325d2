"""The nets: their sizes are the paper's, dropout is dropout."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from limbeck import ArgumentError
from limbeck.judge import count_parameters
from limbeck.models import MLP, VGG, Dropout
from limbeck.recipes.cifar10_labml import LARGE, SMALL


def test_the_papers_nets_have_their_parameters():
    assert count_parameters(MLP([784, 1200, 1200, 10])) == 784 * 1200 + 1200 + 1200 * 1200 + 1200 + 12_010
    assert count_parameters(MLP([784, 800, 800, 10])) == 1_276_810


def test_raw_pixels_go_in_and_logits_come_out():
    net = MLP([4, 8, 3], scale=255)
    pixels = torch.randint(0, 256, (5, 1, 2, 2), dtype=torch.uint8)
    expected = net.layers[2](net.layers[0](pixels.flatten(1) / 255).relu())
    assert_close(net(pixels), expected)


def test_labmls_nets_have_their_parameters():
    assert count_parameters(VGG(SMALL, 10)) == 437_034
    assert count_parameters(VGG(LARGE, 10, dropout=0.1)) == 14_728_266


def test_images_go_in_and_logits_come_out():
    net = VGG([[4, 6], [5]], 3, channels=1, size=8, scale=255).eval()
    images = torch.randint(0, 256, (7, 1, 8, 8), dtype=torch.uint8)
    x = images / 255
    for first, pooled in ((0, False), (3, True), (7, True)):
        convolution, norm = net.layers[first], net.layers[first + 1]
        x = nn.functional.conv2d(x, convolution.weight, convolution.bias, padding=1)
        x = ((x - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + norm.eps).sqrt()).relu()
        x = x.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).amax((3, 5)) if pooled else x
    assert net(images).shape == (7, 3)
    assert_close(net(images), net.layers[-1](x.flatten(1)))


def test_the_last_block_may_be_averaged():
    net = VGG([[4], [5]], 3, channels=1, size=6, average=True).eval()
    assert isinstance(net.layers[-3], nn.AdaptiveAvgPool2d)
    before = net.layers[:7](torch.rand(2, 1, 6, 6))
    assert before.shape == (2, 5, 3, 3)
    assert_close(net.layers[7:](before), net.layers[-1](before.mean((2, 3))))
    with pytest.raises(ArgumentError, match="size must be a multiple of 2, for 1 blocks halve it, got 7"):
        VGG([[4], [5]], 3, size=7, average=True)


def test_a_vgg_learns_its_statistics_only_while_training():
    net = VGG([[4]], 3, channels=1, size=2)
    before = net.layers[1].running_mean.clone()
    net.eval()(torch.ones(5, 1, 2, 2))
    assert_close(net.layers[1].running_mean, before, rtol=0, atol=0)
    net.train()(torch.ones(5, 1, 2, 2))
    assert not torch.equal(net.layers[1].running_mean, before)


def test_dropout_sits_before_each_convolution():
    kinds = [type(module) for module in VGG([[4, 4], [4]], 3, size=4, dropout=0.1).layers]
    convolution = [Dropout, nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert kinds == [*convolution, *convolution, nn.MaxPool2d, *convolution, nn.MaxPool2d, nn.Flatten, nn.Linear]
    rates = [module.rate for module in VGG(LARGE, 10, dropout=0.1).modules() if isinstance(module, Dropout)]
    assert rates == [0.1] * 13
    assert not any(isinstance(module, Dropout) for module in VGG(LARGE, 10).modules())


def test_dropout_sits_before_each_layer():
    net = MLP([4, 8, 8, 3], input_dropout=0.2, dropout=0.5)
    rates = [module.rate for module in net.modules() if isinstance(module, Dropout)]
    assert rates == [0.2, 0.5, 0.5]
    assert not any(isinstance(module, Dropout) for module in MLP([4, 8, 3]).modules())


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_keeps_the_mean_and_passes_the_gradient(rate):
    torch.manual_seed(0)
    x = torch.ones(1000, 1001, requires_grad=True)
    y = Dropout(rate)(x)
    y.sum().backward()
    assert (y == 0).float().mean().item() == pytest.approx(rate, abs=0.002)
    assert y.mean().item() == pytest.approx(1, abs=0.01)
    assert y.unique().tolist() == pytest.approx([0, 1 / (1 - rate)], rel=1e-3)
    assert_close(x.grad, y.detach())


def test_dropout_treats_each_unit_alike_and_alone():
    torch.manual_seed(0)
    dropped = (Dropout(0.5)(torch.ones(20_000, 8)) == 0).float()
    assert (dropped.mean(0) - 0.5).abs().max() < 0.015
    assert (torch.corrcoef(dropped.T) - torch.eye(8)).abs().max() < 0.03


def test_dropout_is_the_identity_when_it_judges():
    x = torch.randn(3, 3)
    assert_close(Dropout(0.5).eval()(x), x, rtol=0, atol=0)
    assert_close(Dropout(0.0).train()(x), x, rtol=0, atol=0)


def test_dropout_of_nearly_all_still_keeps_some():
    assert Dropout(0.999999)(torch.ones(8)).isfinite().all()


def test_dropout_follows_the_generator():
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(Dropout(0.5)(torch.ones(64)))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MLP([4]), r"widths must be two or more numbers in 1..1000000, got \[4\]"),
        (lambda: MLP([4, 0, 3]), r"got \[4, 0, 3\]"),
        (lambda: VGG([], 10), r"in 1\.\.100000, got \[\], 3 and 10"),
        (lambda: VGG([[8], []], 10), r"got \[\[8\], \[\]\], 3 and 10"),
        (lambda: VGG([[8, 0]], 10), r"got \[\[8, 0\]\], 3 and 10"),
        (lambda: VGG([[8]], 0), r"got \[\[8\]\], 3 and 0"),
        (
            lambda: VGG(SMALL, 10, size=28),
            "size must be a multiple of 32, for 5 blocks halve it, got 28",
        ),
        (lambda: VGG([[8]], 10)(torch.ones(2, 3, 16, 16)), r"shape \(batch, 3, 32, 32\), got \(2, 3, 16, 16\)"),
        (lambda: Dropout(1.0), r"must lie in 0\.\.1, 1 excluded, got 1.0"),
        (lambda: MLP([4, 3], input_dropout=-0.1), "got -0.1"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
