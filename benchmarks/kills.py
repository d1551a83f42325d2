"""Killing a run at random moments and starting it again: the student's bits must be the same each time.

    python benchmarks/kills.py       writes results/bench-kills.json

Takes the digits recipe, one seed. Each trial starts it afresh, sends SIGKILL at a random moment, starts it again until
it ends, and compares the SHA-256 of the student's weights with that of a run that nobody killed.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safetensors.numpy import load_file
from timing import record, value_row

from limbeck.files import sha256

TRIALS = 20
LIMBECK = Path(sys.executable).with_name("limbeck")


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start the run, or go on with it."""
    return subprocess.Popen([LIMBECK, "run", "digits", "--seeds", "1", "--out", folder, "--quiet", "--json"], stdout=-1)


def student(folder: Path) -> str:
    """Return the SHA-256 of the student's weights; when it was trained is no part of them."""
    weights = load_file(folder / "student.safetensors")
    return sha256(*(weights[name].tobytes() for name in sorted(weights)))


def trial(folder: Path, moments: random.Random, whole_s: float) -> int:
    """Run to the end, killed once or more on the way; return how often."""
    kills = 0
    while True:
        run = start(folder)
        try:
            run.communicate(timeout=None if kills and moments.random() < 0.5 else moments.uniform(1, whole_s))
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
        while trials < TRIALS:
            folder = Path(name) / f"trial-{killed}-{trials}"
            kills = trial(folder, moments, whole_s)
            killed += kills
            if kills:
                trials += 1
                identical += student(folder) == expected
                print(f"trial {trials}: killed {kills} times, {identical} of {trials} identical", flush=True)
    rows = [value_row("student, resumed runs with identical weights / killed runs", "ratio", [identical / trials])]
    record("kills", {"trials": trials, "kills": killed, "run_seconds": whole_s, "seed": 0}, rows)


if __name__ == "__main__":
    main()
