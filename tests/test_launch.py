"""Jobs that several processes share: what another is at is put off, and waited for last."""

import pytest

from limbeck.errors import BusyError, TrainingError
from limbeck.launch import shared


def test_what_another_is_at_is_put_off_and_waited_for_when_all_else_is_done():
    asked = []

    def job(name, busy):
        def do(wait):
            asked.append((name, wait))
            if busy and not wait:
                raise BusyError(f"{name} is in use")
            return name

        return do

    jobs = [job("first", busy=True), job("second", busy=False), job("third", busy=True), job("fourth", busy=False)]
    assert shared(jobs) == ["first", "second", "third", "fourth"]
    assert [name for name, wait in asked if not wait][:4] == ["first", "second", "third", "fourth"]
    assert all(not wait for name, wait in asked if name in ("second", "fourth"))
    assert next(place for place, (_, wait) in enumerate(asked) if wait) >= 4  # nobody waits while there is work


def test_an_error_ends_all_and_there_may_be_nothing_to_do():
    def wrong(wait):
        raise TrainingError("the loss must be finite, got nan")

    with pytest.raises(TrainingError):
        shared([wrong])
    assert shared([]) == []
