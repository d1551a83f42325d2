"""How long the library and the command line take to start.

python benchmarks/startup.py     writes results/bench-startup.json
"""

import subprocess
import sys
from pathlib import Path

from timing import interleaved, ratio_row, record, seconds, value_row

RUNS = 7
LIMBECK = Path(sys.executable).with_name("limbeck")


def python(program: str) -> None:
    """Run a program in a fresh interpreter."""
    subprocess.run([sys.executable, "-c", program], check=True)


def main() -> None:
    """Measure and record."""
    everything = "import torch; from limbeck import *"
    times = interleaved(lambda: python(everything), lambda: python("import torch"), RUNS)
    beyond = [ours - torch_alone for ours, torch_alone in times]
    helps = [seconds(lambda: subprocess.run([LIMBECK, "--help"], check=True, capture_output=True)) for _ in range(RUNS)]
    rows = [
        ratio_row("student, import torch and all of limbeck / import torch", times),
        value_row("student, import of all of limbeck beyond torch", "seconds", beyond),
        value_row("student, limbeck --help", "seconds", helps),
    ]
    record("startup", {"runs": RUNS}, rows)


if __name__ == "__main__":
    main()
