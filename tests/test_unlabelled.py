"""Evidence without labels: its rows, its sentences, and sets of which only some have labels."""

from dataclasses import replace
from pathlib import Path

import pytest

from limbeck import ArgumentError, Budget
from limbeck.data import Plain, load_digits
from limbeck.evidence import tabulate
from limbeck.judge import Fidelity
from limbeck.models import MLP
from limbeck.road import Journey
from limbeck.unlabelled import Likeness, likeness_figures, likeness_found


def likeness(agreement, kl, size=1000):
    return Likeness(
        taught_by="ensemble",
        fidelities={"ensemble": Fidelity(200, 1.0, 0.0), "student": Fidelity(200, agreement, kl)},
        parameters={"ensemble": size, "student": 100},
        seconds={"student": 2.0},
        latency_ms={"ensemble": 3.0, "student": 0.5},
        validation=Fidelity(50, 0.9, kl + 1),
        weights=Path("model.safetensors"),
    )


def test_one_seed_has_the_interval_over_test_rows():
    said = likeness_found([likeness(0.95, 0.0312)])
    assert said[1] == (
        "The student chooses the ensemble's class on 95.0% of 200 test rows (1 seed, 95% interval 91.0% to 97.3%); "
        "its divergence, KL(ensemble ‖ student), is 0.0312 nats."
    )
    assert said[2] == "It has 100 parameters, the ensemble 1,000."
    assert "takes the ensemble 3 ms and the student 0.5 ms" in said[3]
    assert likeness(0.9, 0.5).held_out_loss == 1.5


def test_several_seeds_have_their_spread_and_rows_of_record():
    own = [likeness(0.95, 0.03, None), likeness(0.97, 0.05, None)]
    said = likeness_found(own)
    assert "on 96.0% of 200 test rows (mean of 2 seeds, sd 1.4%)" in said[1]
    assert "is 0.04 ± 0.014 nats" in said[1]
    assert not any("parameters" in line for line in said)
    rows = likeness_figures(own)
    assert {(row["setting"], row["metric"]): row["values"] for row in rows} == {
        ("ensemble", "agreement"): [1.0, 1.0],
        ("ensemble", "KL (nats)"): [0.0, 0.0],
        ("ensemble", "latency p50 (ms)"): [3.0, 3.0],
        ("student", "agreement"): [0.95, 0.97],
        ("student", "KL (nats)"): [0.03, 0.05],
        ("student", "parameters"): [100.0, 100.0],
        ("student", "latency p50 (ms)"): [0.5, 0.5],
        ("student", "seconds"): [2.0, 2.0],
        ("ensemble, one example / student, one example", "ratio"): [6.0, 6.0],
    }
    table = tabulate(rows)
    assert [line["model"] for line in table] == ["ensemble", "student"]
    assert table[1] == {
        "model": "student",
        "seeds": "2",
        "agreement": "96.0 ± 1.4%",
        "parameters": "100",
        "KL (nats)": "0.040 ± 0.014",
        "latency p50 (ms)": "0.5000 ± 0.0000",
    }


def test_labels_are_there_in_all_sets_or_in_none():
    train, test = load_digits()
    train, validation = train.split(100)
    journey = Journey(
        train=train,
        validation=validation,
        test=test,
        make_student=lambda: MLP([64, 4, 10]),
        student_budget=Budget(),
        temperature=1.0,
        hard_weight=0.0,
        teacher=MLP([64, 4, 10]),
    )
    assert journey.labelled
    bare = {name: getattr(journey, name).without_labels() for name in ("train", "validation", "test")}
    assert not replace(journey, **bare).labelled
    with pytest.raises(ArgumentError, match=r"labels must be there in all sets, .* they lack in the digits test set"):
        replace(journey, test=bare["test"])
    with pytest.raises(ArgumentError, match=r"or in none and then for no twins"):
        replace(journey, **bare, other_twins={"plain": Plain()})
    with pytest.raises(ArgumentError, match=r"a journey must have one of make_teacher, teach and teacher"):
        replace(journey, teach=lambda seed: MLP([64, 4, 10]))


def test_one_teacher_of_all_seeds_is_one_value():
    rows = likeness_figures([likeness(0.95, 0.03), likeness(0.97, 0.05)], one_teacher=True)
    told = {(row["setting"], row["metric"]): row["n"] for row in rows}
    assert [told["ensemble", metric] for metric in ("agreement", "KL (nats)", "parameters")] == [1, 1, 1]
    assert [told["student", metric] for metric in ("agreement", "KL (nats)", "parameters")] == [2, 2, 2]
    assert [line["seeds"] for line in tabulate(rows)] == ["1", "2"]
