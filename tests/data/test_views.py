"""Views replay: the same (seed, example, number) gives the same pixels, however they are asked for."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from limbeck import ArgumentError
from limbeck.data import CropFlip, Elastic, Jitter, Plain, TransferSet
from limbeck.data.philox import below, permutation, philox


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return TransferSet(torch.randint(0, 256, (50, 1, 28, 28), dtype=torch.uint8, generator=generator), view=Jitter(2))


@pytest.mark.parametrize(
    ("seed", "counter", "step", "stream", "expected"),
    [  # the known answers published with Random123 for philox4x32-10
        (0, 0, 0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (2**64 - 1, 2**64 - 1, 2**32 - 1, 2**32 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (0x299F31D0A4093822, 0x85A308D3243F6A88, 0x13198A2E, 0x03707344, "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_published_words(seed, counter, step, stream, expected):
    words = philox(seed, stream, np.array([counter], np.uint64), step)
    assert " ".join(f"{int(word):08x}" for word in words[:, 0]) == expected


def test_below_is_even():
    counts = np.bincount(below(philox(1, 0, np.arange(50_000), 0)[0], 5), minlength=5)
    assert abs(counts - 10_000).max() < 400


def test_permutation_is_a_permutation_and_changes_with_each_argument():
    orders = [permutation(*key, 1000) for key in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert all((np.sort(order) == np.arange(1000)).all() for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    assert (permutation(0, 0, 0, 1000) == orders[0]).all()


def test_jitter_shifts_each_image_by_what_philox_says(images):
    ids = torch.arange(50)
    down, right = below(philox(0, 1, np.arange(50), 3)[:2], 5)
    seen = images.at(ids, 3)
    assert len({(d, r) for d, r in zip(down, right, strict=True)}) > 15
    for i in range(50):
        padded = np.pad(images.inputs[i, 0].numpy(), 2)
        expected = padded[down[i] : down[i] + 28, right[i] : right[i] + 28]
        assert (seen[i, 0].numpy() == expected).all()


@pytest.mark.parametrize("batch_size", [1, 7, 50])
def test_same_pixels_in_every_batch_and_order(images, batch_size):
    whole = images.at(torch.arange(50), 4)
    order = torch.from_numpy(permutation(9, 0, 0, 50))
    parts = torch.cat([images.at(ids, 4) for ids in order.split(batch_size)])
    assert_close(parts, whole[order], rtol=0, atol=0)


def test_views_differ_by_number_and_seed(images):
    ids = torch.arange(50)
    assert not torch.equal(images.at(ids, 0), images.at(ids, 1))
    assert not torch.equal(images.at(ids, 0), images.seen_through(Jitter(2, seed=1)).at(ids, 0))


def test_same_pixels_in_another_process(images):
    program = """
import torch
from limbeck.data import Jitter, TransferSet
images = torch.randint(0, 256, (50, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
print(TransferSet(TransferSet(images, view=Jitter(2)).at(torch.arange(50), 6)).fingerprint)
"""
    other = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert other.stdout.strip() == TransferSet(images.at(torch.arange(50), 6)).fingerprint


def test_jitter_works_on_channels_and_floats():
    inputs = torch.rand(3, 3, 5, 7)
    seen = Jitter(1)(inputs, torch.arange(3), 0)
    assert seen.shape == inputs.shape
    assert seen.dtype == inputs.dtype


def test_jitter_of_nothing_and_plain_leave_pixels_alone(images):
    ids = torch.arange(50)
    assert_close(images.seen_through(Jitter(0)).at(ids, 5), images.inputs, rtol=0, atol=0)
    assert_close(images.seen_through(Plain()).at(ids, 5), images.inputs, rtol=0, atol=0)


def test_refuses_what_is_no_image_and_negative_jitter():
    with pytest.raises(ArgumentError, match=r"jitter takes images .* got shape \(3, 4\)"):
        Jitter(1)(torch.zeros(3, 4), torch.arange(3), 0)
    with pytest.raises(ArgumentError, match="jitter must be >= 0 pixels, got -1"):
        Jitter(-1)


def test_specs_tell_views_apart():
    assert Jitter(2).spec() == {"name": "jitter", "pixels": 2, "seed": 0}
    assert Plain().spec() == {"name": "plain"}


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize(
    ("view", "options", "rule"),
    [
        (Jitter, {"pixels": 1.5}, "jitter must be a whole number of pixels, got 1.5"),
        (CropFlip, {"pixels": 2.0}, "crop must be a whole number of pixels, got 2.0"),
        (CropFlip, {"flip": 3}, "flip must be True or False, got 3"),
        (Jitter, {"pixels": True}, "jitter must be a whole number of pixels, got True"),
    ],
)
def test_fields_of_another_type_are_refused_when_a_view_is_made(view, options, rule):
    with pytest.raises(ArgumentError, match=rule):
        view(**options)


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize(("view", "seed"), [(Jitter, 1.5), (CropFlip, "1"), (Elastic, None)])
def test_seeds_that_are_no_whole_numbers_are_refused(view, seed):
    with pytest.raises(ArgumentError, match=f"a seed must be a whole number, got {seed!r}"):
        view(seed=seed)(torch.zeros(1, 1, 8, 8), torch.zeros(1).long(), 0)


def test_a_seed_may_be_numpys():
    counter = np.arange(3)
    assert np.array_equal(philox(np.int64(7), 1, counter, 0), philox(7, 1, counter, 0))
