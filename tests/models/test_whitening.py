"""The whitening convolution: what comes out of a patch is uncorrelated, and its two halves lose nothing."""

import pytest
import torch
from torch.testing import assert_close

from limbeck import ArgumentError, TransferSet, fit
from limbeck.budget import Budget
from limbeck.models import MLP, VGG, ResNet, Whitening
from limbeck.models.whitening import FLOOR


def correlated(count=400):
    """Images whose neighbours and channels resemble each other."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 1, 4, 4, generator=generator).repeat_interleave(2, 2).repeat_interleave(2, 3)
    return (200 * coarse + 55 * torch.rand(count, 3, 8, 8, generator=generator)).to(torch.uint8)


def test_patches_come_out_white():
    images = correlated()
    layer = Whitening(images)
    assert layer.channels == 24
    out = layer(images / 255)
    assert out.shape == (400, 24, 8, 8)
    whole = (out[:, :12] - out[:, 12:])[..., :-1, :-1]  # the two halves together, where no zeros came in
    rows = whole.permute(0, 2, 3, 1).flatten(0, 2).double()
    assert_close(rows.mean(0), torch.zeros(12, dtype=torch.float64), atol=1e-4, rtol=0)
    patches = (images.double() / 255).unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12)
    variances = torch.linalg.eigvalsh(torch.cov(patches.T))
    assert_close(torch.cov(rows.T), torch.diag(variances / (variances + FLOOR)), atol=1e-4, rtol=0)
    assert variances[-1] > 20 * variances[0]  # they were far from white


def test_it_is_never_trained_and_its_weights_ship():
    images = correlated(40)
    net = VGG([[26], [4]], 3, size=8, whitening=Whitening(images))
    before = net.layers[0].weight.clone()
    assert not list(net.layers[0].parameters())
    fit(net, TransferSet(images, torch.arange(40) % 3), budget=Budget(epochs=1, batch_size=10))
    assert torch.equal(net.layers[0].weight, before)
    other = VGG([[26], [4]], 3, size=8, whitening=Whitening(correlated(41)))
    other.load_state_dict(net.state_dict())
    assert_close(other.eval()(images), net.eval()(images))


def test_the_other_convolutions_start_from_the_identity_as_far_as_they_can():
    net = VGG([[26], [4]], 3, size=8, whitening=Whitening(correlated(40)))
    wide, narrow = (layer for layer in net.layers if isinstance(layer, torch.nn.Conv2d))
    x = torch.randn(2, 24, 8, 8)
    assert_close(wide(x)[:, :24], x + wide.bias[:24, None, None])
    y = torch.randn(2, 26, 4, 4)
    assert_close(narrow(y), y[:, :4] + narrow.bias[:, None, None])
    assert wide.weight[24:].abs().max() > 0


@pytest.mark.parametrize("shape", [(3, 8, 8), (0, 3, 8, 8), (2, 0, 4, 4), (5, 3, 1, 8), (1, 3, 2, 2), (12, 3, 2, 2)])
def test_what_has_too_few_patches_is_refused(shape):
    with pytest.raises(ArgumentError, match="with more patches of 2 x 2 than a patch has values, got shape"):
        Whitening(torch.zeros(shape, dtype=torch.uint8))


def test_images_that_are_not_finite_are_refused():
    images = correlated(40).float()
    images[3, 0, 0, 0] = float("nan")
    with pytest.raises(ArgumentError, match="whitening takes images of finite values"):
        Whitening(images)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_is_checked(scale):
    makers = [
        lambda: Whitening(correlated(40), scale),
        lambda: VGG([[4]], 3, size=8, scale=scale),
        lambda: ResNet(8, scale=scale),
        lambda: MLP([4, 3], scale=scale),
    ]
    for make in makers:
        with pytest.raises(ArgumentError, match="scale must be > 0 and finite in float32, got"):
            make()


def test_it_takes_the_nets_channels():
    with pytest.raises(ArgumentError, match="whitening must take 1 channels as the net does, it takes 3"):
        VGG([[4]], 3, channels=1, size=8, whitening=Whitening(correlated(40)))


def test_each_net_has_a_copy():
    whitening = Whitening(correlated(40))
    net = VGG([[4]], 3, size=8, whitening=whitening)
    net.layers[0].weight.zero_()
    assert whitening.weight.abs().max() > 0
