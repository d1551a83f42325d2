"""Files that are whole or not there, and the lock that keeps others out."""

import fcntl
import json
import os

import pytest

from limbeck.errors import BusyError, RunError
from limbeck.files import fingerprint, kept_json, locked, write_json


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


def test_what_is_kept_is_made_once_and_read_as_it_was(tmp_path):
    path, made = tmp_path / "times.json", []

    def make():
        made.append(1)
        return {"student": 1 / 3}

    assert kept_json(path, make, dict) == kept_json(path, make, dict) == {"student": 1 / 3}
    assert made == [1]
    path.write_text('{"student": 0.25}')
    assert kept_json(path, make, dict) == {"student": 0.25}, "of an earlier version"


def test_a_path_that_is_not_in_utf8_is_kept_as_it_is(tmp_path):
    told = {"data": os.fsdecode(b"caf\xe9.csv"), "where": "café"}
    write_json(tmp_path / "told.json", told)
    assert "café" in (tmp_path / "told.json").read_text("utf-8")
    assert json.loads((tmp_path / "told.json").read_bytes()) == told
    assert fingerprint(told) != fingerprint({**told, "data": os.fsdecode(b"caf\xe8.csv")})


def test_every_flipped_bit_of_what_is_kept_is_detected(tmp_path):
    path = tmp_path / "times.json"
    kept_json(path, lambda: {"student": 1.5, "teacher": 20.25}, dict)
    whole = path.read_bytes()
    for bit in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        with pytest.raises(RunError, match="times.json is damaged"):
            kept_json(path, dict, lambda told: {name: told[name] for name in ("student", "teacher")})


def test_what_is_of_another_form_is_damaged(tmp_path):
    path = tmp_path / "times.json"
    kept_json(path, lambda: [1], list)
    assert json.loads(path.read_text())["content"] == [1]
    with pytest.raises(RunError, match="times.json is damaged: TypeError"):
        kept_json(path, list, lambda told: told["student"])
