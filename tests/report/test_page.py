import re
from html.parser import HTMLParser

import pytest
import torch

from limbeck.data import TransferSet
from limbeck.errors import ArgumentError, RunError
from limbeck.report import Judged, write_report
from limbeck.report.page import temperatures


class Reader(HTMLParser):
    """Tags of a page, and its text outside scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.text, self.raw = [], [], "", False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.raw = tag in ("script", "style")
        self.links += [value for name, value in attrs if name in ("src", "href", "action", "srcset", "poster")]

    def handle_endtag(self, tag):
        self.raw = False

    def handle_data(self, data):
        self.text += "" if self.raw else data


@pytest.fixture
def written(tmp_path):
    def write(*arguments, **named):
        path = write_report(tmp_path / "report.html", *arguments, **{"config": {}, **named})
        return path.read_text(encoding="utf-8")

    return write


def test_the_page_shows_all_it_was_given(written, models, test_set):
    page = Reader(
        written(
            "A title",
            models,
            test_set,
            config={"temperature": 8, "budget": {"epochs": 3}},
            command="limbeck run farm",
            findings=["It helps.", "A lot."],
            note="Pictures show seed 0.",
        )
    )
    told = ["A title", "It helps.", "A lot.", "Pictures show seed 0.", "limbeck run farm", "budget.epochs", "83.33%"]
    assert [text for text in told if text not in page.text] == []
    assert "Judged on 6 examples of the farm, 3 classes." in page.text


def test_a_given_table_replaces_the_computed_one(written, models, test_set):
    page = Reader(written("t", models, test_set, table=[{"model": "mine", "errors": "1.5 ± 0.2"}]))
    assert "1.5 ± 0.2" in page.text
    assert "83.33%" not in page.text


def test_no_row_gives_no_table(written, models, test_set):
    assert "Copy the table" not in written("t", models, test_set, table=[])


def test_rows_with_other_columns_are_refused(written, models, test_set):
    with pytest.raises(ArgumentError, match="all rows of the table must have the columns"):
        written("t", models, test_set, table=[{"model": "a", "errors": "1"}, {"model": "b"}])


def test_names_are_shown_and_never_run(written, models, test_set):
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    named = TransferSet(test_set.inputs, test_set.labels, (evil, "b", "c"), name=evil)
    twin = Judged(evil, models[1].logits, models[1].history)
    given = {"command": evil, "findings": [evil], "note": evil, "config": {evil: evil, "nested": {evil: evil}}}
    page = written(evil, [*models, twin], named, **given)
    assert Reader(page).tags.count("script") == 4
    assert evil in Reader(page).text
    assert "<img src=x" not in page
    assert "alert(1)</script>" not in page


def test_only_our_two_scripts_may_run_and_nothing_may_be_fetched(written, models, test_set):
    page = written("t", models, test_set)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith(
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; img-src data: blob:; "
        "media-src data:; "
        "script-src 'sha256-"
    )
    assert policy[1].count("sha256-") == 2
    assert [link for link in Reader(page).links if not link.startswith("data:")] == []


def test_masked_logits_and_lost_losses_leave_valid_json(written, models, test_set):
    masked = models[0].logits.clone()
    masked[:, 0] = -torch.inf
    masked[3] = torch.nan
    lost = Judged("student", masked, [{"epoch": 1, "loss": float("nan")}, {"epoch": 2, "loss": float("inf")}])
    page = written("t", [Judged("teacher", masked), lost], test_set)
    for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, flags=re.DOTALL):
        assert not re.search("NaN|Infinity", data)


def test_a_set_without_labels(written, models, test_set):
    page = Reader(written("t", models, test_set.without_labels()))
    assert "without labels" in page.text
    assert [word for word in ("Confusions", "accuracy", "label ", "Wrong") if word in page.text] == []


def test_one_model_of_no_known_part(written, test_set):
    page = Reader(written("t", [Judged("resnet", torch.zeros(6, 3))], test_set))
    assert "6 on which resnet is least sure" in page.text
    assert "Training" not in page.text


def test_the_same_arguments_give_the_same_bytes(written, models, test_set):
    assert written("t", models, test_set) == written("t", models, test_set)


def test_two_hundred_classes_and_large_pictures_stay_small(tmp_path):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 200, (400,), generator=generator)
    inputs = torch.randint(0, 256, (400, 3, 128, 128), dtype=torch.uint8, generator=generator)
    history = [{"epoch": n, "loss": 1 / n, "validation_nll": 2 / n, "validation_errors": 7} for n in range(1, 5000)]
    models = [
        Judged(name, torch.randn(400, 200, generator=generator), history) for name in ("ensemble", "twin", "student")
    ]
    test_set = TransferSet(inputs, labels, tuple(f"class number {number}" for number in range(200)))
    assert write_report(tmp_path / "page.html", "t", models, test_set, config={}).stat().st_size < 6e6


def test_a_name_that_is_no_unicode_is_written(written, models, test_set):
    assert "caf?" in Reader(written("caf\udce9", models, test_set)).text


def test_a_folder_that_cannot_be_written(tmp_path, models, test_set):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        write_report(tmp_path / "file" / "page.html", "t", models, test_set, config={})


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, (1, 4, 20)),
        ({"temperature": 8}, (1, 8, 20)),
        ({"temperature": 0.5}, (0.5, 0.5, 20)),
        ({"temperature": 40.0}, (1, 40, 40)),
        ({"temperature": "hot"}, (1, 4, 20)),
        ({"temperature": True}, (1, 4, 20)),
        ({"temperature": float("nan")}, (1, 4, 20)),
    ],
)
def test_where_the_slider_starts(config, expected):
    assert temperatures(config) == expected
