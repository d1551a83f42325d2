"""Results of record: found in the checkout, told in lines."""

import pytest

from limbeck import results
from limbeck.recipes import RECIPES
from limbeck.runs import told_config
from limbeck.settings import ALL_TRAININGS

UNRECORDED = {"cifar100-table"}  # it takes a GPU
RECORDED = [recipe for recipe in RECIPES if recipe.name not in UNRECORDED]


@pytest.fixture
def recorded(monkeypatch):
    row = {
        "setting": "twin",
        "metric": "test errors",
        "n": 5,
        "mean": 144.2,
        "sd": 3.14,
        "values": [144.2] * 5,
        "paper": 146.0,
    }
    time = {
        "setting": "twin",
        "metric": "seconds",
        "n": 5,
        "mean": 61.7,
        "sd": 1.0,
        "values": [61.7] * 5,
        "paper": None,
    }
    told = {"rows": [row, row | {"setting": "student", "paper": None, "n": 5}, time], "machine": "abacus"}
    monkeypatch.setattr(results, "load", lambda name: told if name == "known" else None)


@pytest.mark.usefixtures("recorded")
def test_expected_figures_are_told_with_the_papers():
    assert results.expected("known") == [
        "twin: 144.2 ± 3.1 test errors (paper: 146)",
        "student: 144.2 ± 3.1 test errors",
        "(5 seeds, 5 minutes of training of the nets in its rows, on abacus)",
    ]
    assert results.expected("other") == ["not recorded yet"]


def test_trainings_that_were_not_taken_count_where_all_are_told():
    time = {"metric": "seconds", "n": 2}
    rows = [{**time, "setting": "student", "values": [30.0, 30.0]}]
    told = "2 seeds, 1 minute of training of the nets in its rows, on m"
    assert results.made({"rows": rows, "seeds": 2, "machine": "m"}) == told
    rows.append({**time, "setting": "all trainings", "values": [600.0]})
    assert results.made({"rows": rows, "seeds": 2, "machine": "m"}) == "2 seeds, 10 minutes of training in all, on m"


def test_of_many_settings_the_plain_ones_and_the_papers_are_told_and_then_what_was_found(monkeypatch):
    row = {"metric": "test errors", "n": 5, "mean": 1.0, "sd": 0.0, "values": []}
    many = [{**row, "setting": f"student, T={t}", "paper": 74.0 if t == 2 else None} for t in range(1, 8)]
    plain = {**row, "setting": "twin", "paper": None}
    told = {"rows": [plain, *many], "findings": ["found"], "seeds": 5, "machine": "m"}
    monkeypatch.setattr(results, "load", lambda name: told)
    assert results.expected("many") == [
        "twin: 1.0 ± 0.0 test errors",
        "student, T=2: 1.0 ± 0.0 test errors (paper: 74)",
        "found",
        "(5 seeds, 0 minutes of training of the nets in its rows, on m)",
    ]


def test_where_each_setting_tells_its_accuracy_that_stands_for_the_recipe(monkeypatch):
    row = {"n": 3, "sd": 0.002, "values": [], "setting": "twin", "paper": 0.8}
    errors = row | {"metric": "test errors", "mean": 2000.0, "paper": None}
    told = {"rows": [errors, row | {"metric": "accuracy", "mean": 0.8}], "findings": [], "seeds": 3, "machine": "m"}
    monkeypatch.setattr(results, "load", lambda name: told)
    assert results.expected("cifar")[0] == "twin: 80.00 ± 0.20% accuracy (published: 80%)"
    told["rows"].append(errors | {"setting": "student"})
    assert results.expected("cifar")[0] == "twin: 2000.0 ± 0.0 test errors"


def test_where_words_are_counted_their_errors_stand_for_the_recipe(monkeypatch):
    row = {"n": 3, "sd": 0.002, "values": [], "paper": None}
    told = {
        "rows": [
            row | {"setting": "twin", "metric": "test errors", "mean": 15000.0},
            row | {"setting": "twin", "metric": "frame accuracy", "mean": 0.57, "paper": 0.589},
            row | {"setting": "twin, n-gram", "metric": "WER", "mean": 0.104, "paper": 0.109},
        ],
        "findings": ["Found."],
        "seeds": 3,
        "machine": "m",
    }
    monkeypatch.setattr(results, "load", lambda name: told)
    assert results.expected("an4")[0] == "twin, n-gram: 10.4 ± 0.2% WER (paper: 10.9%)"
    assert results.spread(told["rows"][1]) == "57.0 ± 0.2%"


def test_every_recipe_is_recorded_in_the_form_of_the_schema():
    assert [recipe.name for recipe in RECIPES if results.load(recipe.name) is None] == [
        recipe.name for recipe in RECIPES if recipe.name in UNRECORDED
    ]
    for recipe in RECORDED:
        told = results.load(recipe.name)
        assert told is not None
        assert told["recipe"] == recipe.name
        assert told["commit"]
        for row in told["rows"]:
            assert row["setting"].split(",")[0] in ("teacher", "ensemble", "twin", "student", ALL_TRAININGS)
            assert row["n"] == len(row["values"])
            assert row["mean"] == pytest.approx(sum(row["values"]) / row["n"])


def without_what_is_off(default, recorded):
    """Leave out options that came after the recording, as long as they are off (None)."""
    return {
        name: without_what_is_off(value, recorded[name]) if isinstance(value, dict) and name in recorded else value
        for name, value in default.items()
        if name in recorded or value is not None
    }


def what_counts(config):
    """Leave out the recipes on whose data a map was not drawn."""
    unread = {"clinc150", "cifar100"} - {config["source"]} if "source" in config else ()
    return {name: value for name, value in config.items() if name not in unread}


def test_configs_of_record_are_the_defaults():
    for recipe in RECORDED:
        told = results.load(recipe.name)
        assert told is not None
        recorded, default = what_counts(told["config"]), what_counts(told_config(recipe.config()))
        assert recorded == without_what_is_off(default, recorded)
