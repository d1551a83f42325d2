"""Mistakes and soft targets on the page: what is shown of which examples, by mouse and by keyboard."""

import numpy as np
import pytest
import torch

from limbeck.data import TransferSet
from limbeck.report import Judged

BEE = "<script>alert(1)</script>"  # the name of class 1


def shown(page, where):
    return [int(text.split(",")[0].split()[1]) for text in page.locator(f"{where} h4").all_inner_texts()]


def told(page, part):
    return page.locator(part).inner_text()


def click_cell(page, matrix, label, choice, classes=3):
    box = page.locator(".matrix .plot").nth(matrix).locator(".nsewdrag").last.bounding_box()
    place = {"x": box["width"] * (choice + 0.5) / classes, "y": box["height"] * (label + 0.5) / classes}
    page.locator(".matrix .plot").nth(matrix).locator(".nsewdrag").last.hover(position=place)
    page.wait_for_timeout(100)  # plotly looks where the pointer is every 50 ms
    page.locator(".matrix .plot").nth(matrix).locator(".nsewdrag").last.click(position=place)


def test_a_click_on_a_cell_shows_the_examples_behind_it(farm):
    click_cell(farm, 2, 1, 2)
    assert told(farm, "#cell-title") == f"{BEE} taken for cow by the student"
    assert shown(farm, "#cell-examples") == [4]
    assert "1 test example." in told(farm, "#cell-told")
    card = farm.locator("#cell-examples article")
    assert card.locator(".choices").inner_text() == f"teacher {BEE}, twin {BEE}, student cow"
    assert card.locator("img").get_attribute("alt") == "Input of example 4"
    click_cell(farm, 1, 2, 1)
    assert told(farm, "#cell-title") == f"cow taken for {BEE} by the twin"
    assert shown(farm, "#cell-examples") == [5]
    assert farm.locator("#cell-examples thead th").all_inner_texts()[1:] == ["teacher", "twin"]


def test_a_click_on_the_diagonal_shows_right_answers(farm):
    click_cell(farm, 0, 0, 0)
    assert told(farm, "#cell-title") == "ant known as such by the teacher"
    assert sorted(shown(farm, "#cell-examples")) == [0, 3]


def test_a_click_beside_the_diagonal_opens_the_cell_clicked(opened):
    cast = [Judged(name, torch.eye(20)) for name in ("teacher", "twin", "student")]
    page = opened(cast, TransferSet(torch.zeros(20, 1), torch.arange(20)))
    for label, choice in ((9, 10), (10, 9), (9, 9)):
        page.wait_for_timeout(400)  # or plotly takes two clicks for a double one
        click_cell(page, 2, label, choice, classes=20)
        told_of = "known as such" if label == choice else f"taken for {choice}"
        assert told(page, "#cell-title") == f"{label} {told_of} by the student"


def test_on_a_phone_a_click_leads_to_the_examples(opened, models, test_set):
    page = opened(models, test_set, width=390)
    click_cell(page, 0, 0, 0)
    assert told(page, "#cell-title") == "ant known as such by the teacher"
    assert 0 <= page.locator("#cell-title").bounding_box()["y"] < 0.8 * 900


def test_an_example_says_where_it_is_from_as_text(opened, models, test_set):
    origins = [f"photos/{'deep/' * 40}<img src=x onerror=alert({row})>.png" for row in range(6)]
    placed = TransferSet(test_set.inputs, test_set.labels, test_set.class_names, name="farm", origins=origins)
    page = opened(models, placed, width=360)
    assert page.locator("#soft-examples article .origin").first.inner_text() in origins
    options = page.locator("#only-example option").all_inner_texts()
    assert sorted(text.partition(": ")[2] for text in options) == sorted(origins)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert opened(models, test_set).locator(".origin").count() == 0


def test_a_cell_with_no_example_says_so(farm):
    click_cell(farm, 2, 0, 1)
    assert shown(farm, "#cell-examples") == []
    assert told(farm, "#cell-told").startswith("0 test examples.")


def test_the_list_opens_a_mistake_from_the_keyboard(farm):
    farm.get_by_label("Sorted by").select_option("errors")
    assert farm.locator("#mistakes tbody tr").count() == 4
    farm.get_by_role("button", name="ant taken for cow").focus()
    farm.keyboard.press("Enter")
    assert told(farm, "#cell-title") == "ant taken for cow"
    assert shown(farm, "#cell-examples") == [3]
    row = farm.locator("#mistakes tr", has_text="ant taken for cow")
    assert row.locator("td").all_inner_texts()[:3] == ["0", "1", "0"]
    assert farm.locator("#mistakes [aria-current=true]").all_inner_texts() == ["ant taken for cow"]


def test_classes_and_model_are_chosen_from_the_keyboard(farm):
    farm.get_by_label("Label", exact=True).select_option("cow")
    farm.get_by_label("taken for", exact=True).select_option(BEE)
    farm.get_by_label("by", exact=True).select_option("the twin")
    assert told(farm, "#cell-title") == f"cow taken for {BEE} by the twin"
    assert shown(farm, "#cell-examples") == [5]
    farm.get_by_label("by", exact=True).select_option("the student")
    assert told(farm, "#cell-told").startswith("0 test examples.")


def test_the_chosen_cell_is_framed_in_every_matrix(farm):
    assert farm.locator(".matrix .shapelayer path").count() == 3
    shapes = farm.evaluate("[...document.querySelectorAll('.matrix .plot')].map((plot) => plot.layout.shapes[0])")
    click_cell(farm, 1, 1, 0)
    moved = farm.evaluate("[...document.querySelectorAll('.matrix .plot')].map((plot) => plot.layout.shapes[0])")
    assert [(shape["x0"], shape["y0"]) for shape in moved] == [(-0.5, 0.5)] * 3
    assert shapes != moved


def test_the_list_is_sorted_by_errors_or_by_the_teachers_doubt(farm, models, test_set):
    farm.get_by_label("Sorted by").select_option("the teacher’s doubt")
    probs = (models[0].logits.double() / 2).softmax(1)
    names = ("ant", BEE, "cow")
    doubts = {
        f"{names[label]} taken for {names[other]}": probs[test_set.labels == label, other].mean().item()
        for label in range(3)
        for other in range(3)
        if label != other
    }
    rows = farm.locator("#mistakes tbody tr")
    assert rows.locator("th").all_inner_texts() == sorted(doubts, key=lambda pair: -doubts[pair])
    first = max(doubts.values())
    assert rows.first.locator("td").last.inner_text() == f"{100 * first:.1f}%"


def test_the_sliders_move_together(farm, models):
    farm.get_by_role("button", name="ant taken for cow").click()
    farm.locator("#cell-temperature").press("Home")
    assert farm.locator("#temperature").input_value() == "0"
    assert told(farm, "#temperature-now") == told(farm, "#cell-temperature-now") == "1.00"
    (row,) = shown(farm, "#cell-examples")
    width = farm.locator("#cell-examples .bars .bar").first.evaluate("(bar) => parseFloat(bar.style.width) / 100")
    assert width == pytest.approx(models[0].logits[row].softmax(0)[0].item(), abs=1e-5)


def test_the_twin_can_stand_beside_the_teacher(farm, models):
    farm.locator("#temperature").press("Home")
    farm.get_by_label("beside it").last.select_option("twin")
    assert farm.locator("#soft-examples thead th").all_inner_texts()[:3] == ["class", "teacher", "twin"]
    assert farm.locator(".beside-key").last.inner_text() == "twin"
    row = shown(farm, "#soft-examples")[0]
    width = farm.locator("#soft-examples .bars .bar").nth(1).evaluate("(bar) => parseFloat(bar.style.width) / 100")
    assert width == pytest.approx(models[1].logits[row].softmax(0)[0].item(), abs=1e-5)


@pytest.mark.parametrize("temperature", ["Home", "End"])
def test_what_two_classes_share(opened, temperature):
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(40, 4, generator=generator)
    test_set = TransferSet(torch.zeros(40, 1, 2, 2, dtype=torch.uint8), logits.argmax(1))
    page = opened([Judged("teacher", logits), Judged("student", logits.flip(0))], test_set, drawn=False)
    page.locator("#temperature").press(temperature)
    page.get_by_label("One class").select_option("3")
    page.get_by_label("The other class").select_option("1")
    assert told(page, "#soft-title") == "What 3 and 1 share"
    held = [
        example["id"] for example in page.evaluate("JSON.parse(document.getElementById('held').textContent).examples")
    ]
    heat = {"Home": 1, "End": 20}[temperature]
    probs = (logits.double() / heat).softmax(1).numpy()
    least = np.minimum(probs[:, 3], probs[:, 1])
    assert shown(page, "#soft-examples") == sorted(held, key=lambda row: -least[row])[:6]


def test_any_example_that_is_held_can_be_chosen(farm):
    assert farm.get_by_label("Example", exact=True).locator("option").count() == 6
    farm.get_by_label("Example", exact=True).select_option("2, label cow")
    assert shown(farm, "#soft-examples") == [2]
    assert farm.get_by_label("one example:").is_checked()
    farm.get_by_label("those that tell most").check()
    assert len(shown(farm, "#soft-examples")) == 6


def test_values_stand_for_an_input_that_is_no_image(opened, models, test_set):
    rows = TransferSet(torch.arange(60.0).reshape(6, 10), test_set.labels)
    page = opened(models, rows, drawn=False)
    table = page.locator("#soft-examples .values").first
    assert shown(page, "#soft-examples")[0] == 4
    assert table.locator("caption").inner_text() == "The values of example 4"
    assert table.locator("td").all_inner_texts() == [str(40 + place) for place in range(10)]
    assert page.locator("article img").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_wide_values_stay_in_their_card(opened, models, test_set, width):
    rows = TransferSet(-1.2345e-5 * torch.arange(1.0, 145).reshape(6, 24), test_set.labels)
    page = opened(models, rows, width=width, drawn=False)
    assert page.locator("#soft-examples .values td").count() == 6 * 24
    assert page.evaluate("document.documentElement.scrollWidth") == width
    articles = page.locator("article")
    assert articles.evaluate_all("(all) => all.filter((each) => each.scrollWidth > each.clientWidth).length") == 0
    box = page.get_by_role("group", name="Values of example 4").last
    box.press("ArrowRight")
    page.wait_for_function("(box) => box.scrollLeft > 0", arg=box.element_handle())


def test_models_that_make_no_mistake(opened, models, test_set):
    page = opened([models[0]], test_set, drawn=False)
    assert page.locator("#mistakes tbody tr").count() == 0
    page.get_by_label("Sorted by").select_option("the teacher’s doubt")
    assert page.locator("#mistakes tbody tr").count() == 6


def test_what_is_not_shown_is_told(opened):
    labels = torch.zeros(30, dtype=torch.long)
    wrong = torch.tensor([0.0, 1.0]).repeat(30, 1)
    page = opened([Judged("student", wrong)], TransferSet(torch.zeros(30, 1), labels))
    assert "30 test examples: the 6 surest mistakes are shown, 24 are not." in told(page, "#cell-told")
    assert len(shown(page, "#cell-examples")) == 6
