"""TensorBoard's event files, read back."""

import pytest
from events import values

from limbeck.events import Events


def scalars(folder):
    (path,) = folder.iterdir()
    return [(step, value.tag, value.simple_value) for step, value in values(path) if value.HasField("simple_value")]


def test_figures_are_there_as_soon_as_they_are_flushed(tmp_path):
    events = Events(tmp_path / "a" / "events")
    events.tell({"loss": 0.5, "errors": 3}, 1)
    events.tell({"loss": 0.25}, 2)
    events.flush()
    expected = [(1, "loss", 0.5), (1, "errors", 3), (2, "loss", 0.25)]
    assert scalars(tmp_path / "a" / "events") == expected
    events.close()
    assert scalars(tmp_path / "a" / "events") == expected


def test_they_take_the_place_of_those_before(tmp_path):
    for loss in (0.5, 0.25):
        events = Events(tmp_path / "events")
        events.tell({"loss": loss}, 1)
        events.close()
    assert scalars(tmp_path / "events") == [(1, "loss", 0.25)]


def test_where_nothing_can_be_written_it_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Events(tmp_path / "file" / "events")
