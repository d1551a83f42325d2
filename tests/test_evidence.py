"""From measures to rows, table and sentences: counted by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from limbeck.evidence import Outcome, difference_told, figures, find, formatted, row_of, tabulate
from limbeck.judge import Measures, NetsDifference, paired_interval

BY_TEN = NetsDifference(-10, -18.5, -1.5, 0.04)


def outcome(teacher, ensemble, twin, student, difference=BY_TEN):
    def measures(errors, size=10):
        return Measures(1000, errors, errors / 1000, 0.2, 0.1, 0.9, size)

    found = {"teacher": [measures(e) for e in teacher], "twin": [measures(twin)], "student": [measures(student)]}
    if ensemble is not None:
        found["ensemble"] = [measures(ensemble, 30)]
    latencies = {"teacher" if ensemble is None else "ensemble": 4.0, "student": 0.5}
    return Outcome(found, {}, difference, {"student": 2.0}, latencies, measures(student), Path())


SEEDS = [outcome([30, 40], 20, 60, 30), outcome([50, 40], 30, 70, 50)]


def test_rows_have_one_value_a_seed():
    rows = figures(SEEDS, {("twin", "test errors"): 146.0})
    by_name = {(row["setting"], row["metric"]): row for row in rows}
    assert by_name["teacher", "test errors"]["values"] == [35, 45]
    twin = by_name["twin", "test errors"]
    assert (twin["n"], twin["mean"], twin["sd"], twin["paper"]) == (2, 65, pytest.approx(50**0.5), 146.0)
    assert by_name["student", "seconds"]["values"] == [2.0, 2.0]
    assert by_name["ensemble", "latency p50 (ms)"]["values"] == [4.0, 4.0]
    assert by_name["ensemble, one example / student, one example", "ratio"]["values"] == [8.0, 8.0]
    share = by_name["student, gap to its twin / gap between twin and ensemble", "ratio"]
    assert share["values"] == [pytest.approx(25 / 40)]


def test_sentences_say_what_the_figures_say():
    difference = "The student makes 25.0 fewer test errors than its label-only twin (40.0 against 65.0 of 1,000; "
    worse = "NLL 0.040 ± 0.014 against the ensemble's 0.025 ± 0.007"
    recovered = "It recovers 62% of the gap between the twin and the ensemble "
    assert find(SEEDS) == [
        difference + "2 paired seeds, 95% interval of the difference -38.5 to +88.5, sign-flip p = 0.5).",
        recovered + "(2 paired seeds, 95% interval -96% to 221%).",
        "It has 10 parameters, the ensemble 30.",
        f"Its probabilities are worse: {worse}. Lower is better; a fitted temperature may mend it.",
        "As they were trained, one example alone takes the ensemble 4 ms and the student 0.5 ms.",
    ]


def test_probabilities_that_are_worse_are_told_and_others_are_not():
    seed = outcome([30], None, 60, 30)
    assert not any("probabilities" in told for told in find([seed]))
    for name, (nll, ece) in {"student": (0.3, 0.1), "twin": (0.2, 0.05), "teacher": (0.3, 0.2)}.items():
        seed.measures[name][0] = replace(seed.measures[name][0], nll=nll, ece=ece)
    told = (
        "Its probabilities are worse: NLL 0.300 against the twin's 0.200, ECE 0.100 against the twin's 0.050. Lower is"
    )
    assert any(said.startswith(told) for said in find([seed]))
    seed.measures["student"][0] = replace(seed.measures["student"][0], nll=float("inf"), ece=0.01)
    assert any(
        said.startswith("Its probabilities are worse: NLL not finite against the teacher's 0.300, NLL")
        for said in find([seed])
    )


def test_more_twins_are_told_of_and_a_teacher_may_have_no_parameters():
    forests = [outcome([30], None, 60, 30) for _ in range(2)]
    for each in forests:
        each.measures["teacher"][0] = replace(each.measures["teacher"][0], parameters=None)
        each.measures["twin, plain rows"] = [each.measures["twin"][0]]
    rows = figures(forests, {})
    assert ("teacher", "parameters") not in {(row["setting"], row["metric"]) for row in rows}
    assert tabulate(rows)[0]["parameters"] == "–"
    told = (
        "The student makes 30.0 fewer test errors than a net on labels alone, plain rows, (30.0 against 60.0 of 1,000; "
    )
    assert told + "2 paired seeds, 95% interval of the difference +30.0 to +30.0, sign-flip p = 0.5)." in find(forests)


def test_one_seed_and_no_gap():
    difference = "The student makes 10.0 more test errors than its label-only twin (70.0 against 60.0 of 1,000; "
    over = "1 seed, 95% interval over test examples +1.5 to +18.5, exact McNemar p = 0.04)."
    assert find([outcome([60], None, 60, 70)])[0] == difference + over


def test_the_interval_is_of_as_many_more_as_are_told():
    worse = [outcome([30], None, twin, student) for twin, student in ((40, 60), (41, 62), (41, 58))]
    low, high = (f"{bound:+.1f}" for bound in paired_interval([60, 62, 58], [40, 41, 41])[1:])
    assert (
        "makes 19.3 more test errors than its label-only twin (60.0 against 40.7 of 1,000; 3 paired seeds, 95% "
        in (find(worse)[0])
    )
    assert f"interval of the difference {low} to {high}, " in find(worse)[0]
    assert low > "+0"


def test_a_share_below_zero_is_none_of_the_gap():
    none = "It recovers none of the gap between the twin and the teacher "
    seeds = [outcome([30], None, 60, student) for student in (70, 72, 74)]
    assert find(seeds)[1] == none + "(3 paired seeds, 95% interval -57% to -23%)."
    assert not any("gap" in told for told in find(seeds[:1]))  # one seed doesn't show that there is one


def test_a_share_recovered_has_its_n_and_its_interval():
    seeds = [outcome([30], None, twin, student) for twin, student in ((60, 40), (62, 41), (58, 41))]
    assert find(seeds)[1] == (
        "It recovers 64% of the gap between the twin and the teacher (3 paired seeds, 95% interval 56% to 71%)."
    )
    unsure = [outcome([teacher], None, 60, 40) for teacher in (30, 61)]
    assert find(unsure)[1].endswith("(2 paired seeds, and no interval: they don't show that there is a gap).")


def test_a_change_of_one_seed_is_told_with_what_its_examples_tell():
    assert difference_told([80], [70]) == "-10.0 test errors (1 seed)"
    told = difference_told([80], [70], one_seed=BY_TEN)
    assert told == "-10.0 test errors (1 seed, 95% interval over test examples -18.5 to -1.5, exact McNemar p = 0.04)"


def test_the_table_has_the_papers_figure_where_there_is_one():
    table = tabulate(figures(SEEDS, {("twin", "test errors"): 146.0}))
    assert [line["model"] for line in table] == ["teacher", "twin", "student", "ensemble"]
    assert table[1] == {
        "model": "twin",
        "seeds": "2",
        "test errors": "65.0 ± 7.1",
        "NLL": "0.065 ± 0.007",
        "Brier": "0.200 ± 0.000",
        "ECE": "0.100 ± 0.000",
        "agreement": "90.0 ± 0.0%",
        "parameters": "10",
        "latency p50 (ms)": "–",
        "paper's errors": "146",
    }
    assert table[0]["paper's errors"] == "–"
    assert "paper's errors" not in tabulate(figures(SEEDS, {}))[0]


def test_one_seed_has_no_spread():
    assert formatted(row_of("twin", "test errors", [14], None)) == "14.0"
