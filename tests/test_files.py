"""Files that are whole or not there, and the lock that keeps others out."""

import fcntl

import pytest

from limbeck.errors import BusyError, RunError
from limbeck.files import locked


def test_a_lock_that_is_held_is_not_waited_for(tmp_path):
    path = tmp_path / "net" / ".lock"
    told = rf"{tmp_path / 'net'} is in use by another limbeck"
    with locked(path), pytest.raises(BusyError, match=told), locked(path, wait=False):
        pytest.fail("two hold one lock")
    with locked(path, wait=False):
        pass


def test_a_lock_taken_without_waiting_is_held(tmp_path):
    path = tmp_path / ".lock"
    with path.open("w") as other:
        with locked(path, wait=False), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_lock_is_given_back_when_the_block_fails(tmp_path):
    path = tmp_path / ".lock"
    with pytest.raises(KeyError), locked(path):
        raise KeyError
    with locked(path, wait=False):
        pass


def test_two_folders_have_locks_of_their_own(tmp_path):
    with locked(tmp_path / "a" / ".lock"), locked(tmp_path / "b" / ".lock", wait=False):
        assert {folder.name for folder in tmp_path.iterdir()} == {"a", "b"}


def test_a_busy_folder_is_an_error_of_the_run():
    assert issubclass(BusyError, RunError)


def test_a_lock_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write") as refused, locked(tmp_path / "file" / ".lock", wait=False):
        pass
    assert not isinstance(refused.value, BusyError)
