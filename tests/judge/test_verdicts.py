"""Verdicts against scipy, and what each takes."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from limbeck import ArgumentError
from limbeck.judge import (
    NetsDifference,
    mean_interval,
    nets_finding,
    paired_interval,
    seeds_difference,
    seeds_interval,
    sign_flip_p,
)
from limbeck.judge.verdicts import permutation_p, welch_interval

LOW = [70.0, 72.0, 69.0, 71.0, 73.0, 70.0]
HIGH = [80.0, 83.0, 79.0, 82.0, 82.0, 81.0]


def test_pairs_are_judged_by_their_interval_and_by_sign_flips():
    found = seeds_difference(LOW, HIGH, paired=True)
    assert (found.errors, found.low, found.high) == pytest.approx(paired_interval(LOW, HIGH))
    assert found.p == sign_flip_p(LOW, HIGH) == pytest.approx(2 / 64)
    assert (found.seeds, found.paired, found.verdict) == ((6, 6), True, "a difference")


def test_pairs_have_a_bootstrap_interval_beside_on_which_no_verdict_stands():
    assert seeds_difference(LOW, HIGH, paired=True).bootstrap == seeds_interval(LOW, HIGH)[1:]
    assert seeds_difference(LOW, HIGH, paired=False).bootstrap is None
    assert seeds_difference(LOW[:1], HIGH[:1], paired=True).bootstrap is None


def test_seeds_that_are_no_pairs_are_judged_by_welch_and_by_permutations():
    found = seeds_difference(LOW, HIGH[:5], paired=False)
    bounds = ttest_ind(LOW, HIGH[:5], equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx(tuple(bounds))
    assert found.p == pytest.approx(2 / 462)  # of all 462 ways to deal them, this one and its mirror
    assert (found.seeds, found.verdict) == ((6, 5), "a difference")


@pytest.mark.parametrize("paired", [True, False])
def test_fewer_than_five_seeds_are_too_few_however_far_apart(paired):
    for seeds in (1, 2, 4):
        found = seeds_difference(LOW[:seeds], HIGH[:seeds], paired=paired)
        assert found.verdict == "too few seeds to tell"
    one = seeds_difference(LOW[:1], HIGH[:1], paired=paired)
    assert (one.errors, one.low, one.high, one.p) == (-10, None, None, None)


def test_five_pairs_are_judged_by_their_interval_for_sign_flips_cannot_tell():
    found = seeds_difference(LOW[:5], HIGH[:5], paired=True)
    assert found.p == pytest.approx(2 / 32)
    assert found.verdict == "a difference"


def test_six_pairs_need_the_sign_flips_too():
    first, second = [1.0, 2, 3, 4, 5, -0.1], [0.0] * 6
    found = seeds_difference(first, second, paired=True)
    assert found.low > 0
    assert found.p == pytest.approx(4 / 64)
    assert found.verdict == "no difference shown"


@pytest.mark.parametrize("paired", [True, False])
def test_an_interval_with_0_in_it_shows_no_difference(paired):
    other = [71.0, 70.0, 72.0, 69.0, 72.0, 71.0]
    assert seeds_difference(LOW, other, paired=paired).verdict == "no difference shown"
    assert seeds_difference(LOW, LOW, paired=paired).verdict == "no difference shown"


def test_seeds_without_spread_have_an_interval_of_one_point():
    assert welch_interval([3, 3], [1, 1, 1]) == (2, 2, 2)
    assert permutation_p([3, 3], [3, 3, 3]) == 1.0


def test_of_a_side_without_spread_the_interval_is_the_others():
    mean, low, high = mean_interval([4, 5, 3, 4, 5])
    assert welch_interval([3] * 5, [4, 5, 3, 4, 5]) == pytest.approx((3 - mean, 3 - high, 3 - low))


def test_two_nets_are_judged_by_mcnemar():
    assert nets_finding(NetsDifference(-9, -15, -3, 0.049)) == "these two nets differ"
    assert nets_finding(NetsDifference(-9, -15, -3, 0.05)) == "no difference of these two nets shown"


def test_pairs_are_as_many_on_both_sides():
    with pytest.raises(ArgumentError, match="as many on both sides, got 6 and 5"):
        seeds_difference(LOW, HIGH[:5], paired=True)


def test_without_a_difference_the_verdict_is_seldom_one():
    generator = np.random.default_rng(0)
    drawn = generator.normal(100, 5, (200, 2, 6))
    for paired in (True, False):
        verdicts = [seeds_difference(a.tolist(), b.tolist(), paired=paired).verdict for a, b in drawn]
        assert verdicts.count("a difference") <= 20  # 5% of 200, and two standard deviations
