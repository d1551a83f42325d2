"""Training on more than fits into memory: the same epochs, mapped from disk under a limit and from memory without one.

    python benchmarks/out_of_core.py       writes results/bench-out_of_core.json

A transfer set of 300,000 colour images (0.9 GB) and a dense store of 1,000 classes (0.6 GB). Each training is a process
of its own: one holds the images in memory and finds the store in the page cache, the other maps both and may use 700
MB, page cache included, which a control group sees to (Linux, as root), and begins with nothing in that cache. Both
shuffle within a window of 32,768 examples. The figures: seconds of an epoch, the memory that is the process's own, and
what was read from the disk, which must be all of it.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from timing import ratio_row, record, value_row

from limbeck import Budget, SoftTargets, TransferSet, fit, write_soft_targets
from limbeck.data import load_arrays
from limbeck.models import MLP
from limbeck.teachers import from_function
from limbeck.training import FromSoftTargets

EXAMPLES, CLASSES, LIMIT, ROUNDS = 300_000, 1000, 700 * 2**20, 3
BUDGET = Budget(epochs=2, batch_size=256, shuffle_window=32_768)
GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))  # version 1, version 2


def make_data(folder: Path) -> None:
    """Write noise as images, and a store of noise for them."""
    generator = np.random.default_rng(0)
    images = np.lib.format.open_memmap(folder / "inputs.npy", "w+", np.uint8, (EXAMPLES, 3, 32, 32))
    noise = generator.integers(0, 256, (4096, 3, 32, 32), np.uint8)
    for start in range(0, EXAMPLES, len(noise)):
        images[start : start + len(noise)] = noise[: EXAMPLES - start]
    images.flush()
    np.save(folder / "labels.npy", generator.integers(0, CLASSES, EXAMPLES))
    table = 3 * torch.randn(256, CLASSES, generator=torch.Generator().manual_seed(0))
    teacher = from_function(lambda inputs: table[inputs[:, 0, 0, 0].long()], "noise, 1")
    write_soft_targets(teacher, load_arrays(folder), folder / "targets")


def train(folder: Path, *, mapped: bool) -> dict[str, float]:
    """Train and return the seconds of the last epoch and the process's own memory after each."""
    data = load_arrays(folder)
    if not mapped:
        assert data.labels is not None
        data = TransferSet(data.inputs.clone(), data.labels.clone(), name=data.name)
    torch.manual_seed(0)
    objective = FromSoftTargets(SoftTargets.open(folder / "targets"), 4.0, 0.0)
    own: list[float] = []

    class Told(MLP):
        def train(self, mode: bool = True) -> "Told":
            if mode:
                own.extend((time.perf_counter(), anonymous_bytes(), bytes_read()))
            return super().train(mode)

    net = Told([3072, 256, CLASSES], scale=255)
    fit(net, data, objective=objective, budget=BUDGET)
    seconds, read = time.perf_counter() - own[3], bytes_read() - own[5]
    return {"seconds": seconds, "first": own[1], "last": anonymous_bytes(), "read": read}


def bytes_read() -> float:
    """Return what this process has had read from the disk."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("read_bytes"))


def forget(folder: Path) -> None:
    """Put a folder's files out of the page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def anonymous_bytes() -> float:
    """Return this process's resident memory that is not a mapped file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


@contextlib.contextmanager
def limited() -> Iterator[Path]:
    """Yield a control group whose processes may use LIMIT bytes together, page cache included."""
    for root, name in zip(GROUPS, ("memory.limit_in_bytes", "memory.max"), strict=True):
        group = root / "limbeck-benchmark"
        try:
            group.mkdir(exist_ok=True)
            (group / name).write_text(str(LIMIT))
        except OSError:
            continue
        try:
            yield group
        finally:
            group.rmdir()
        return
    print("out_of_core: left out, it needs the right to make a control group (root, on Linux)")
    sys.exit(0)


def worker(folder: Path, group: Path | None) -> dict[str, float]:
    """Train in a process of its own, in a control group where one is given."""
    arguments = [sys.executable, __file__, str(folder), "" if group is None else str(group / "cgroup.procs")]
    return json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measure and record."""
    times, grown, read, told = [], [], [], {"examples": EXAMPLES, "limit": LIMIT, "window": BUDGET.shuffle_window}
    with tempfile.TemporaryDirectory(dir=".") as name, limited() as group:
        folder = Path(name)
        make_data(folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        for _ in range(ROUNDS):
            forget(folder)
            mapped, held = worker(folder, group), worker(folder, None)
            if mapped["read"] < 0.9 * size:
                raise SystemExit(f"the mapped epoch read {mapped['read']:.3g} of {size:.3g} bytes: nothing was limited")
            read.append(mapped["read"])
            times.append((mapped["seconds"], held["seconds"]))
            grown.append(max(0.0, mapped["last"] - mapped["first"]))
        told["bytes"] = size
    rows = [
        ratio_row("student, epoch of 1.5 GB mapped with 700 MB of memory / epoch in memory", times),
        value_row("student, epoch of 1.5 GB mapped with 700 MB of memory", "seconds", [here for here, _ in times]),
        value_row("student, memory that the mapped epochs took", "size (bytes)", grown),
        value_row("student, read from disk in the mapped epoch", "size (bytes)", read),
    ]
    record("out_of_core", told, rows)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        if sys.argv[2]:
            Path(sys.argv[2]).write_text(str(os.getpid()))
        print(json.dumps(train(Path(sys.argv[1]), mapped=bool(sys.argv[2]))))
    else:
        main()
