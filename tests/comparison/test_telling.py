"""A comparison's tables, JSON and page, on small runs that were really made."""

import json
from dataclasses import replace

import pytest
from compared_runs import finished, small_runs

from limbeck.comparison import differences, page_of, read_runs, table_of, told_comparison
from limbeck.comparison.telling import warnings_of
from limbeck.evidence import formatted
from limbeck.judge import seeds_interval
from limbeck.report.comparison_page import write_comparison
from limbeck.report.trade_offs import interval


@pytest.fixture(scope="module", name="small_runs")
def made_runs(tmp_path_factory):
    return small_runs(tmp_path_factory.getbasetemp())


@pytest.fixture
def runs(small_runs):
    return read_runs([small_runs / name for name in ("warm", "hot", "narrow")])


def test_the_table_has_each_runs_figures(runs):
    table = table_of(runs)
    assert [line["run: setting"] for line in table] == [
        f"{run}: {part}" for run in ("warm", "hot", "narrow") for part in ("teacher", "twin", "student")
    ]
    assert len({tuple(line) for line in table}) == 1
    rows = {(row["setting"], row["metric"]): row for row in runs[1].rows}
    hot = table[5]
    assert (hot["seeds"], hot["test errors"]) == ("2", formatted(rows["student", "test errors"]))
    assert hot["NLL"] == formatted(rows["student", "NLL"])
    after = [each.calibrated_nll for each in runs[1].student]
    assert hot["NLL at fitted T"].startswith(f"{sum(after) / 2:.3f} ± ")


def test_starts_make_pairs_where_the_nets_are_the_same(runs):
    paired = {(each.first.name, each.second.name): each.paired for each in differences(runs)}
    assert paired == {("warm", "hot"): True, ("warm", "narrow"): False, ("hot", "narrow"): False}


def test_what_differs_is_told(runs):
    page = page_of(runs)
    settings = {line["setting"]: line for line in page.settings}
    assert list(settings) == ["student_hidden", "temperature"]
    assert settings["temperature"] == {"setting": "temperature", "warm": "4.0", "hot": "20.0", "narrow": "4.0"}
    assert [line["run"] for line in page.made] == ["warm", "hot", "narrow"]
    assert page.made[1]["command"].startswith("limbeck run digits --smoke")
    assert page.warnings == [f"{name}: A smoke run: its figures mean nothing." for name in ("warm", "hot", "narrow")]
    lines = page.differences
    assert [line["seeds"] for line in lines] == ["2 paired", "2 and 1", "2 and 1"]
    low, high = seeds_interval(runs[0].errors, runs[1].errors)[1:]
    assert [line["bootstrap"] for line in lines] == [f"{low:+.1f} to {high:+.1f}", "–", "–"]
    assert lines[1]["p"] == lines[1]["95% interval"] == "–"
    assert lines[1]["McNemar p"] != "–"
    for line, own in zip(lines, differences(runs), strict=True):
        assert line["verdict"] == "too few seeds to tell"
        assert line["nets of seed 0"] == own.nets


def test_json_tells_the_figures_behind_each_verdict(runs):
    told = json.loads(json.dumps(told_comparison(runs), allow_nan=False))
    first = told["differences"][0]
    own = differences(runs)[0]
    assert (first["first"], first["second"], first["verdict"]) == ("warm", "hot", own.verdict)
    assert first["seeds"]["errors"] == own.of_seeds.errors
    assert first["seeds"]["bootstrap"] == list(own.of_seeds.bootstrap)
    assert (first["seed 0"]["p"], first["seed 0"]["finding"]) == (own.of_nets.p, own.nets)
    assert {each["verdict"] for each in told["differences"]} == {"too few seeds to tell"}
    assert {row["run"] for row in told["rows"]} == {"warm", "hot", "narrow"}


def test_the_page_is_one_file_with_all_of_it(runs, tmp_path):
    page = page_of(runs)
    text = write_comparison(tmp_path / "p" / "compare.html", page).read_text()
    assert "<title>Limbeck: 3 runs compared</title>" in text
    assert "Judged on 897 examples of the digits test set." in text
    for word in ("temperature", "student_hidden", "too few seeds to tell", "Copy the differences", "Copy the table"):
        assert word in text
    assert text.count("data-copy=") == 4
    figure = json.loads(text.split('<script type="application/json" id="figures">')[1].split("</script>")[0])
    (student,) = [line for line in figure["compared-errors"]["data"] if line["name"] == "student"]
    assert student["y"] == ["warm", "hot", "narrow"]
    assert figure["compared-errors"]["layout"]["yaxis"]["autorange"] == "reversed"  # the first run comes first
    low, high = interval(runs[0].errors, 897)
    mean = sum(runs[0].errors) / 2
    assert student["x"][0] == pytest.approx(mean)
    assert student["error_x"]["array"][0] == pytest.approx(high - mean, rel=1e-4)
    assert student["error_x"]["arrayminus"][0] == pytest.approx(mean - low, rel=1e-4)
    assert page.errors[2].values == runs[0].errors
    assert (tmp_path / "p" / "compare.html").stat().st_size < 6e6


def test_only_runs_that_mean_nothing_are_warned_of():
    whole, smoke = finished("whole", [3]), replace(finished("quick", [4]), smoke=True)
    assert warnings_of([whole, smoke]) == ["quick: A smoke run: its figures mean nothing."]
    assert warnings_of([whole]) == []


def test_names_are_shown_and_never_run(tmp_path):
    evil = "<script>alert(1)</script>"
    page = page_of([finished(evil, [3]), finished("b", [4])])
    text = write_comparison(tmp_path / "compare.html", page).read_text()
    assert evil not in text
    assert "&lt;script&gt;alert(1)" in text


def test_without_other_settings_the_page_says_so(tmp_path):
    first, second = finished("a", [3]), finished("b", [4])
    second.config["name"] = "a"
    text = write_comparison(tmp_path / "compare.html", page_of([first, second])).read_text()
    assert "No setting of theirs differs." in text
