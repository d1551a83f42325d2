"""Elastic views: smooth maps, replayed by (seed, example, number), the same on every machine."""

import json

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from limbeck import ArgumentError, TransferSet
from limbeck.data import Elastic, Jitter
from limbeck.data.philox import philox
from limbeck.data.views import view_from, view_of

IDS = torch.arange(40)
KEPT = (2094233, [0, 152, 112, 35, 66, 98, 131, 164, 197, 230, 47, 44, 77, 110])


def images(dtype=torch.uint8):
    """Blurred noise: smooth enough that a slightly misplaced pixel is nearly the same."""
    noise = torch.rand(40, 3, 12, 14, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(noise, 3, 1, 1)
    return (smooth * 255).to(dtype)


def uniform(seed, number):
    """The 2 x 19 numbers of each example, in -1..1."""
    words = np.concatenate([philox(seed, 1 + 256 * block, IDS.numpy(), number) for block in range(10)])[:38]
    return (words.astype(np.float64) / 2**32 * 2 - 1).reshape(2, 19, 40)


def spline(t):
    t = np.abs(t)
    return np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.clip(2 - t, 0, None) ** 3 / 6)


def twin(view, number):
    """The view in float64, by scipy's interpolation."""
    drawn, source = uniform(view.seed, number), images().numpy().astype(np.float64)
    rows, columns = np.meshgrid(np.arange(12.0), np.arange(14.0), indexing="ij")
    seen = np.empty_like(source)
    for i, image in enumerate(source):
        places = []
        for direction, own in enumerate((rows, columns)):
            d = drawn[direction, :, i]
            moved = view.pixels * d[0] + view.linear * (d[1] * (rows - 5.5) + d[2] * (columns - 6.5))
            for down in range(4):
                for right in range(4):
                    hat = spline(rows / 11 * 3 - down) * spline(columns / 13 * 3 - right)
                    moved = moved + view.bend * d[3 + 4 * down + right] * hat
            places.append(own + moved)
        for channel in range(3):
            seen[i, channel] = map_coordinates(image[channel], places, order=1, mode="grid-constant", cval=0)
    return seen


@pytest.mark.parametrize("view", [Elastic(), Elastic(0, 0.3, 0, 5), Elastic(0, 0, 2.5), Elastic(1.5, 0, 0)])
def test_it_is_what_its_formula_says(view):
    expected = twin(view, 3)
    assert np.abs(view(images(), IDS, 3).numpy() - expected).max() <= 2.0  # places are rounded down to 1/256 pixel
    assert np.abs(view(images(torch.float32), IDS, 3).numpy() - expected).max() <= 2.0


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64, torch.float32, torch.float64, torch.bfloat16])
def test_of_nothing_it_leaves_pixels_alone(dtype):
    inputs = images(dtype) if dtype in (torch.uint8, torch.bfloat16) else images(dtype) * 200
    assert torch.equal(Elastic(0, 0, 0)(inputs, IDS, 1), inputs)


@pytest.mark.parametrize("batch_size", [1, 7, 40])
def test_the_same_pixels_in_every_batch_and_order(batch_size):
    data = TransferSet(images(), view=Elastic())
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    parts = torch.cat([data.at(ids, 2) for ids in order.split(batch_size)])
    assert torch.equal(parts, data.at(IDS, 2)[order])


def test_pixels_are_those_of_every_machine():
    """A figure kept from the first run: a change of it breaks every store of such views."""
    whole = (torch.arange(40 * 3 * 12 * 14) * 37 % 251).byte().reshape(40, 3, 12, 14)
    seen = Elastic(seed=5)(whole, IDS, 9)
    assert (int(seen.long().sum()), seen[7, 1, 3].tolist()) == KEPT


def test_pixels_differ_by_number_and_seed_and_the_source_stays():
    inputs = images()
    seen = {Elastic(seed=seed)(inputs, IDS, number).numpy().tobytes() for seed in (0, 1) for number in (0, 1)}
    assert len(seen) == 4
    assert torch.equal(inputs, images())


def test_what_comes_in_at_the_edge_is_zero():
    bright = torch.full((40, 1, 6, 6), 200, dtype=torch.uint8)
    seen = Elastic(6.0, 0, 0)(bright, IDS, 0)
    assert (seen == 0).any()
    assert seen.max() == 200
    assert (seen[:, 0, 2, 2] > 0).float().mean() < 1


def test_its_spec_and_its_name_say_all():
    view = Elastic(1.5, 0.1, 2.0, 3)
    assert view_of(view.spec()) == view
    assert view_from("elastic") == Elastic()
    assert view_from("elastic:3") == Elastic(3)
    assert Elastic().spec() != Jitter().spec()
    assert json.dumps(Elastic(2, 0, 1).spec()) == json.dumps(Elastic(2.0, 0.0, 1.0).spec())  # one view, one binding


@pytest.mark.parametrize("fields", [(-1.0,), (2.0, 1.5), (2.0, 0.1, -0.1), (float("nan"),), (float("inf"),)])
def test_sizes_that_can_not_be_are_refused(fields):
    with pytest.raises(ArgumentError, match=r"elastic takes pixels and bend >= 0 and linear in 0\.\.1, got"):
        Elastic(*fields)


def test_what_is_no_image_is_refused():
    with pytest.raises(ArgumentError, match=r"elastic takes images .* got shape \(40, 9\)"):
        Elastic()(torch.zeros(40, 9), IDS, 0)
    with pytest.raises(ArgumentError, match="elastic must not exceed the image, got 15 pixels"):
        Elastic(15)(images(), IDS, 0)
