"""Utterances on the page: what is drawn of them, where on the axis of time, in words and by ear."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import wavfile
from told_speech import PHONES, SOUND, SPEECH, utterance

from limbeck.data.utterances import Span
from limbeck.report import write_report
from limbeck.report.speech import Hearing
from limbeck.report.utterances import drawn, mask, rows_of, ticks, wav
from limbeck.report.word_table import word_table


def content(uri):
    return io.BytesIO(base64.b64decode(uri.partition(",")[2]))


def test_a_mask_is_as_opaque_as_its_values():
    values = torch.tensor([[0, 10, 255], [7, 200, 3]], dtype=torch.uint8)
    picture = Image.open(content(mask(values)))
    assert (picture.mode, picture.size) == ("LA", (2, 3))
    np.testing.assert_array_equal(np.asarray(picture)[..., 1], values.T)
    np.testing.assert_array_equal(np.asarray(picture)[..., 0], 0)


def test_a_sound_is_a_wave_file():
    rate, samples = wavfile.read(content(wav(SOUND)))
    assert rate == 8000
    np.testing.assert_allclose(samples / 32767, SOUND.samples, atol=1e-4)


def test_phones_have_rows_by_when_they_are_said_or_seen():
    each = utterance("u")
    assert rows_of(each, 4) == [0, 1, 2, 3]
    right = {"student": each.posteriors["student"]}
    assert rows_of(replace(each, posteriors=right), 4) == [0, 1, 2]
    faint = right["student"].clone()
    faint[5, 9:] = torch.tensor([20, 20, 20], dtype=torch.uint8)
    assert rows_of(replace(each, posteriors={"student": faint}), 4) == [0, 1, 2], "63 of 255 is too little"


def test_what_is_drawn_is_where_it_was():
    [first, second] = drawn(SPEECH)
    assert [(mark.name, mark.left, mark.width) for mark in first.phones] == [
        ("SIL", 0, 25),
        ("A", 25, 25),
        ("B", 50, 25),
        ("SIL", 75, 25),
    ]
    twin, ensemble, student = first.systems
    assert [(mark.name, mark.wrong, mark.left) for mark in twin.words] == [("cab", True, 25), ("so", True, 50)]
    assert [(mark.name, mark.wrong) for mark in student.words] == [("ab", False)]
    assert (twin.tone, ensemble.tone, student.tone) == ("twin", "teacher", "student")
    path, own = (np.asarray(Image.open(content(uri)))[..., 1] for uri in (first.path, twin.posteriors.picture))
    assert path.shape == own.shape == (12, 40)
    np.testing.assert_array_equal(path.argmax(0), SPEECH.utterances[0].places)
    assert own[9, 20] == 200
    features = np.asarray(Image.open(content(first.features.picture)))[..., 1]
    np.testing.assert_array_equal(features[::-1], SPEECH.utterances[0].features.T)
    assert first.rows == PHONES
    assert (first.seconds, first.sound) == (0.4, None)
    assert second.sound.startswith("data:audio/wav;base64,")
    assert [line.errors for line in first.heard] == [2, 0, 0, 1, 1, 1]


def test_pictures_are_told_in_words():
    [first, _] = drawn(SPEECH)
    twin, _, student = first.systems
    assert "SIL A B SIL. The place in a phone that the alignment has gets 100% on average" in student.posteriors.told
    assert "SIL A C B SIL. The place in a phone that the alignment has gets 88% on average" in twin.posteriors.told
    assert first.words_told == "What was said, in seconds: ab 0.10 to 0.30."
    assert twin.words_told == "What the twin heard, in seconds: cab 0.10 to 0.20; so 0.20 to 0.30."
    silent = replace(SPEECH.utterances[0], hearings=[Hearing(name, "n-gram", [], []) for name in ("twin", "ensemble")])
    silent = replace(silent, posteriors={"twin": silent.posteriors["twin"]})
    [told] = drawn(replace(SPEECH, utterances=[silent]))
    assert told.systems[0].words_told == "What the twin heard, in seconds: nothing."


@pytest.mark.parametrize(
    ("frames", "last"), [(9, "0 s"), (60, "0.5 s"), (390, "3.5 s"), (700, "6 s"), (6000, "52.5 s")]
)
def test_the_axis_has_a_mark_at_even_times(frames, last):
    found = ticks(frames)
    assert found[-1][0] == last
    assert len(found) <= 8
    assert all(0 <= left < 100 for _, left in found)


def test_word_errors_are_a_table():
    assert word_table(SPEECH.rates)[0] == {
        "system": "twin, n-gram",
        "words": "40",
        "WER": "20.0%",
        "95% interval": "10.0% to 40.0%",
        "substitutions": "6.5",
        "insertions": "1.0",
        "deletions": "0.5",
        "real-time factor": "0.012",
        "seeds": "2",
    }


def test_the_page_is_clean_in_both_schemes(opened, models, test_set):
    from axe_playwright_python.sync_playwright import Axe

    for scheme in ("light", "dark"):
        page = opened(models, test_set, scheme=scheme, speech=SPEECH)
        page.locator("details.utterance:not([open]) summary").click()
        assert Axe().run(page).response["violations"] == []
    assert page.locator("audio").count() == 1
    assert page.get_by_role("img", name="What the student says of each frame").count() == 2
    assert page.locator("#words-table tbody tr").count() == 6
    lines = page.locator(".heard").first.locator("tbody tr").all_inner_texts()
    cells = [[" ".join(cell.split()) for cell in line.split("\t")] for line in lines]
    assert cells[1][1:] == ["2 errors", "cab (for ab) so (not said)"]
    assert cells[4][1:] == ["1 errors", "ab (not heard)"]


def test_a_phone_scrolls_the_time_and_not_the_page(opened, models, test_set):
    long = replace(
        SPEECH.utterances[0],
        features=SPEECH.utterances[0].features.repeat(15, 1),
        places=SPEECH.utterances[0].places.repeat(15),
        posteriors={name: own.repeat(15, 1) for name, own in SPEECH.utterances[0].posteriors.items()},
    )
    page = opened(models, test_set, width=390, speech=replace(SPEECH, utterances=[long]))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    region = page.get_by_role("region", name="The utterance ab (an4/fash/1) in time")
    assert region.evaluate("(each) => each.scrollWidth > each.clientWidth + 200")
    region.press("ArrowRight")
    page.wait_for_timeout(300)
    assert region.evaluate("(each) => each.scrollLeft") > 0
    name = page.locator(".lane").nth(2)
    assert name.bounding_box()["x"] >= region.bounding_box()["x"], "names stay when it is scrolled"


def test_where_the_sound_is_is_shown_and_chosen(opened, models, test_set):
    page = opened(models, test_set, speech=replace(SPEECH, utterances=SPEECH.utterances[1:]))
    strip = page.locator(".strip").nth(1)
    assert page.locator(".now:visible").count() == 0
    strip.click(position={"x": strip.bounding_box()["width"] / 2, "y": 5})
    page.locator(".now:visible").first.wait_for()
    assert page.locator("audio").evaluate("(sound) => sound.currentTime") == pytest.approx(0.2, abs=0.01)
    assert float(strip.locator(".now").evaluate("(head) => head.style.left").rstrip("%")) == pytest.approx(50, abs=2)


def test_it_is_all_there_without_scripts(browser, tmp_path, models, test_set):
    path = write_report(tmp_path / "report.html", "t", models, test_set, config={}, speech=SPEECH)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    page.locator("details.utterance:not([open]) summary").click()
    assert page.locator(".strip:visible").count() == 8
    assert page.get_by_text("There is nothing to listen to").count() == 0
    context.close()
    silent = replace(SPEECH, utterances=[replace(each, sound=None) for each in SPEECH.utterances])
    page = write_report(path, "t", models, test_set, config={}, speech=silent).read_text()
    assert "There is nothing to listen to" in page
    assert "<audio" not in page


def test_names_of_words_are_text(written_speech):
    assert "<i>x" not in written_speech
    assert "&lt;i&gt;x" in written_speech


@pytest.fixture
def written_speech(tmp_path, models, test_set):
    odd = replace(SPEECH.utterances[0], words=[Span('<i>x"', 10, 30)])
    path = write_report(tmp_path / "r.html", "t", models, test_set, config={}, speech=replace(SPEECH, utterances=[odd]))
    return path.read_text()
