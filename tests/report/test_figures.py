import plotly.graph_objects as go
import pytest
import torch
from finished_runs import FINISHED
from scipy import stats

from limbeck.data import TransferSet
from limbeck.evidence import LATENCY, row_of
from limbeck.judge import recovered_interval
from limbeck.report import Figures, Judged, write_report
from limbeck.report.figures import Tracked
from limbeck.report.headline import headline
from limbeck.report.run_tables import cost_table, judgement_table
from limbeck.report.trade_offs import interval, points, trade_offs

ERRORS = {"teacher": [30, 32, 31], "ensemble": [20, 22, 21], "twin": [40, 44, 42], "student": [30, 34, 32]}
PARAMETERS = {"teacher": 1000, "ensemble": 10_000, "twin": 100, "student": 100}


def rows(*settings, seeds=3):
    errors = [row_of(name, "test errors", ERRORS[name][:seeds], None) for name in settings]
    sizes = [row_of(name, "parameters", [PARAMETERS[name]] * seeds, None) for name in settings]
    times = [row_of(name, LATENCY, [time], None) for name, time in (("ensemble", 3.0), ("student", 0.5))]
    return [*errors, *sizes, *[row for row in times if row["setting"] in settings]]


def cost(name, size=4000, p50=0.25, python=None):
    latency = {"p50_ms": p50, "p99_ms": 2 * p50, "calls": 200}
    many = {"p50_ms": 10 * p50, "p99_ms": 12 * p50, "calls": 200}
    told = {"parameters": 100, "macs": 90, "size_bytes": size, "peak_memory_bytes": 123_456}
    return {"name": name, "one": latency, "many": many, "from_python_ms": python, **told}


def test_the_headline_tells_errors_share_size_and_speed():
    low, high = recovered_interval(ERRORS["twin"], ERRORS["ensemble"], ERRORS["student"])
    assert headline(rows(*ERRORS), [], 900) == (
        "The student makes 32.0 test errors in 900, its label-only twin 42.0 and the ensemble 21.0 (means of 3 seeds): "
        f"it recovers 48% of the gap (95% interval {low:.0%} to {high:.0%}). "
        "Beside the ensemble it has 100 × fewer parameters and answers one example 6 × faster."
    )


def test_the_headlines_speed_says_who_has_no_file():
    costs = [cost("ensemble, ONNX", p50=8.0), cost("student, ONNX", p50=0.25)]
    said = "answers one example 32 × faster (it in ONNX Runtime, the ensemble as it is called)."
    assert headline(rows(*ERRORS), costs, 900).endswith(said)


def test_the_headlines_speed_is_told_as_python_asks_too():
    costs = [cost("ensemble, ONNX", p50=8.0, python=8.0), cost("student, ONNX", python=1.0)]
    said = "answers one example 32 × faster in ONNX Runtime (8 × asked from Python)."
    assert headline(rows(*ERRORS), costs, 900).endswith(said)


def test_a_gap_that_the_seeds_do_not_show_has_no_interval():
    told = [row_of(name, "test errors", errors, None) for name, errors in (("teacher", [30, 50]), ("twin", [41, 42]))]
    said = headline([*told, row_of("student", "test errors", [40, 41], None)], [], 900)
    assert said.endswith("of the gap (and no interval: they don't show that there is a gap).")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "2025-01-01, on a machine, 1 thread, by limbeck 0 and torch ?."),
        (
            {"commit": 40 * "a" + "+", "threads": 2, "versions": {"limbeck": "1", "torch": "2"}},
            "2025-01-01, on a machine, 2 threads, by limbeck 1 (commit aaaaaaaaaaaa+) and torch 2.",
        ),
    ],
)
def test_the_page_tells_where_a_run_was_made_when_and_by_what(tmp_path, changes, told):
    record = Figures.of(FINISHED | changes, 900)
    assert record.where == told
    data = TransferSet(torch.zeros(2, 1), torch.tensor([0, 1]))
    page = write_report(
        tmp_path / "page.html", "it", [Judged("student", torch.eye(2))], data, config={}, figures=record
    )
    assert f'<p class="aside">{told}</p>' in page.read_text()


def test_a_headline_without_an_ensemble_or_a_gap():
    said = headline(rows("teacher", "twin", "student", seeds=1), [], 900)
    assert "and the teacher 30.0 (1 seed). Beside the teacher it has 10 × fewer" in said
    bare = headline(rows("twin", "student"), [], 900)
    assert bare == "The student makes 32.0 test errors in 900, its label-only twin 42.0 (means of 3 seeds)."


def three_settings(twin, student):
    errors = {"teacher": [30, 30, 30], "twin": twin, "student": student}
    return [row_of(name, "test errors", values, None) for name, values in errors.items()]


def test_a_headline_tells_no_share_where_student_and_twin_are_not_shown_to_differ():
    said = headline(three_settings([60, 62, 61], [50, 70, 58]), [], 900)
    assert said.endswith(
        "and the teacher 30.0 (means of 3 seeds): that the student differs from its twin is not shown."
    )


def test_a_share_below_zero_is_none_of_the_gap():
    said = headline(three_settings([60, 60, 60], [70, 72, 74]), [], 900)
    assert said.endswith("(means of 3 seeds): it recovers none of the gap (95% interval -57% to -23%).")


def test_without_a_twin_there_is_no_headline():
    assert headline(rows("teacher", "student"), [], 900) == ""


def test_a_smoke_run_has_no_headline():
    told = FINISHED | {"rows": rows(*ERRORS), "smoke": True}
    assert Figures.of(told, 900).headline == ""
    assert Figures.of({**told, "smoke": False}, 900).headline != ""


def test_an_interval_over_seeds_is_students():
    low, high = interval([30, 34, 32], 900)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 2, 32, stats.sem([30, 34, 32])))


def test_an_interval_of_one_seed_is_over_its_examples():
    expected = stats.binomtest(30, 900).proportion_ci(0.95, method="wilson")
    assert interval([30.0], 900) == pytest.approx((900 * expected.low, 900 * expected.high))


def test_points_have_the_costs_of_the_files_and_a_twin_those_of_its_student():
    shipped = [row_of("student, int8", "test errors", [33], None), row_of("student, ONNX", "test errors", [32], None)]
    costs = [cost("ensemble, ONNX", 40_000, 8.0), cost("student, ONNX"), cost("student, int8", 1500, 0.2)]
    found = {point.setting: point for point in points([*rows(*ERRORS), *shipped], costs, 900)}
    assert list(found) == ["teacher", "ensemble", "twin", "student", "student, int8"]
    assert {name: (point.size, point.latency) for name, point in found.items()} == {
        "teacher": (None, None),
        "ensemble": (40_000, 8.0),
        "twin": (4000, 0.25),
        "student": (4000, 0.25),
        "student, int8": (1500, 0.2),
    }


def test_errors_are_drawn_against_bytes_where_known_else_against_parameters():
    bare = trade_offs(points(rows(*ERRORS), [], 900), 900)
    assert [picture.key for picture in bare] == ["cost-parameters", "cost-latency"]
    assert [mark["x"] for mark in bare[0].figure["data"]] == [[1000], [10_000], [100], [100]]
    costs = [cost("ensemble, ONNX", 40_000, 8.0), cost("student, ONNX")]
    shipped = trade_offs(points(rows(*ERRORS), costs, 900), 900)
    assert [picture.key for picture in shipped] == ["cost-size", "cost-latency"]
    assert [mark["x"] for mark in shipped[1].figure["data"]] == [[8.0], [0.25], [0.25]]


def test_a_point_has_its_interval_and_its_words():
    picture = trade_offs(points(rows(*ERRORS), [], 900), 900)[0]
    student = picture.figure["data"][-1]
    low, high = interval(ERRORS["student"], 900)
    assert student["y"] == [32.0]
    assert student["error_y"]["array"] == pytest.approx([high - 32], rel=1e-4)
    assert student["error_y"]["arrayminus"] == pytest.approx([32 - low], rel=1e-4)
    assert f"student 32.0 ({low:.1f} to {high:.1f}, 3 seeds) at 100." in picture.caption


@pytest.mark.parametrize(
    ("largest", "ticks"),
    [
        (300, ["10", "20", "50", "100", "200", "500", "1,000"]),
        (2_000_000, ["10", "100", "1,000", "10,000", "100,000", "1 M", "10 M"]),
    ],
)
def test_ticks_are_written_in_full_between_few_decades_too(largest, ticks):
    found = points(
        rows("ensemble", "twin", "student"), [cost("ensemble, ONNX", largest), cost("student, ONNX", 30)], 900
    )
    across = trade_offs(found, 900)[0].figure["layout"]["xaxis"]
    assert (across["type"], across["ticktext"]) == ("log", ticks)
    assert across["tickvals"] == pytest.approx([float(tick.replace(",", "").replace(" M", "e6")) for tick in ticks])
    assert 10 ** across["range"][0] < 30 < largest < 10 ** across["range"][1]


def test_nothing_is_drawn_of_nets_of_one_size():
    assert trade_offs(points(rows("twin", "student"), [], 900), 900) == []


def test_plotly_knows_every_property_of_the_pictures():
    for picture in trade_offs(points(rows(*ERRORS), [], 900), 900):
        go.Figure(picture.figure)


def test_the_table_of_costs():
    line, asked = cost_table([{**cost("teacher"), "size_bytes": None, "macs": None}, cost("student", python=0.3456)])
    assert asked["from Python, 1 (ms)"] == "0.346"
    assert line == {
        "model": "teacher",
        "parameters": "100",
        "MACs": "–",
        "bytes": "–",
        "p50, 1 (ms)": "0.25",
        "p99, 1 (ms)": "0.5",
        "p50, 64 (ms)": "2.5",
        "p99, 64 (ms)": "3",
        "from Python, 1 (ms)": "–",
        "peak memory (bytes)": "123,456",
    }


def judgement(nll, temperature=2.0, kl=0.5):
    told = {"examples": 900, "errors": 3, "nll": nll, "brier": 0.25, "ece": 0.01, "temperature": temperature}
    told |= {"calibrated_nll": temperature and nll / 2, "calibrated_ece": temperature and 0.005, "start": None}
    of = {"examples": 900, "agreement": 0.9, "kl": kl}
    return {**told, "test": of, "teacher_right": of, "teacher_wrong": {**of, "agreement": None}, "training": None}


def test_the_table_of_judgements_has_means_and_intervals():
    (line,) = judgement_table({"student": [judgement(0.2), judgement(0.4), judgement(0.3)]})
    low, high = stats.t.interval(0.95, 2, 0.3, stats.sem([0.2, 0.4, 0.3]))
    assert line["NLL"] == f"0.300 ({low:.3f} to {high:.3f})"
    assert (line["seeds"], line["examples"]) == ("3", "900")
    assert (line["fitted T"], line["agreement"]) == ("2.000 (2.000 to 2.000)", "90.0% (90.0% to 90.0%)")
    assert "KL, training" not in line
    assert "agreement, teacher wrong" not in line


def test_a_judgement_of_one_seed_has_no_interval_and_what_lacks_is_told():
    first, second = judgement_table(
        {"twin": [judgement(0.25)], "student": [judgement(0.2), judgement(0.4), judgement(0.3, temperature=None)]}
    )
    assert first["NLL"] == "0.250"
    assert second["fitted T"] == "2.000 (2.000 to 2.000, n = 2)"
    none = judgement_table({"twin": [judgement(0.2, temperature=None)], "student": [judgement(0.2)]})
    assert [line["ECE after"] for line in none] == ["–", "0.005"]


@pytest.mark.parametrize(
    ("where", "link"),
    [
        ("https://tracker.example/runs/1", True),
        ("http://127.0.0.1:5000/#/experiments/1", True),
        ("javascript:alert(1)", False),
        ("JavaScript://x.example/%0aalert(1)", False),
        ("data:text/html,x", False),
        ("file:///tmp/x", False),
        ("tensorboard", False),
    ],
)
def test_only_addresses_of_the_web_become_links(tmp_path, models, test_set, where, link):
    assert (Tracked("mlflow", where).link is not None) == link
    told = FINISHED | {"rows": [], "trackers": [{"name": "<b>mlflow</b>", "where": where, "id": "1"}]}
    path = write_report(tmp_path / "page.html", "t", models, test_set, config={}, figures=Figures.of(told, 6))
    page = path.read_text(encoding="utf-8")
    assert (f'<a href="{where}"' in page) == link
    assert page.count("<a ") == int(link)
    assert "&lt;b&gt;mlflow&lt;/b&gt;" in page


def test_what_lies_beside_the_page_is_told_by_its_folder(tmp_path, models, test_set):
    entries = [("tensorboard", "tensorboard"), ("wandb", "wandb/offline-run-1"), ("wandb", "https://wandb.ai/me/1"),
               ("mlflow", "sqlite:///a.db")]  # fmt: skip
    told = FINISHED | {"rows": [], "trackers": [{"name": name, "where": where, "id": "1"} for name, where in entries]}
    path = write_report(tmp_path / "page.html", "t", models, test_set, config={}, figures=Figures.of(told, 6))
    page = path.read_text()
    for line in (
        "tensorboard: in the folder tensorboard/ beside this page",
        "wandb: in the folder wandb/offline-run-1/ beside this page",
        'wandb: <a href="https://wandb.ai/me/1"',
        "mlflow: sqlite:///a.db",
    ):
        assert f"<li>{line}" in page


def test_the_page_has_the_headline_above_the_findings_and_all_tables(tmp_path, models, test_set):
    told = FINISHED | {"rows": rows(*ERRORS), "judgements": {"student": [judgement(0.2)]}}
    own = Figures.of({**told, "costs": [cost("ensemble, ONNX", 40_000, 8.0), cost("student, ONNX")]}, 900)
    path = write_report(
        tmp_path / "page.html", "t", models, test_set, config={"a": 1}, findings=["It is."], figures=own
    )
    page = path.read_text(encoding="utf-8")
    assert page.index('class="headline"') < page.index("It is.") < page.index('id="figures-table"')
    assert page.count('class="headline"') == 1
    for table in ("figures", "costs", "judgements", "classes", "config"):
        assert f'data-copy="{table}-table"' in page
    assert page.count('data-figure="cost-') == 2
