"""Progress: silence, lines in a log, bars on a terminal."""

import os
import pty
import subprocess
import sys

import limbeck.progress as told
from limbeck.progress import LogProgress, Progress, progress_for


def test_quiet_says_nothing(capsys):
    with progress_for(quiet=True).task("teach", 10, "steps") as task:
        task.advance(10)
    assert type(progress_for(quiet=True)) is Progress
    assert capsys.readouterr() == ("", "")


def test_a_log_gets_a_line_now_and_then_with_the_time_left(capsys, monkeypatch):
    clock = iter([0.0, 100.0, 105.0, 112.0, 113.0, 140.0])
    monkeypatch.setattr(told.time, "monotonic", lambda: next(clock))
    with LogProgress().task("teach", 100, "steps", 40) as task:  # told at 0, started at 100
        task.advance(10)  # 105: 105 s since a line
        task.advance(10)  # 112: too soon
        task.advance(10)
        task.advance(20, "epoch 9")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["teach: 50/100 steps, 2 a second, 25 s left", "teach: 90/100 steps, 1 a second, 8 s left, epoch 9"]


def test_a_terminal_gets_bars():
    program = """
from limbeck.progress import progress_for
import time
with progress_for(quiet=False).task("seed 0: teacher", 3, "steps") as task:
    for _ in range(3):
        time.sleep(0.15)
        task.advance(1, "loss 0.5")
"""
    leader, follower = pty.openpty()
    subprocess.run(
        [sys.executable, "-c", program],
        stderr=follower,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
        check=True,
    )
    os.close(follower)
    screen = os.read(leader, 100_000).decode()
    assert "seed 0: teacher" in screen
    assert "2/3" in screen
    assert "loss 0.5" in screen


def test_a_line_is_told_as_it_is(capsys):
    line = "/data/[run 1]/[bold]x [/x] is in use"
    told.Progress().say(line)
    assert capsys.readouterr().err == ""
    told.LogProgress().say(line)
    assert capsys.readouterr().err == f"{line}\n"
    told.TerminalProgress().say(line)
    assert capsys.readouterr().err.strip() == line
