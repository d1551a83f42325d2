import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from limbeck.data import TransferSet
from limbeck.report.inputs import LONGEST_SIDE, MOST_VALUES, pictures_of, png, values_of


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_holds_the_pixels(channels):
    pixels = torch.randint(0, 256, (5, 7, channels), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    decoded = np.asarray(Image.open(io.BytesIO(png(pixels)))).reshape(5, 7, channels)
    np.testing.assert_array_equal(decoded, pixels.numpy())


def decoded_picture(uri):
    assert uri.startswith("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


def test_the_largest_value_of_the_source_is_white():
    inputs = torch.tensor([[[[0, 16], [8, 4]]], [[[0, 8], [8, 4]]]], dtype=torch.uint8)
    (picture,) = pictures_of(TransferSet(inputs), torch.tensor([1]))
    np.testing.assert_array_equal(decoded_picture(picture), [[0, 128], [128, 64]])


def test_a_large_image_is_averaged_down():
    inputs = torch.full((1, 3, 2 * LONGEST_SIDE, 4 * LONGEST_SIDE), 200, dtype=torch.uint8)
    (picture,) = pictures_of(TransferSet(inputs), torch.tensor([0]))
    assert decoded_picture(picture).shape == (LONGEST_SIDE // 2, LONGEST_SIDE, 3)


@pytest.mark.parametrize(
    "inputs", [torch.zeros(2, 5), torch.zeros(2, 1, 4, 4), torch.zeros(2, 2, 4, 4, dtype=torch.uint8)]
)
def test_what_is_no_image_has_no_picture(inputs):
    assert pictures_of(TransferSet(inputs), torch.tensor([0, 1])) == [None, None]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_smooth_picture_is_a_smaller_file_and_holds_the_pixels_too(channels):
    ramp = (
        torch.arange(48, dtype=torch.uint8).reshape(1, 48, 1) * 5 + torch.arange(32, dtype=torch.uint8)[:, None, None]
    )
    noise = torch.randint(0, 3, (32, 48, channels), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pixels = ramp + noise
    file = png(pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(file))).reshape(pixels.shape), pixels.numpy())
    assert len(file) < 0.6 * pixels.numel()


def test_the_first_values_are_told_of_what_is_no_image():
    rows = torch.arange(2 * 40).reshape(2, 4, 10) / 3
    first, second = values_of(TransferSet(rows), torch.tensor([1, 0]))
    assert len(first) == len(second) == MOST_VALUES
    assert (first[0], second[1]) == ("13.33", "0.3333")
