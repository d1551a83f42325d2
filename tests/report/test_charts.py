import json
import re

import plotly.graph_objects as go
import pytest

from limbeck.report import Chart, Series, write_report
from limbeck.report.charts import pictures_of, tone_of


def chart(*series, **fields):
    return Chart("heat", "Errors by heat", "temperature T", "test errors", list(series), **fields)


def sizes():
    return (
        Series("30 units", [1.0, 2.5, 8.0], [140.0, 120.5, 131.0], [3.0, 2.25, 4.0]),
        Series("800 units", [1.0, 20.0], [146.0, 74.0], [5.0, 1.5]),
    )


def drawn(*series, **fields):
    (picture,) = pictures_of([chart(*series, **fields)])
    return picture


def test_a_line_holds_its_series_and_its_sds():
    small, large = drawn(*sizes()).figure["data"]
    assert (small["name"], small["x"], small["y"]) == ("30 units", [1.0, 2.5, 8.0], [140.0, 120.5, 131.0])
    assert (small["error_y"]["type"], small["error_y"]["array"]) == ("data", [3.0, 2.25, 4.0])
    assert (large["name"], large["x"], large["y"]) == ("800 units", [1.0, 20.0], [146.0, 74.0])
    assert large["error_y"]["array"] == [5.0, 1.5]


def test_what_was_varied_is_logarithmic_and_marked_at_each_place():
    axis = drawn(*sizes()).figure["layout"]["xaxis"]
    assert (axis["type"], axis["title"]["text"]) == ("log", "temperature T")
    assert (axis["tickvals"], axis["ticktext"]) == ([1.0, 2.5, 8.0, 20.0], ["1", "2.5", "8", "20"])


@pytest.mark.parametrize(("log_y", "kind"), [(False, "linear"), (True, "log")])
def test_the_figures_axis_is_logarithmic_where_asked(log_y, kind):
    axis = drawn(*sizes(), log_y=log_y).figure["layout"]["yaxis"]
    assert (axis["type"], axis["title"]["text"]) == (kind, "test errors")
    assert ("ticktext" in axis) == log_y


def test_the_caption_tells_where_each_line_is_lowest():
    expected = "mean and sd. 30 units: lowest 120.5 at 2.5; 800 units: lowest 74 at 20."
    assert drawn(*sizes()).caption == f"Test errors over temperature T, {expected}"


def test_of_equal_lowest_places_the_first_is_told():
    assert drawn(Series("a", [1.0, 2.0, 4.0], [9.0, 7.0, 7.0], [0.0, 0.0, 0.0])).caption.endswith("lowest 7 at 2.")


def test_lines_differ_in_colour_and_in_dash():
    lines = drawn(*(Series(str(n), [1.0], [1.0], [0.0]) for n in range(5))).figure["data"]
    assert len({line["line"]["color"] for line in lines}) == len({line["line"]["dash"] for line in lines}) == 5
    for place, line in enumerate(lines):
        colour = f"var(--{tone_of(place)})"
        assert {line[part]["color"] for part in ("line", "marker", "error_y")} == {colour}
    assert tone_of(5) == tone_of(0)


def test_names_of_series_are_text_for_plotly_too():
    picture = drawn(Series("<script>alert(1)</script>", [1.0], [1.0], [0.0]))
    assert "<script" not in json.dumps(picture.figure)
    assert picture.figure["data"][0]["name"] == "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_plotly_knows_every_property_of_a_chart():
    go.Figure(drawn(*sizes(), log_y=True).figure)


def test_charts_are_drawn_before_the_note(tmp_path, models, test_set):
    evil = Series("<script>alert(2)</script>", [1.0, 2.0], [5.0, 4.0], [1.0, 1.0])
    charts = [chart(*sizes()), Chart("few", "Errors by share", "share", "errors", [evil])]
    path = write_report(tmp_path / "page.html", "t", models, test_set, config={}, note="A note.", charts=charts)
    page = path.read_text(encoding="utf-8")
    told = [
        "Results</h2>",
        "What was varied</h2>",
        "Errors by heat</h3>",
        "Errors by share</h3>",
        "A note.",
        "Training<",
    ]
    places = [page.index(text) for text in told]
    assert places == sorted(places)
    assert page.count('data-figure="chart-heat"') == page.count('data-figure="chart-few"') == 1
    assert "&lt;script&gt;alert(2)&lt;/script&gt;: lowest 4 at 2." in page
    assert "<script>alert(2)" not in page
    figures = json.loads(re.search(r'<script type="application/json" id="figures">(.*?)</script>', page)[1])
    assert [line["y"] for line in figures["chart-heat"]["data"]] == [[140.0, 120.5, 131.0], [146.0, 74.0]]


def test_without_charts_the_page_has_no_such_section(tmp_path, models, test_set):
    page = write_report(tmp_path / "page.html", "t", models, test_set, config={}).read_text(encoding="utf-8")
    assert "What was varied" not in page
    assert 'data-figure="chart-' not in page
