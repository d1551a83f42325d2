import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from limbeck.data import TransferSet
from limbeck.report.examples import (
    LONGEST_SIDE,
    choose,
    classes_with_bars,
    entropy,
    logits_for_page,
    pictures_of,
    png,
    telling,
    with_bars,
)
from limbeck.report.judged import Evidence, Judged


def test_differing_examples_come_first_then_the_teachers_doubts(models, test_set):
    chosen = choose(Evidence.of(models, test_set), count=4)
    assert chosen == [
        (4, "twin and student differ"),
        (5, "twin and student differ"),
        (1, "the teacher is in doubt"),
        (3, "the teacher is in doubt"),
    ]


def test_the_choice_is_in_order_of_entropy(models, test_set):
    by_doubt = entropy(models[0].logits).tolist()
    rows = [row for row, _ in choose(Evidence.of(models[:1], test_set))]
    assert [by_doubt[row] for row in rows] == sorted(by_doubt, reverse=True)
    assert choose(Evidence.of(models, test_set)) == choose(Evidence.of(models, test_set))


def test_equal_doubts_go_in_the_order_of_the_set(test_set):
    evidence = Evidence.of([Judged("net", torch.zeros(6, 3))], test_set)
    assert choose(evidence, count=3) == [(row, "net is in doubt") for row in range(3)]


def test_entropy_of_masked_logits():
    logits = torch.tensor([[0.0, 0.0, -torch.inf], [-torch.inf] * 3])
    torch.testing.assert_close(entropy(logits), torch.tensor([np.log(2), 0.0], dtype=torch.float32))


def test_an_example_tells_what_each_model_takes_it_for(models, test_set):
    example = telling(Evidence.of(models, test_set))[0]
    assert (example.id, example.label, example.label_bar) == (4, "<script>alert(1)</script>", 1)
    assert [(choice.model, choice.name, choice.wrong) for choice in example.choices] == [
        ("teacher", "<script>alert(1)</script>", False),
        ("twin", "<script>alert(1)</script>", False),
        ("student", "cow", True),
    ]
    assert [logits["shown"] for logits in example.logits] == [[0.0, 2.0, 1.5], [0.0, 1.0, 2.0]]


def test_an_example_keeps_its_id_in_a_subset(models, test_set):
    part = test_set.subset(torch.tensor([5, 4]))
    taken = [Judged(model.name, model.logits[[5, 4]]) for model in models]
    assert [example.id for example in telling(Evidence.of(taken, part))] == [4, 5]


def test_bars_are_of_teacher_and_student(models, test_set):
    assert [model.name for model in with_bars(Evidence.of(models, test_set))] == ["teacher", "student"]
    assert [model.name for model in with_bars(Evidence.of(models[1:2], test_set))] == ["twin"]


def test_of_many_classes_the_ten_most_probable_have_bars():
    logits = torch.arange(50.0)
    logits[49] = torch.nan
    assert classes_with_bars(logits) == list(range(48, 38, -1))
    assert classes_with_bars(torch.arange(10.0)) == list(range(10))


@pytest.mark.parametrize("temperature", [1.0, 5.0, 20.0])
def test_values_and_counts_give_the_whole_distribution(temperature):
    logits = 4 * torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    shown = classes_with_bars(logits)
    told = logits_for_page(logits, shown)
    exact = (logits.double() / temperature).softmax(0)[shown].numpy()
    kept, rest = np.array(told["shown"]), told["rest"]
    mass = np.exp(kept / temperature).sum() + np.dot(rest["counts"], np.exp(np.array(rest["values"]) / temperature))
    np.testing.assert_allclose(np.exp(kept / temperature) / mass, exact, rtol=1e-3)
    assert sum(rest["counts"]) == 20_000 - 10
    assert len(json.dumps(told)) < 60_000


def test_logits_that_are_not_finite_are_valid_json():
    logits = torch.tensor([torch.inf, -torch.inf, torch.nan, 1.0] + [-torch.inf, torch.nan] * 5)
    told = logits_for_page(logits, [0, 1, 2, 3])
    assert told["shown"][1:] == [None, None, 1.0]
    assert told["rest"] == {"values": [], "counts": []}
    json.dumps(told, allow_nan=False)


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
