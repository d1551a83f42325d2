"""Tests and intervals against exact counts, scipy and simulation."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import t as student_t
from scipy.stats import ttest_1samp

from limbeck import ArgumentError
from limbeck.judge import (
    examples_interval,
    mcnemar_p,
    mean_interval,
    paired_interval,
    proportion_interval,
    recovered_interval,
    seeds_interval,
    share_recovered,
    sign_flip_p,
)


def test_sign_flips_are_counted_exactly():
    assert sign_flip_p([1, 2, 3], [0, 0, 0]) == 2 / 8  # all signs, and all flipped
    assert sign_flip_p(range(1, 11), [0] * 10) == pytest.approx(2 / 1024)
    assert sign_flip_p([1, 0, 3], [0, 1, 0]) == 6 / 8  # of the sums ±1 ±1 ±3 only ±1 is nearer to 0
    assert sign_flip_p([1.0], [0.0]) == 1.0
    assert sign_flip_p([2, 2], [2, 2]) == 1.0


def test_mcnemar_counts_the_examples_that_only_one_model_gets_right():
    labels = torch.zeros(20, dtype=torch.int64)
    right, wrong = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    first = torch.stack([right] * 15 + [wrong] * 5)
    second = torch.stack([right] * 7 + [wrong] * 10 + [right] * 3)  # 8 only first, 3 only second, 2 neither
    expected = 2 * sum(math.comb(11, k) for k in range(4)) / 2**11
    assert mcnemar_p(first, second, labels) == pytest.approx(expected)
    assert mcnemar_p(first, first, labels) == 1.0


def test_the_paired_interval_is_students_t():
    first, second = [80, 79, 84, 75, 90], [70, 71, 70, 77, 70]
    differences = np.subtract(first, second)
    mean, half = differences.mean(), student_t.ppf(0.975, 4) * differences.std(ddof=1) / math.sqrt(5)
    assert paired_interval(first, second) == pytest.approx((mean, mean - half, mean + half), rel=1e-12)
    assert paired_interval(second, first) == pytest.approx((-mean, -mean - half, -mean + half), rel=1e-12)


def test_pairs_that_differ_by_the_same_have_an_interval_of_one_point():
    assert paired_interval([80, 79, 81], [70, 69, 71]) == (10, 10, 10)
    assert paired_interval([5, 6], [5, 6]) == (0, 0, 0)


def test_the_interval_of_a_mean_is_students_t():
    values = [80, 79, 84, 75, 90]
    bounds = ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((81.6, bounds.low, bounds.high))
    assert mean_interval([5, 5]) == (5, 5, 5)
    assert mean_interval([5]) is None


def test_fewer_than_two_pairs_have_no_interval():
    assert paired_interval([80], [70]) is None
    assert paired_interval([], []) is None


def test_share_recovered():
    assert share_recovered([146], [67], [74]) == pytest.approx(0.911, abs=1e-3)  # the paper's 91%
    assert share_recovered([10, 12], [5, 5], [11, 11]) == 0
    assert share_recovered([5], [6], [5]) is None


def test_a_bootstrap_over_pairs_is_reproducible_and_nearly_normal_for_many():
    generator = np.random.default_rng(0)
    first, second = generator.normal(12, 3, 200).tolist(), generator.normal(10, 3, 200).tolist()
    mean, low, high = seeds_interval(first, second)
    half = 1.96 * np.std(np.subtract(first, second)) / math.sqrt(200)
    assert mean == pytest.approx(np.mean(first) - np.mean(second))
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.06)
    assert seeds_interval(first, second) == (mean, low, high)
    assert seeds_interval([80, 79, 81], [70, 69, 71]) == (10, 10, 10)
    assert seeds_interval([1], [2]) is None


def test_an_interval_over_examples_is_that_of_two_dependent_shares():
    labels = torch.zeros(1000, dtype=torch.int64)
    right, wrong = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    first = torch.stack([wrong] * 60 + [right] * 940)
    second = torch.stack([right] * 40 + [wrong] * 30 + [right] * 930)  # 40 only first, 10 only second
    difference, low, high = examples_interval(first, second, labels)
    assert difference == pytest.approx(30)
    half = 1.96 * math.sqrt(40 + 10 - 30**2 / 1000)  # of a sum of 1,000 differences of -1, 0 and 1
    assert (low, high) == pytest.approx((30 - half, 30 + half), abs=1.5)
    assert examples_interval(first, first, labels) == (0, 0, 0)


def test_the_interval_of_a_share_is_wilsons():
    z = 1.959963984540054
    centre, half = (3 + z * z / 2) / (40 + z * z), z * math.sqrt(3 * 37 / 40 + z * z / 4) / (40 + z * z)
    assert proportion_interval(3, 40) == pytest.approx((centre - half, centre + half))
    assert proportion_interval(0, 10)[0] == 0


@pytest.mark.parametrize("teacher", [[68.0], [70.0, 66.0, 69.0, 71.0, 64.0], [60.0, 70.0]])
def test_the_share_recovered_lies_where_a_paired_t_test_does_not_refuse_it(teacher):
    twin, student = [152.0, 148.0, 160.0, 139.0, 155.0], [101.0, 95.0, 104.0, 97.0, 99.0]
    low, high = recovered_interval(twin, teacher, student)
    assert low < share_recovered(twin, teacher, student) < high
    gap = np.subtract(twin, teacher if len(teacher) == 5 else np.mean(teacher))
    for bound in (low, high):
        assert ttest_1samp(np.subtract(twin, student) - bound * gap, 0).pvalue == pytest.approx(0.05, rel=1e-6)


def test_a_gap_that_may_be_none_gives_the_share_no_interval():
    assert recovered_interval([10, 20], [9, 21], [8, 7]) is None
    assert recovered_interval([10], [5], [8]) is None
    assert recovered_interval([5, 5, 5], [9], [6, 7, 6]) is None  # the teacher is worse than the twin


def test_equal_seeds_have_a_share_of_one_point():
    assert recovered_interval([10, 10], [5, 5], [6, 6]) == pytest.approx((0.8, 0.8))


def test_pairs_are_as_many_on_both_sides():
    for of_pairs in (sign_flip_p, paired_interval, seeds_interval):
        with pytest.raises(ArgumentError, match="as many on both sides, got 1 and 2"):
            of_pairs([1], [1, 2])
    with pytest.raises(ArgumentError, match="as many on both sides, got 1 and 2"):
        recovered_interval([1], [0], [1, 2])
