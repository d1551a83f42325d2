"""The page as axe-core sees it, on a phone, and how soon it is there."""

import time

import pytest
import torch
from finished_runs import FINISHED

from limbeck.data import TransferSet
from limbeck.evidence import LATENCY, row_of
from limbeck.report import Chart, Figures, Judged, Series, write_report

MOST_BYTES = 6e6


def all_parts():
    """What every part of the page is drawn from."""
    rows = [row_of(name, "test errors", [n, n + 2], None) for name, n in (("teacher", 1), ("twin", 5), ("student", 3))]
    rows += [row_of(name, "parameters", [n], None) for name, n in (("teacher", 1000), ("student", 10))]
    rows += [row_of(name, LATENCY, [n], None) for name, n in (("teacher", 2.0), ("student", 0.5))]
    trackers = [{"name": "mlflow", "where": "https://tracker.example/1"}, {"name": "tensorboard", "where": "runs"}]
    series = Series("30 units", [1.0, 2.5, 8.0], [140.0, 120.5, 131.0], [3.0, 2.25, 4.0])
    return {
        "figures": Figures.of(FINISHED | {"rows": rows, "trackers": trackers}, 6),
        "charts": [Chart("heat", "Errors by heat", "temperature T", "test errors", [series])],
        "config": {"temperature": 2, "budget": {"epochs": 3}},
        "command": "limbeck run farm",
        "findings": ["It helps."],
        "note": "Pictures show seed 0.",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(opened, models, test_set, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(models, test_set, scheme=scheme, **all_parts())
    page.get_by_text("Each class’s figures").click()
    page.get_by_label("what two classes share:").check()
    found = Axe().run(page).response
    assert found["violations"] == []
    seen = {check["id"] for check in found["passes"]}
    assert {"color-contrast", "button-name", "select-name", "image-alt", "label", "scrollable-region-focusable"} <= seen


def test_every_part_fits_a_phone(opened, models, test_set):
    page = opened(models, test_set, width=390, **all_parts())
    for mode in ("what two classes share:", "one example:", "those that tell most"):
        page.get_by_label(mode).check()
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_keyboard_reaches_every_control(opened, models, test_set):
    page = opened(models, test_set, drawn=False, **all_parts())
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    controls = "button, select, input:not([type=radio]), a, summary, [tabindex='0']"
    reachable = """(controls) => [...document.querySelectorAll(controls)]
        .filter((each) => each.matches("summary") || !each.closest("details"))
        .map((each) => each.id || each.textContent)"""
    wanted = set(page.evaluate(reachable, controls))
    assert len(wanted) > 20
    assert wanted - reached == set()


def many(examples, classes, side=32):
    """Photographs, as far as their bytes go, and three models that are wrong of each in its own way."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, classes, (examples,), generator=generator)
    inputs = torch.randint(0, 256, (examples, 3, side, side), dtype=torch.uint8, generator=generator)
    aims = 4 * torch.nn.functional.one_hot(labels, classes)
    logits = {name: aims + 2 * torch.randn(examples, classes, generator=generator) for name in ("twin", "student")}
    logits["ensemble"] = aims + torch.randn(examples, classes, generator=generator)
    names = tuple(f"class number {number}" for number in range(classes))
    return [Judged(name, own) for name, own in logits.items()], TransferSet(inputs, labels, names)


@pytest.mark.parametrize("classes", [10, 100])
def test_ten_thousand_examples_make_a_small_page_soon(browser, tmp_path, classes):
    models, test_set = many(10_000, classes)
    began = time.process_time()
    path = write_report(tmp_path / "page.html", "t", models, test_set, config={})
    assert time.process_time() - began < 5
    assert path.stat().st_size < MOST_BYTES
    assert any(first_paint_ms(browser, path) < 2000 for _ in range(3))  # the machine may be busy with other things


def first_paint_ms(browser, path):
    context = browser.new_context()
    page = context.new_page()
    page.goto(path.as_uri())
    painted = page.evaluate("""() => new Promise((resolve) => new PerformanceObserver((list) => {
        const [first] = list.getEntriesByName("first-contentful-paint");
        if (first) resolve(first.startTime);
    }).observe({ type: "paint", buffered: true }))""")
    context.close()
    return painted
