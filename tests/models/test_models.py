"""The nets: their sizes are the paper's, dropout is dropout."""

import pytest
import torch
from torch.testing import assert_close

from limbeck import ArgumentError
from limbeck.judge import count_parameters
from limbeck.models import MLP, Dropout


def test_the_papers_nets_have_their_parameters():
    assert count_parameters(MLP([784, 1200, 1200, 10])) == 784 * 1200 + 1200 + 1200 * 1200 + 1200 + 12_010
    assert count_parameters(MLP([784, 800, 800, 10])) == 1_276_810


def test_raw_pixels_go_in_and_logits_come_out():
    net = MLP([4, 8, 3], scale=255)
    pixels = torch.randint(0, 256, (5, 1, 2, 2), dtype=torch.uint8)
    expected = net.layers[2](net.layers[0](pixels.flatten(1) / 255).relu())
    assert_close(net(pixels), expected)


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
        (lambda: Dropout(1.0), r"must lie in 0\.\.1, 1 excluded, got 1.0"),
        (lambda: MLP([4, 3], input_dropout=-0.1), "got -0.1"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
