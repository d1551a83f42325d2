"""A net behind its preprocessing: raw inputs give what normalised ones gave it."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from limbeck.errors import ArgumentError
from limbeck.models import Normalised

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
PIXELS = torch.randint(0, 256, (5, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def conv():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten())


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64, torch.float32, torch.float64])
def test_raw_pixels_are_normalised_channel_by_channel(kind):
    wide = PIXELS.double().numpy() / 255
    normalised = torch.from_numpy((wide - [[[[m]] for m in MEAN]]) / [[[[s]] for s in STD]])
    expected = conv().double()(normalised).float()
    assert_close(Normalised(conv(), 255, MEAN, STD)(PIXELS.to(kind)), expected)


def test_columns_of_a_table_have_a_mean_each():
    rows = torch.tensor([[1.0, 10.0], [3.0, 30.0]])
    assert_close(Normalised(nn.Identity(), mean=[2, 20], std=[1, 10])(rows), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))


def test_one_number_is_for_all_and_none_changes_nothing():
    assert_close(Normalised(nn.Identity())(PIXELS), PIXELS.float())
    assert_close(Normalised(nn.Identity(), 255, 0.5, STD).net(PIXELS), PIXELS)
    assert_close(Normalised(nn.Identity(), 1, 0.5, STD)(PIXELS)[:, 2], (PIXELS[:, 2] - 0.5) / 0.4)


def test_what_normalises_is_kept_with_the_weights():
    net, other = Normalised(conv(), 255, MEAN, STD), Normalised(conv(), 1, (0, 0, 0), (1, 1, 1))
    other.load_state_dict(net.state_dict())
    assert_close(other(PIXELS), net(PIXELS), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "scale must be > 0 and finite in float32, got 0"),
        ((1e300,), "scale must be > 0 and finite in float32, got 1e"),
        ((1, 0.0, 0.0), "mean must be finite and std > 0, got 0.0 and 0.0"),
        ((1, [float("nan")], 1.0), r"mean must be finite and std > 0, got \[nan\] and 1.0"),
        ((1, [], 1.0), "mean must be finite"),
        ((1, [0, 0, 0], [1, 1]), "mean and std must be as many, or one for all, got 3 and 2"),
    ],
)
def test_numbers_that_normalise_nothing_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Normalised(nn.Identity(), *arguments)


def test_other_channels_are_refused():
    with pytest.raises(ArgumentError, match=r"inputs must have the 3 channels of mean and std, got shape \(5, 48\)"):
        Normalised(nn.Identity(), 255, MEAN, STD)(PIXELS.flatten(1))
