"""From measures to rows, table and sentences: counted by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from limbeck.evidence import Outcome, figures, find, formatted, row_of, tabulate
from limbeck.judge import Measures


def outcome(teacher, ensemble, twin, student, p=0.04):
    def measures(errors, size=10):
        return Measures(1000, errors, errors / 1000, 0.2, 0.1, 0.9, size)

    found = {"teacher": [measures(e) for e in teacher], "twin": [measures(twin)], "student": [measures(student)]}
    if ensemble is not None:
        found["ensemble"] = [measures(ensemble, 30)]
    latencies = {"teacher" if ensemble is None else "ensemble": 4.0, "student": 0.5}
    return Outcome(found, p, {"student": 2.0}, latencies, measures(student), Path())


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
    assert find(SEEDS) == [
        difference + "2 paired seeds, 95% interval of the difference -38.5 to +88.5, sign-flip p = 0.5).",
        "It recovers 62% of the gap between the twin and the ensemble.",
        "It has 10 parameters, the ensemble 30.",
        "One example alone takes the ensemble 4 ms and the student 0.5 ms.",
    ]


def test_more_twins_are_told_of_and_a_teacher_may_have_no_parameters():
    forests = [outcome([30], None, 60, 30) for _ in range(2)]
    for each in forests:
        each.measures["teacher"][0] = replace(each.measures["teacher"][0], parameters=None)
        each.measures["twin, plain rows"] = [each.measures["twin"][0]]
    rows = figures(forests, {})
    assert ("teacher", "parameters") not in {(row["setting"], row["metric"]) for row in rows}
    assert tabulate(rows)[0]["parameters"] == "–"
    assert "Labels alone, plain rows: 60.0 test errors; sign-flip p = 0.5." in find(forests)


def test_one_seed_and_no_gap():
    difference = "The student makes 10.0 more test errors than its label-only twin (70.0 against 60.0 of 1,000; "
    assert find([outcome([60], None, 60, 70)])[0] == difference + "1 seed, exact McNemar p = 0.04)."


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
