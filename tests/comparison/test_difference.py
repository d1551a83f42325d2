"""Verdicts in words, counted by hand."""

import math
import re

import pytest
from compared_runs import finished

from limbeck.comparison import Difference, differences
from limbeck.judge import paired_interval

FEW = [20, 22, 21, 19, 23, 20]
MANY = [30, 33, 30, 31, 32, 31]


def test_runs_of_the_same_starts_are_pairs_as_far_as_both_go():
    found = Difference(finished("few", FEW), finished("many", MANY[:5]))
    assert found.paired
    assert found.errors == (FEW[:5], MANY[:5])
    assert found.of_seeds.seeds == (5, 5)
    assert (found.of_seeds.errors, found.of_seeds.low, found.of_seeds.high) == paired_interval(FEW[:5], MANY[:5])
    assert found.verdict == "a difference"


def test_runs_of_other_starts_are_no_pairs():
    found = Difference(finished("few", FEW), finished("many", MANY[:5], start="1"))
    assert not found.paired
    assert found.of_seeds.seeds == (6, 5)
    assert re.search(r"6 and 5 seeds that are no pairs, 95% interval \d+\.\d to \d+\.\d fewer, ", found.sentence)
    assert "permutation p = 0.0043)." in found.sentence


def test_the_sentence_begins_with_the_verdict_and_names_the_better_run_first():
    few, many = finished("few", FEW), finished("many", MANY)
    _, low, high = paired_interval(MANY, FEW)
    expected = (
        "A difference: the student of few makes 10.3 fewer test errors than that of many (20.8 against 31.2 of 200; "
        f"6 paired seeds, 95% interval {low:.1f} to {high:.1f} fewer, sign-flip p = 0.031). Its net of seed 0 makes 10 "
        "fewer (95% interval over test examples +"
    )
    assert Difference(few, many).sentence.startswith(expected)
    assert Difference(many, few).sentence == Difference(few, many).sentence
    assert Difference(many, few).sentence.endswith(f"exact McNemar p = {2 / 2**10:.2g}): these two nets differ.")


def test_a_run_that_is_better_may_be_worse_in_seed_0():
    found = Difference(finished("a", [30, 10, 10]), finished("b", [25, 20, 20]))
    assert found.sentence.startswith(
        "Too few seeds to tell: the student of a makes 5.0 fewer test errors than that of b ("
    )
    assert "Its net of seed 0 makes 5 more (95% interval over test examples +" in found.sentence


def test_of_one_seed_it_is_not_told_whatever_its_two_nets_say():
    found = Difference(finished("many", [30]), finished("few", [20]))
    assert found.verdict == "too few seeds to tell"
    assert found.nets == "these two nets differ"
    assert found.of_nets.p == pytest.approx(2 / 2**10)
    said = found.sentence
    assert said.startswith(
        "Too few seeds to tell: the student of few makes 10.0 fewer test errors than that of many (20.0 against 30.0 "
        "of 200; 1 seed each). Its net of seed 0 makes 10 fewer (95% interval over test examples +"
    )
    assert said.endswith("exact McNemar p = 0.002): these two nets differ.")
    near = Difference(finished("a", [20]), finished("b", [24]))
    assert near.of_nets.p == pytest.approx(2 / 2**4)
    assert (near.verdict, near.nets) == ("too few seeds to tell", "no difference of these two nets shown")


def test_beside_a_single_seed_no_other_is_dropped():
    found = Difference(finished("one", [30]), finished("three", [20, 90, 100]))
    assert not found.paired
    assert found.errors == ([30], [20, 90, 100])
    assert found.of_seeds.errors == -40
    assert found.sentence.startswith(
        "Too few seeds to tell: the student of one makes 40.0 fewer test errors than that of three (30.0 against 70.0 "
        "of 200; 1 and 3 seeds). Its net of seed 0 makes 10 more ("
    )


def test_nothing_is_said_of_minus_nought():
    said = Difference(finished("a", FEW), finished("b", FEW)).sentence
    assert said.startswith("No difference shown: the student of a makes 0.0 fewer")
    assert "-0" not in said
    assert "95% interval 0.0 to 0.0 fewer" in said


def test_each_two_runs_have_a_difference():
    runs = [finished(name, errors) for name, errors in (("a", FEW), ("b", MANY), ("c", FEW))]
    found = [(each.first.name, each.second.name) for each in differences(runs)]
    assert found == [("a", "b"), ("a", "c"), ("b", "c")]
    assert len(found) == math.comb(3, 2)
