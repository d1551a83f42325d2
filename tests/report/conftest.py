"""A small farm, judged, and a browser to open its page in."""

import contextlib
import shutil

import pytest
import torch

from limbeck.data import TransferSet
from limbeck.report import Judged, write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

NAMES = ("ant", "<script>alert(1)</script>", "cow")
LABELS = [0, 1, 2, 0, 1, 2]
TEACHER = [[4, 0, 0], [1, 3, 0], [0, 0, 5], [3, 0, 0.5], [0, 2, 1.5], [0, 1, 2.5]]
TWIN = [[2, 0, 0], [2, 1, 0], [0, 0, 2], [0, 0, 1], [0, 3, 0], [0, 3, 0]]
STUDENT = [[3, 0, 0], [0, 2, 0], [0, 0, 2], [2, 0, 0], [0, 1, 2], [0, 0, 2]]
HISTORY = [
    {
        "epoch": epoch,
        "loss": 2 / epoch,
        "learning_rate": 0.1,
        "validation_nll": 1 / epoch,
        "validation_errors": 9 - epoch,
    }
    for epoch in range(1, 5)
]


@pytest.fixture(scope="session")
def test_set():
    pixels = torch.arange(6 * 16, dtype=torch.uint8).reshape(6, 1, 4, 4) // 6
    return TransferSet(pixels, torch.tensor(LABELS), NAMES, name="farm")


@pytest.fixture(scope="session")
def models():
    return [
        Judged("teacher", torch.tensor(TEACHER)),
        Judged("twin", torch.tensor(TWIN, dtype=torch.float32), HISTORY),
        Judged("student", torch.tensor(STUDENT, dtype=torch.float32), HISTORY[:3]),
    ]


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        pytest.skip("the page's own tests need chromium, which is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@contextlib.contextmanager
def watching(browser):
    """Open pages, each in a fresh window; in the end no error was logged and no request left a page."""
    contexts, complaints, requests = [], [], []

    def open_page(path, *, width=1200, scheme="light", drawn=True):
        contexts.append(browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: requests.append((request.url, path.as_uri())))
        page.goto(path.as_uri())
        if drawn:  # plotly starts last; a test of the rest need not wait for it
            page.locator(".plot:not(:has(svg))").first.wait_for(state="detached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert {url.split(":")[0] for url, _ in requests} <= {"file", "data", "blob"}
    assert [url for url, own in requests if url.startswith("file") and url != own] == []


@contextlib.contextmanager
def opening(browser, folder):
    """Open reports, watched."""
    with watching(browser) as open_page:

        def open_report(models, test_set, *, width=1200, scheme="light", drawn=True, **named):
            title = named.pop("title", "Report")
            path = write_report(folder / "report.html", title, models, test_set, **{"config": {}, **named})
            return open_page(path, width=width, scheme=scheme, drawn=drawn)

        yield open_report


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens a report."""
    with opening(browser, tmp_path) as open_report:
        yield open_report


@pytest.fixture
def opened_page(browser):
    """A function that opens any page of ours."""
    with watching(browser) as open_page:
        yield open_page


@pytest.fixture(scope="module")
def farm(browser, tmp_path_factory, models, test_set):
    """The farm's page, for tests that each say first what they look at."""
    with opening(browser, tmp_path_factory.mktemp("farm")) as open_report:
        yield open_report(models, test_set, config={"temperature": 2})
