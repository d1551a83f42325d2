"""Logits from probabilities, and what is refused on the way."""

import math

import pytest
import torch
from torch.testing import assert_close

from limbeck import ArgumentError
from limbeck.teachers import PROBABILITY_FLOOR, logits_of, refuse_probabilities


def test_the_softmax_of_the_logits_is_the_probabilities():
    probs = torch.rand(20, 5, generator=torch.Generator().manual_seed(0)).softmax(-1)
    assert_close(logits_of(probs).softmax(-1), probs)
    assert_close(logits_of(probs), probs.log(), rtol=0, atol=1e-6)


def test_nothing_is_less_probable_than_the_floor():
    probs = torch.tensor([[1.0, 0.0, 1e-9]])
    assert_close(logits_of(probs), torch.tensor([[0.0, math.log(PROBABILITY_FLOOR), math.log(PROBABILITY_FLOOR)]]))
    assert_close(logits_of(probs, 1e-3), torch.tensor([[0.0, math.log(1e-3), math.log(1e-3)]]))
    assert_close(logits_of(probs, 1e-300)[0, 1], torch.tensor(300 * math.log(0.1)))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0.5, 0.5], [0.5, 0.4]], r"each row's sum to 1 within 0.001, row 1 lies in 0.4..0.5 and sums to 0.9"),
        ([[0.9, 0.2, -0.1]], r"row 0 lies in -0.1..0.9 and sums to 1"),
        ([[1.2, -0.2]], r"row 0 lies in -0.2..1.2 and sums to 1"),
        ([[1.0005, 0.0]], r"row 0 lies in 0..1.0005 and sums to 1.0005"),
        ([[math.nan, 0.5]], r"row 0 lies in nan..nan and sums to nan\n\nhint: look at the teacher's output"),
        ([[math.inf, 0.5]], r"row 0 lies in 0.5..inf"),
        ([[2.0, -1.0, 0.3]], r"sums to 1.3\n\nhint: say gives='logits' if it gives logits"),
    ],
)
def test_refuses_what_is_no_distribution(rows, message):
    with pytest.raises(ArgumentError, match=message):
        logits_of(torch.tensor(rows, dtype=torch.float64))


def test_takes_rounding_for_what_it_is():
    assert_close(
        logits_of(torch.tensor([[1.00005, 0.0], [0.9995, 0.0]]))[:, 0], torch.tensor([5e-5, -5e-4]), rtol=1e-2, atol=0
    )
    coarse = torch.rand(50, 100).softmax(-1).bfloat16()
    assert_close(logits_of(coarse), coarse.float().log())


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize("shape", [(4,), (2, 0), (1, 2, 3)])
def test_refuses_other_shapes(shape):
    with pytest.raises(ArgumentError, match=r"must have the shape \(batch, classes\), got"):
        logits_of(torch.ones(shape))


@pytest.mark.parametrize("floor", [0.0, 1.0, -1e-3, math.nan])
def test_refuses_a_floor_outside(floor):
    with pytest.raises(ArgumentError, match=f"floor must lie between 0 and 1, got {floor}\n\nhint: it is the smallest"):
        logits_of(torch.ones(1, 1), floor)


def test_probabilities_said_to_be_logits_are_refused():
    probs = torch.rand(8, 10).softmax(-1)
    for said in (probs, probs.double(), probs.half(), probs.bfloat16(), torch.eye(3)):
        with pytest.raises(
            ArgumentError, match=rf"got probabilities: each of {len(said)} rows .* sums to 1\n\nhint: a net: leave"
        ):
            refuse_probabilities(said)


def test_logits_that_may_be_some_are_not_refused():
    probs = torch.rand(8, 10).softmax(-1)
    one_off = probs.clone()
    one_off[3] *= 1.001
    signed = torch.tensor([[2.0, -1.0], [1.5, -0.5]])
    for logits in (
        signed,
        probs[:1],
        torch.ones(4, 1),
        one_off,
        probs.log(),
        torch.eye(3) - 1,
        torch.full((2, 2), math.nan),
    ):
        refuse_probabilities(logits)
