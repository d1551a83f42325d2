"""Verdicts in words, counted by hand."""

import math

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
    assert "6 and 5 seeds that are no pairs, 95% interval +" in found.sentence
    assert "permutation p = 0.0043)." in found.sentence


def test_the_sentence_begins_with_the_verdict_and_names_the_better_run_first():
    few, many = finished("few", FEW), finished("many", MANY)
    _, low, high = paired_interval(MANY, FEW)
    expected = (
        "A difference: the student of few makes 10.3 fewer test errors than that of many (20.8 against 31.2 of 200; "
        f"6 paired seeds, 95% interval {low:+.1f} to {high:+.1f}, sign-flip p = 0.031). Its net of seed 0 makes 10 "
        "fewer (95% interval over test examples +"
    )
    assert Difference(few, many).sentence.startswith(expected)
    assert Difference(many, few).sentence == Difference(few, many).sentence
    assert Difference(many, few).sentence.endswith(f"exact McNemar p = {2 / 2**10:.2g}).")


def test_a_run_that_is_better_may_be_worse_in_seed_0():
    found = Difference(finished("a", [30, 10, 10]), finished("b", [25, 20, 20]))
    assert found.sentence.startswith(
        "Too few seeds to tell: the student of a makes 5.0 fewer test errors than that of b ("
    )
    assert "Its net of seed 0 makes 5 more (95% interval over test examples -" in found.sentence


def test_a_single_pair_is_two_nets():
    found = Difference(finished("many", [30]), finished("few", [20, 90, 90]))
    assert found.single
    assert found.errors == ([30], [20])
    assert found.of_nets.errors == pytest.approx(10)
    assert found.of_nets.p == pytest.approx(2 / 2**10)
    assert found.verdict == "a difference"
    said = found.sentence
    assert said.startswith(
        "A difference: the student of few makes 10.0 fewer test errors than that of many (20.0 against 30.0 of 200; "
        "1 seed, 95% interval over test examples +"
    )
    assert said.endswith("That is of these two nets: one seed doesn't tell what others would give.")
    near = Difference(finished("a", [20]), finished("b", [24]))
    assert near.of_nets.p == pytest.approx(2 / 2**4)
    assert near.sentence.startswith("No difference shown: the student of a makes 4.0 fewer")


def test_nothing_is_said_of_minus_nought():
    said = Difference(finished("a", FEW), finished("b", FEW)).sentence
    assert said.startswith("No difference shown: the student of a makes 0.0 fewer")
    assert "-0" not in said
    assert "95% interval +0.0 to +0.0" in said


def test_each_two_runs_have_a_difference():
    runs = [finished(name, errors) for name, errors in (("a", FEW), ("b", MANY), ("c", FEW))]
    found = [(each.first.name, each.second.name) for each in differences(runs)]
    assert found == [("a", "b"), ("a", "c"), ("b", "c")]
    assert len(found) == math.comb(3, 2)
