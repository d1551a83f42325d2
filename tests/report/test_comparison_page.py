"""The page of a comparison in a browser: drawn, readable on a phone, and as axe-core sees it."""

from dataclasses import replace

import pytest

from limbeck.report.comparison_page import Compared, Errors, write_comparison

EVIL = "<img src=x onerror=alert(1)>"
COMPARED = Compared(
    names=["warm", EVIL],
    test_name="farm",
    num_examples=6,
    warnings=["warm: A smoke run: its figures mean nothing."],
    findings=["Too few seeds to tell: the student of warm makes 1.0 fewer test errors."],
    differences=[{"students of": f"warm less {EVIL}", "verdict": "too few seeds to tell", "errors": "-1.0"}],
    errors=[
        Errors(run, part, [errors, errors + 1.0])
        for run, errors in (("warm", 1.0), (EVIL, 2.0))
        for part in ("teacher", "twin", "student")
    ],
    table=[{"run: setting": f"{run}: student", "seeds": "2", "test errors": "1.5 ± 0.7"} for run in ("warm", EVIL)],
    made=[{"run": run, "folder": run, "command": f"limbeck run {run}"} for run in ("warm", EVIL)],
    settings=[{"setting": "temperature", "warm": "4.0", EVIL: "20.0"}],
)


@pytest.fixture
def shown(opened_page, tmp_path):
    """A function that opens a comparison's page."""

    def show(compared=COMPARED, *, width=1200, scheme="light"):
        return opened_page(write_comparison(tmp_path / "compare.html", compared), width=width, scheme=scheme)

    return show


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(shown, scheme):
    from axe_playwright_python.sync_playwright import Axe

    assert Axe().run(shown(scheme=scheme)).response["violations"] == []


def test_each_part_of_each_run_has_its_mark_and_names_are_text(shown):
    page = shown()
    assert page.locator(".plot .scatterlayer .point").count() == 6
    assert page.locator(".plot .xerror").count() == 6
    assert EVIL in page.locator("#differences-table").inner_text()
    assert EVIL in page.locator(".plot").text_content()
    page.locator(".plot .scatterlayer .point").first.hover(force=True)
    page.mouse.down()
    page.mouse.up()  # a click on a mark opens nothing, and complains of nothing


def test_it_fits_a_phone_and_all_runs_fit_the_picture(shown):
    names = [f"run {number}" for number in range(20)]
    errors = [Errors(name, "student", [3.0, 4.0]) for name in names]
    page = shown(replace(COMPARED, names=names, errors=errors), width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    plot = page.locator(".plot").bounding_box()
    assert plot["height"] >= page.locator(".plot .main-svg").first.bounding_box()["height"] > 1000


def test_the_theme_is_switched(shown):
    page = shown()
    page.get_by_role("button", name="Dark page").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 25, 28)"
