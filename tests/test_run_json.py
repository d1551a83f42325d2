"""run.json is what was written, or refused."""

import json
import math
from dataclasses import fields

import pytest
from finished_runs import FINISHED

from limbeck import RunError
from limbeck.evidence import row_of
from limbeck.judge import Fidelity, Judgement
from limbeck.report import Chart, Series
from limbeck.run_json import (
    ToldChart,
    ToldCost,
    ToldFidelity,
    ToldJudgement,
    ToldLatency,
    ToldSeries,
    read_finished,
    read_run,
    write_run,
)
from limbeck.ship.costs import Cost
from limbeck.ship.latency import Latency


def edited(folder, change):
    """Change the text of a finished run's run.json."""
    write_run(folder, FINISHED)
    path = folder / "run.json"
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before


def test_what_was_written_is_read(tmp_path):
    write_run(tmp_path, FINISHED)
    told = read_finished(tmp_path)
    assert {name: told[name] for name in FINISHED} == FINISHED
    write_run(tmp_path, {**told, "seeds": 2})  # sealed anew
    assert read_finished(tmp_path)["seeds"] == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"mean": 30.0', '"mean": 3.0'),
        lambda text: text.replace('"seeds": 1', '"seeds": 9'),
        lambda text: text.replace('"recipe": "digits"', '"recipe": "mnist"'),
        lambda text: text.replace('"seal": "', '"seal": "0'),
        lambda text: text.replace('"seal"', '"no seal"'),
        lambda text: text.replace('"findings": [', '"findings": ["It is better.", '),
    ],
)
def test_an_edited_one_is_refused(tmp_path, change):
    edited(tmp_path, change)
    for read in (read_run, read_finished):
        with pytest.raises(RunError, match=r"run.json is damaged: ") as caught:
            read(tmp_path)
        assert caught.value.hint == "delete it and run the same command again"


@pytest.mark.parametrize("rest", [0, 1, 300, -2])
def test_a_truncated_one_is_refused(tmp_path, rest):
    edited(tmp_path, lambda text: text[:rest])
    with pytest.raises(RunError, match="run.json is damaged"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"recipe": "\\ud800", "config": {}, "format": "", "seal": ""}', "3", "\0"]
)
def test_one_of_another_kind_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match="run.json is damaged"):
        read_run(tmp_path)


def test_one_of_an_earlier_version_can_be_gone_on_with_and_is_not_believed(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(FINISHED))
    assert read_run(tmp_path) == FINISHED
    with pytest.raises(RunError, match=r"of another version.*\n\nhint: run it again, .*: limbeck run digits"):
        read_finished(tmp_path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"rows": 3}, "'rows'"),
        ({"rows": [FINISHED["rows"][0], {**FINISHED["rows"][0], "n": "ten"}]}, "'n' of item 1"),
        ({"seeds": "two"}, "'seeds'"),
        ({"charts": [1]}, "'charts'"),
        ({"trackers": [{"name": "mlflow"}]}, "'trackers'"),
        ({"trackers": [{"name": "mlflow", "where": None, "id": "1"}]}, "'where'"),
        ({"cast": {"student": 3}}, "'cast'"),
        ({"costs": [{}]}, "'costs'"),
        ({"judgements": {"twin": [{}]}}, "'judgements'"),
        ({"findings": None}, "'findings'"),
    ],
)
def test_a_finished_one_has_its_form(tmp_path, damage, message):
    write_run(tmp_path, FINISHED | damage)
    with pytest.raises(RunError, match=f"run.json is damaged: .*{message}"):
        read_finished(tmp_path)


def test_a_finished_one_has_all_its_parts(tmp_path):
    write_run(tmp_path, {name: value for name, value in FINISHED.items() if name != "findings"})
    with pytest.raises(RunError, match="run.json is damaged: .*findings"):
        read_finished(tmp_path)
    write_run(tmp_path, {name: value for name, value in FINISHED.items() if name != "rows"})
    with pytest.raises(RunError, match="has not finished\n\nhint: go on with it: limbeck run digits"):
        read_finished(tmp_path)


def test_a_number_that_is_not_finite_is_null(tmp_path):
    rows = [row_of("student", "NLL", [0.5, math.inf, math.nan], None)]
    write_run(tmp_path, FINISHED | {"rows": rows, "config": {"rate": -math.inf}})
    json.loads((tmp_path / "run.json").read_text(), parse_constant=pytest.fail)
    told = read_finished(tmp_path)
    assert told["config"] == {"rate": None}
    assert [told["rows"][0][name] for name in ("mean", "sd", "values")] == [None, None, [0.5, None, None]]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (ToldLatency, Latency),
        (ToldCost, Cost),
        (ToldFidelity, Fidelity),
        (ToldJudgement, Judgement),
        (ToldSeries, Series),
        (ToldChart, Chart),
    ],
)
def test_what_is_told_of_a_value_are_its_fields(told, kind):
    assert list(told.__annotations__) == [each.name for each in fields(kind)]
