"""Killing a run at random moments and starting it again: the student's bits must be the same each time.

    python benchmarks/kills.py       writes results/bench-kills.json

Takes the digits recipe, one seed and shortened, with frequent checkpoints. Each trial starts it afresh, sends SIGKILL
at random moments, starts it again until it ends, and compares the student's file with that of a run nobody killed.
"""

import itertools
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import record, value_row

from limbeck.files import sha256

TRIALS = 20
STOP_KILLING = 0.5  # probability of letting a run that was killed go on to the end


RECIPE = "run digits --seeds 1 --members 2 --teacher.epochs 30 --student.epochs 50 --quiet --json"
PROGRAM = """
import sys
from limbeck.cli import main
from limbeck.training import clock
clock.CHECKPOINT_EVERY_S = 0.1  # so that trainings of a second are resumed, not done again
sys.exit(main(sys.argv[1:]))
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start the run, or go on with it."""
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *RECIPE.split(), "--out", folder], stdout=-1)


def student(folder: Path) -> str:
    """Return the SHA-256 of the student's file."""
    return sha256((folder / "student.safetensors").read_bytes())


def trial(folder: Path, moments: random.Random, whole_s: float) -> int:
    """Run to the end, killed on the way; return how often."""
    kills = 0
    while True:
        run = start(folder)
        try:
            run.communicate(
                timeout=None if kills and moments.random() < STOP_KILLING else moments.uniform(whole_s / 4, whole_s)
            )
        except subprocess.TimeoutExpired:
            run.kill()
            run.communicate()
            kills += 1
            continue
        if run.returncode:
            raise SystemExit(f"a resumed run ended with exit code {run.returncode}")
        return kills


def main() -> None:
    """Kill, resume, compare and record."""
    moments = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        began = time.monotonic()
        start(Path(name) / "whole").communicate()
        whole_s = time.monotonic() - began
        expected = student(Path(name) / "whole")
        killed = identical = trials = 0
        for attempt in itertools.count():
            folder = Path(name) / f"attempt-{attempt}"
            kills = trial(folder, moments, whole_s)
            if kills:  # the moment may have come after the end
                killed, trials = killed + kills, trials + 1
                identical += student(folder) == expected
                print(f"trial {trials}: killed {kills} times, {identical} of {trials} identical", flush=True)
            if trials == TRIALS:
                break
    rows = [value_row("student, resumed runs with identical files / killed runs", "ratio", [identical / trials])]
    record("kills", {"trials": trials, "kills": killed, "run_seconds": whole_s, "run": RECIPE}, rows)
    if identical != trials:
        raise SystemExit("a resumed run ended with other bits")


if __name__ == "__main__":
    main()
