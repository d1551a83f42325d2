"""The soft-target store: rows read and written a second, bytes a row, memory, and bits that flip.

    python benchmarks/store.py       writes results/bench-store.json

Two stores: 60,000 rows of 10 classes, dense, and 1,000,000 rows of 1,000 classes, the 20 most probable. Rows are read
at random, 256 at a time, as they are stored, beside numpy's memmap of the same bytes as typed rows, and Hugging Face
`datasets`; files are in the page cache for all. Writing is measured against the teacher's own inference.
"""

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import torch
from datasets.table import InMemoryTable
from timing import interleaved, ratio_row, record, seconds, value_row
from torch import nn

from limbeck import SoftTargets, TransferSet, write_soft_targets
from limbeck.errors import TargetsError
from limbeck.models import MLP, VGG
from limbeck.recipes.cifar10_labml import LARGE
from limbeck.targets import Dense, Encoding, Sampled, TopK
from limbeck.targets.shards import lists_of
from limbeck.teachers import from_function, judged

BATCH, BATCHES, ROUNDS, FEW = 256, 200, 9, 10
TEMPERATURES = (1.0, 4.0)
FLIPS = 1000


def noise_store(folder: Path, rows: int, classes: int, encoding: Encoding) -> SoftTargets:
    """Write a store of noise: what is measured is time."""
    table = 3 * torch.randn(4096, classes, generator=torch.Generator().manual_seed(0))
    teacher = from_function(lambda ids: table[ids[:, 0] % len(table)], "noise, 1")
    return write_soft_targets(teacher, TransferSet(torch.arange(rows).unsqueeze(1)), folder, encoding=encoding)


def as_memmap(targets: SoftTargets, folder: Path) -> np.memmap:
    """Return the same rows as one array of typed rows, mapped."""
    columns = targets.columns_of_rows(0, np.arange(targets.manifest.num_rows))
    row = np.dtype([(name, values.dtype, values.shape[1]) for name, values in columns.items()])
    whole = np.empty(targets.manifest.num_rows, row)
    for name, values in columns.items():
        whole[name] = values
    whole.tofile(folder / "rows.bin")
    return np.memmap(folder / "rows.bin", row, "r")


def as_dataset(rows: np.memmap, folder: Path) -> datasets.Dataset:
    """Return the same rows as a Hugging Face data set on disk."""
    lists = lists_of({name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ()})
    whole = datasets.Dataset(InMemoryTable(pa.table(lists)))
    whole.save_to_disk(str(folder / "hf"))
    return datasets.load_from_disk(str(folder / "hf")).with_format("numpy")  # pyright: ignore[reportReturnType]


def anonymous_bytes() -> int:
    """Return this process's resident memory that is not a mapped file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def reads(name: str, targets: SoftTargets, folder: Path) -> list[dict[str, object]]:
    """Measure random reads of one store."""
    generator = np.random.default_rng(0)
    batches = [generator.integers(0, targets.manifest.num_rows, BATCH) for _ in range(BATCHES)]
    asked, few = [torch.from_numpy(batch) for batch in batches], batches[:: BATCHES // FEW]
    rows = as_memmap(targets, folder)
    hub = as_dataset(rows, folder)

    def each(read: Callable[[Any], object], what: Sequence[object]) -> Callable[[], object]:
        return lambda: [read(ids) for ids in what]

    ours = each(lambda ids: targets.columns(0, ids), asked)
    ready = each(lambda ids: targets.at(ids, temperature=4.0), asked)
    times = interleaved(each(rows.__getitem__, batches), ours, ROUNDS)
    by_take = interleaved(each(rows.take, batches), ours, ROUNDS)
    by_hub = interleaved(each(hub.__getitem__, few), ours, 3)
    held = anonymous_bytes()
    for _ in range(20):
        ours()
    grown = float(max(0, anonymous_bytes() - held))
    size = sum(path.stat().st_size for path in targets.folder.rglob("*") if path.is_file())
    total = BATCH * BATCHES
    rates = [total / here for _, here in times]
    made_ready = [total / seconds(ready) for _ in range(ROUNDS)]
    return [
        ratio_row(f"student, read by numpy memmap / read by ours, {name}", times),
        ratio_row(f"student, read by numpy memmap's take / read by ours, {name}", by_take),
        ratio_row(
            f"student, read by Hugging Face datasets / read by ours, {name}",
            [(there * BATCHES / FEW, here) for there, here in by_hub],
        ),
        value_row(f"student, rows read a second, {name}", "rows a second", rates),
        value_row(f"student, rows made ready for the loss a second, {name}", "rows a second", made_ready),
        value_row(f"student, memory that {20 * total:,} more rows read took, {name}", "size (bytes)", [grown]),
        value_row(f"student, bytes a row, all told, {name}", "size (bytes)", [size / targets.manifest.num_rows]),
    ]


def writing(
    name: str, teacher: nn.Module, shape: tuple[int, ...], encoding: Encoding, folder: Path
) -> dict[str, object]:
    """Measure what writing adds to a teacher's inference."""
    data = TransferSet(torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0)))
    data.fingerprint  # noqa: B018 - is known before a student trains, too
    numbers = iter(range(1000))

    def write() -> None:
        write_soft_targets(teacher, data, folder / f"{name}-{next(numbers)}", encoding=encoding)

    def infer() -> None:
        for _ in judged(teacher, data, data.ids, 0, 1024):
            pass

    return ratio_row(f"teacher, inference and writing / inference, {name}", interleaved(write, infer, 5))


def flips(folder: Path) -> dict[str, object]:
    """Flip one bit at a time, anywhere in stores of each encoding, and count what is detected."""
    moments, found = random.Random(0), 0
    encodings = (Dense(), Dense("float32"), TopK(3, TEMPERATURES), Sampled(4, TEMPERATURES))
    stores = [noise_store(folder / str(number), 300, 10, each) for number, each in enumerate(encodings)]
    files = [path for store in stores for path in (*store.folder.rglob("*.arrow"), store.folder / "manifest.json")]
    for flip in range(FLIPS):
        path = files[flip % len(files)]
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[moments.randrange(len(whole))] ^= 1 << moments.randrange(8)
        path.write_bytes(damaged)
        store = path.parent if path.suffix == ".json" else path.parent.parent
        try:
            SoftTargets.open(store).at(torch.arange(300), temperature=4.0)
        except TargetsError:
            found += 1
        path.write_bytes(whole)
    return value_row("student, flipped bits found when read / flipped bits", "ratio", [found / FLIPS])


def main() -> None:
    """Measure and record."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = noise_store(folder / "small", 60_000, 10, Dense())
        rows += reads("60,000 x 10 dense", small, folder)
        began = seconds(lambda: noise_store(folder / "large", 1_000_000, 1000, TopK(20, TEMPERATURES)))
        rows.append(
            value_row("student, rows encoded and written a second, top-k", "rows a second", [1_000_000 / began])
        )
        rows += reads("1,000,000 x 1,000 top-k", SoftTargets.open(folder / "large"), folder)
        mnist, cifar, many = (20_000, 1, 28, 28), (512, 3, 32, 32), TopK(20, TEMPERATURES)
        for told, teacher, shape, encoding in (
            ("MLP of 1,200 units, 10 classes dense", MLP([784, 1200, 1200, 10], scale=255), mnist, Dense()),
            ("MLP of 1,200 units, 1,000 classes top-k", MLP([784, 1200, 1200, 1000], scale=255), mnist, many),
            ("labml's VGG, 1,000 classes top-k", VGG(LARGE, 1000), cifar, many),
        ):
            rows.append(writing(told, teacher, shape, encoding, folder))
        rows.append(flips(folder / "flips"))
    record("store", {"batch": BATCH, "k": 20, "temperatures": TEMPERATURES, "flips": FLIPS}, rows)


if __name__ == "__main__":
    main()
