"""Crops and mirrors: each a part of the padded image, replayed by (seed, example, number)."""

import numpy as np
import pytest
import torch

from limbeck import ArgumentError, TransferSet
from limbeck.data import CropFlip, Jitter, Plain
from limbeck.data.philox import below, philox
from limbeck.data.views import STREAM, view_from, view_of

IDS = torch.arange(60)


def images(dtype=torch.uint8):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(1, 256, (60, 3, 9, 11), dtype=torch.uint8, generator=generator).to(dtype)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_each_is_a_crop_of_the_padded_image_perhaps_mirrored(dtype):
    seen = CropFlip(2)(images(dtype), IDS, 5)
    assert (seen.dtype, seen.shape) == (dtype, (60, 3, 9, 11))
    places = set()
    for image, view in zip(images(dtype).numpy(), seen.numpy(), strict=True):
        padded = np.pad(image, ((0, 0), (2, 2), (2, 2)))
        crops = {
            (down, right, mirrored): padded[:, down : down + 9, right : right + 11][:, :, :: -1 if mirrored else 1]
            for down in range(5)
            for right in range(5)
            for mirrored in (False, True)
        }
        (place,) = [place for place, crop in crops.items() if (crop == view).all()]
        places.add(place)
    assert len(places) > 30


def test_crop_and_mirror_are_what_philox_says():
    words = philox(7, STREAM, IDS.numpy(), 5)
    down, right = below(words[:2], 5)
    mirrored = below(words[2], 2)
    seen = CropFlip(2, seed=7)(images(), IDS, 5).numpy()
    for i in range(60):
        crop = np.pad(images()[i].numpy(), ((0, 0), (2, 2), (2, 2)))[:, down[i] : down[i] + 9, right[i] : right[i] + 11]
        assert (seen[i] == (crop[:, :, ::-1] if mirrored[i] else crop)).all()


def test_half_are_mirrored_whatever_the_crop():
    ramp = torch.arange(1.0, 4.0).expand(20_000, 1, 1, 3).contiguous()
    seen = CropFlip(0)(ramp, torch.arange(20_000), 0)
    assert abs((seen[:, 0, 0, 0] == 3).float().mean().item() - 0.5) < 5 * 0.5 / 20_000**0.5
    words = philox(0, STREAM, np.arange(20_000), 0)
    crops, mirrored = below(words[0], 9), below(words[2], 2)
    assert abs(np.corrcoef(crops, mirrored)[0, 1]) < 0.04


def test_without_mirrors_it_is_jitter():
    for number in range(3):
        assert torch.equal(CropFlip(2, flip=False, seed=3)(images(), IDS, number), Jitter(2, 3)(images(), IDS, number))


def test_of_nothing_it_leaves_pixels_alone():
    assert torch.equal(CropFlip(0, flip=False)(images(), IDS, 1), images())


@pytest.mark.parametrize("batch_size", [1, 7, 60])
def test_the_same_pixels_in_every_batch_and_order(batch_size):
    data = TransferSet(images(), view=CropFlip(4))
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    parts = torch.cat([data.at(ids, 2) for ids in order.split(batch_size)])
    assert torch.equal(parts, data.at(IDS, 2)[order])


def test_pixels_differ_by_number_and_seed_and_the_source_stays():
    before = images()
    inputs = images()
    seen = {CropFlip(2, seed=seed)(inputs, IDS, number).numpy().tobytes() for seed in (0, 1) for number in (0, 1)}
    assert len(seen) == 4
    assert torch.equal(inputs, before)
    CropFlip(0)(inputs, IDS, 0)
    assert torch.equal(inputs, before)


VIEWS = [Plain(), Jitter(), Jitter(3, 5), CropFlip(), CropFlip(2, flip=False, seed=9)]


@pytest.mark.parametrize("view", VIEWS)
def test_a_spec_says_all_of_a_view(view):
    assert view_of(view.spec()) == view


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("plain", Plain()),
        ("jitter", Jitter()),
        ("jitter:0", Jitter(0)),
        ("jitter:3", Jitter(3)),
        ("crop-flip", CropFlip()),
        ("crop-flip:2", CropFlip(2)),
    ],
)
def test_a_view_is_named_on_the_command_line(text, view):
    assert view_from(text) == view


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a view must be one of plain, jitter, crop-flip.*, got"),
        ("rotate", "a view must be one of plain, jitter, crop-flip.*, got {'name': 'rotate'}"),
        ("plain:2", "a view must be one of plain, jitter, crop-flip.*, got"),
        ("jitter:two", "a view's size must be a whole number >= 0, got 'two'"),
        ("jitter:-1", "a view's size must be a whole number >= 0, got '-1'"),
        ("crop-flip:1.5", "a view's size must be a whole number >= 0, got '1.5'"),
        ("crop-flip:²", "a view's size must be a whole number >= 0, got '²'"),
        ("jitter:1:2", "a view's size must be a whole number >= 0, got '1:2'"),
    ],
)
def test_what_names_no_view_is_refused(text, message):
    with pytest.raises(ArgumentError, match=message):
        view_from(text)


@pytest.mark.parametrize("spec", [{}, {"name": "jitter", "degrees": 3}, {"name": "plain", "seed": 0}])
def test_a_spec_of_something_else_is_refused(spec):
    with pytest.raises(ArgumentError, match="a view must be one of plain, jitter, crop-flip.*, got"):
        view_of(spec)


def test_what_is_no_image_and_crops_that_can_not_be_are_refused():
    with pytest.raises(ArgumentError, match=r"crop takes images .* got shape \(60, 9\)"):
        CropFlip()(torch.zeros(60, 9), IDS, 0)
    with pytest.raises(ArgumentError, match="crop must be >= 0 pixels, got -1"):
        CropFlip(-1)
    with pytest.raises(ArgumentError, match="crop must not exceed the image, got 12 pixels"):
        CropFlip(12)(images(), IDS, 0)
