"""The page in a browser: what is computed, switched and laid out there."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from limbeck.data import TransferSet
from limbeck.report import Judged

BARS = """() => [...document.querySelectorAll("#soft-examples .bars")].map((table) =>
    [...table.tBodies[0].rows].map((row) => [...row.cells].slice(1).map((cell) => ({
        width: parseFloat(cell.querySelector(".bar").style.width) / 100,
        text: cell.querySelector(".probability").textContent}))))"""


def softmax(logits, temperature):
    scaled = np.asarray(logits, float) / temperature
    powers = np.exp(scaled - scaled.max())
    return powers / powers.sum()


def bars(page):
    """Return probabilities (examples, classes, models) as drawn."""
    return np.array([[[cell["width"] for cell in row] for row in table] for table in page.evaluate(BARS)])


def expected_bars(page, models, rows, temperature):
    pair = [models[0], models[2]]
    return np.stack([np.stack([softmax(model.logits[row], temperature) for model in pair], -1) for row in rows])


def rows_shown(page):
    return [int(text.split(",")[0].split()[1]) for text in page.locator("#soft-examples h4").all_inner_texts()]


def test_bars_start_at_the_configured_temperature(opened, models, test_set):
    page = opened(models, test_set, config={"temperature": 2.5}, drawn=False)
    assert page.locator("#temperature-now").inner_text() == "2.50"
    np.testing.assert_allclose(bars(page), expected_bars(page, models, rows_shown(page), 2.5), atol=1e-5)


def test_the_slider_softens_every_bar(opened, models, test_set):
    page = opened(models, test_set, config={"temperature": 4}, drawn=False)
    slider = page.locator("#temperature")
    for key in ("End", "ArrowLeft", "PageDown", "Home"):
        slider.press(key)
        temperature = float(page.locator("#temperature-now").inner_text())
        assert slider.get_attribute("aria-valuetext") == page.locator("#temperature-now").inner_text()
        np.testing.assert_allclose(bars(page), expected_bars(page, models, rows_shown(page), temperature), atol=1e-5)
    assert temperature == 1
    page.get_by_role("button", name="Back to 4").last.click()
    assert page.locator("#temperature-now").inner_text() == "4.00"


def test_the_slider_is_logarithmic_and_meets_whole_numbers(opened, models, test_set):
    page = opened(models, test_set, drawn=False)
    page.locator("#temperature").press("End")
    assert page.locator("#temperature-now").inner_text() == "20.0"
    page.locator("#temperature").fill("100")
    assert float(page.locator("#temperature-now").inner_text()) == pytest.approx(20**0.5, rel=1e-3)
    seen = page.evaluate("""() => [...Array(201).keys()].map((place) => {
        const slider = document.getElementById("temperature");
        slider.value = place;
        slider.dispatchEvent(new Event("input"));
        return Number(document.getElementById("temperature-now").value);
    })""")
    assert set(range(1, 21)) <= set(seen)
    assert seen == sorted(seen)


def test_probabilities_are_printed(opened, test_set):
    logits = torch.tensor([[0.0, -14.0, -torch.inf]]).repeat(6, 1)
    page = opened([Judged("teacher", logits)], test_set, config={"temperature": 1}, drawn=False)
    assert [row[0]["text"] for row in page.evaluate(BARS)[0]] == ["1.000", "8e−7", "0"]


def test_other_classes_share_the_last_bar(opened):
    logits = torch.randn(3, 60, generator=torch.Generator().manual_seed(1))
    page = opened([Judged("teacher", logits)], TransferSet(torch.zeros(3, 2)), config={"temperature": 3})
    row = rows_shown(page)[0]
    ranked = np.sort(softmax(logits[row], 3))[::-1]
    np.testing.assert_allclose(bars(page)[0, :, 0], [*ranked[:10], ranked[10:].sum()], atol=1e-3)


@pytest.mark.parametrize(("scheme", "other"), [("light", "Dark page"), ("dark", "Light page")])
def test_the_button_turns_page_and_pictures(opened, models, test_set, scheme, other):
    page = opened(models, test_set, scheme=scheme)
    colours = """() => [getComputedStyle(document.body).backgroundColor,
        document.querySelector(".js-line").style.stroke, document.querySelector(".xtick text").style.fill]"""
    before = page.evaluate(colours)
    page.get_by_role("button", name=other).click()
    after = page.evaluate(colours)
    assert all(a != b for a, b in zip(before, after, strict=True))
    page.get_by_role("button", name="Dark page" if scheme == "dark" else "Light page").click()
    assert page.evaluate(colours) == before


def test_the_page_follows_the_system(opened, models, test_set):
    page = opened(models, test_set)
    before = page.evaluate("document.querySelector('.js-line').style.stroke")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("before => document.querySelector('.js-line').style.stroke !== before", arg=before)


def test_a_phone_has_no_sideways_scroll(opened, models, test_set):
    table = [{"model": "student", **{f"a long column {number}": "1,234.5 ± 6.7" for number in range(9)}}]
    page = opened(models, test_set, width=390, table=table, command="limbeck run " + "--option value " * 30)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("(box => box.scrollWidth > box.clientWidth)(document.querySelector('.wide'))")


@pytest.mark.parametrize("name", ["a" * 5000, "👩‍👩‍👧‍👦" * 60, "a-name/of.many_parts" * 30])
def test_long_names_break_on_a_phone(opened, models, test_set, name):
    names = (name, f"{name}s", "cow")
    said = {"title": name, "note": name, "findings": [name], "command": name, "config": {name: name}}
    page = opened(models, replace(test_set, class_names=names, name=name), width=390, **said)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    theme = page.locator("#theme").bounding_box()
    assert theme["x"] + theme["width"] <= 390


def test_a_table_that_goes_on_sideways_says_so(opened, models, test_set):
    table = [{"model": "student", **{f"a long column {number}": "1,234.5 ± 6.7" for number in range(9)}}]
    page = opened(models, test_set, width=390, table=table, drawn=False)
    said = page.locator("#figures-table").locator("xpath=../following-sibling::p[1]").locator(".sideways")
    said.wait_for(state="visible")
    page.set_viewport_size({"width": 1900, "height": 900})
    page.add_style_tag(content="body { max-width: none }")
    said.wait_for(state="hidden")
    page.get_by_text("Each class’s figures").click()
    assert page.locator("#classes-table").is_visible()
    page.set_viewport_size({"width": 390, "height": 900})
    page.locator("details .sideways").wait_for(state="visible")


@pytest.mark.parametrize("classes", [26, 100])
def test_matrices_of_many_classes_lie_side_by_side(opened, classes):
    labels = torch.arange(classes)
    cast = [Judged(name, torch.eye(classes)) for name in ("teacher", "twin", "student")]
    page = opened(cast, TransferSet(torch.zeros(classes, 1), labels))
    tops = [plot.bounding_box()["y"] for plot in page.locator(".matrix .plot").all()]
    assert len(tops) == 3
    assert len(set(tops)) == 1


def test_names_stay_text(opened, models, test_set):
    page = opened(models, test_set)
    assert "<script>alert(1)</script>" in page.locator("article").first.inner_text()
    assert page.locator(".matrix .xaxislayer-above").last.text_content() == "ant<script>alert(1…cow"


def test_the_table_is_copied_as_tab_separated_values(opened, models, test_set):
    page = opened(models, test_set, drawn=False)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the table").click()
    page.get_by_text("Copied.").wait_for()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0].split("\t") == ["model", "errors", "accuracy", "NLL", "ECE", "agreement"]
    assert lines[3].split("\t")[:3] == ["student", "1", "83.33%"]


def test_every_control_has_a_name_and_headings_go_in_order(opened, models, test_set):
    page = opened(models, test_set, command="limbeck run farm", drawn=False)
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((heading) => Number(heading.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.locator("header").count() == page.locator("main").count() == page.locator("footer").count() == 1
    for plot in page.locator(".plot").all():
        assert len(plot.get_attribute("aria-label")) > 20
    assert all(image.get_attribute("alt") for image in page.locator("img").all())
    assert all(button.text_content() for button in page.locator("button").all())


def test_a_page_of_nothing_but_one_unlabelled_model(opened):
    page = opened([Judged("net", torch.zeros(2, 3))], TransferSet(torch.zeros(2, 5)), scheme="dark")
    assert page.locator("h2").all_inner_texts() == ["Results", "Soft targets"]
