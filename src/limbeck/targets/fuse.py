"""Fusing: the mean of a store's teachers, written once, so that a student reads one row instead of many."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from limbeck.divergence import DenseTargets, check_served
from limbeck.errors import ArgumentError
from limbeck.files import fingerprint
from limbeck.objective import check_temperature
from limbeck.progress import Progress
from limbeck.targets.dense import Dense
from limbeck.targets.encoding import Columns, Encoding
from limbeck.targets.manifest import EXAMPLES, Member
from limbeck.targets.reader import SoftTargets
from limbeck.targets.shards import concatenated
from limbeck.targets.writer import begin, default_rows_per_shard, put_shard, shards_there

ROWS = 4096  # averaged at once


def fuse(
    targets: SoftTargets,
    folder: str | Path,
    *,
    temperature: float,
    encoding: Encoding | None = None,
    progress: Progress | None = None,
) -> SoftTargets:
    """Write the mean of a store's teachers at a temperature as a store of one teacher, and return it.

    The arithmetic mean of softened distributions is another one at each temperature: the new store serves this one
    alone. A geometric mean is the mean of logits and serves every one. A fusing that was killed goes on where it was.

    Args:
        targets: a dense store, read with the mean that is wanted (`averaged`).
        folder: where the new store goes.
        temperature: at which the student will learn.
        encoding: how the mean is kept; `Dense("float16")` where None. `TopK` and `Sampled` must declare this
            temperature alone, unless the mean is geometric.
        progress: where to tell how far it is; nowhere by default.

    Raises:
        ArgumentError: a temperature that can't be served, or a store or an encoding that is not as said above.
        TargetsError: the folder holds something else, or a shard is damaged.
        RunError: the folder can't be written.
    """
    check_temperature(temperature)
    temperature = float(temperature)
    targets.check_temperature(temperature)
    if not isinstance(targets.encoding, Dense):
        raise ArgumentError(f"fusing needs every class's logit, {targets.folder} keeps a part of them")
    everywhere = (targets.mean == "geometric" or targets.num_counted == 1) and targets.encoding.temperatures is None
    served = None if everywhere else (temperature,)
    encoding = Dense() if encoding is None else encoding
    if isinstance(encoding, Dense) and encoding.temperatures is None:
        encoding = replace(encoding, temperatures=served)
    if not everywhere and encoding.temperatures != served:
        raise ArgumentError(
            f"an arithmetic mean that is written once serves the temperature it was made at, {temperature:g}, "
            f"the encoding declares {encoding.temperatures}",
            f"declare temperatures=({temperature:g},)",
        )
    check_served(encoding.temperatures, temperature)
    made = {"fused": targets.fingerprint}
    wanted = replace(
        targets.manifest,
        encoding=encoding.spec(),
        rows_per_shard=default_rows_per_shard(encoding, targets.num_classes),
        mean="arithmetic",
        members=(Member(fingerprint(made), 1.0),),
    )
    folder = Path(folder)
    listed = None if wanted.examples is None else (targets.folder / EXAMPLES).read_bytes()
    manifest = begin(folder, wanted, listed)
    written = shards_there(folder, manifest, 0)
    done = sum(len(manifest.rows_of_shard(number)) for number in written)
    with (progress or Progress()).task("fuse", manifest.num_rows, "rows", done) as task:
        for number in set(range(manifest.num_shards)) - written:
            rows = manifest.rows_of_shard(number)
            put_shard(folder, 0, number, _mean_of(targets, encoding, rows, temperature))
            task.advance(len(rows))
    return SoftTargets.open(folder)


def _mean_of(targets: SoftTargets, encoding: Encoding, rows: range, temperature: float) -> Columns:
    """Return the encoded mean of some of a store's rows."""
    pieces = []
    for start in range(rows.start, rows.stop, ROWS):
        part = np.arange(start, min(start + ROWS, rows.stop))
        mean = targets.at_rows(part, temperature)
        assert isinstance(mean, DenseTargets)  # the store is dense
        pieces.append(encoding.encode(mean.logits, torch.from_numpy(part)))
    return concatenated(pieces)
