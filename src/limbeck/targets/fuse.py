"""Fusing: the mean of a store's teachers, written once, so that a student reads one row instead of many."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.divergence import DenseTargets, check_served
from limbeck.errors import ArgumentError
from limbeck.files import fingerprint
from limbeck.objective import check_temperature
from limbeck.progress import Progress
from limbeck.targets.dense import Dense
from limbeck.targets.encoding import Encoding
from limbeck.targets.manifest import EXAMPLES, Member
from limbeck.targets.reader import SoftTargets
from limbeck.targets.shards import concatenated
from limbeck.targets.writer import begin, default_rows_per_shard, put_shard, shards_there

ROWS = 4096  # made at once


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

    def mean_of(rows: NDArray[np.int64]) -> Tensor:
        mean = targets.at_rows(rows, temperature)
        assert isinstance(mean, DenseTargets)  # the store is dense
        return mean.logits

    return rewritten(targets, folder, {"fused": targets.fingerprint}, mean_of, encoding=encoding, progress=progress)


def rewritten(
    source: SoftTargets,
    folder: str | Path,
    made: Mapping[str, Any],
    logits_of: Callable[[NDArray[np.int64]], Tensor],
    *,
    encoding: Encoding | None = None,
    progress: Progress | None = None,
) -> SoftTargets:
    """Write what is made of stored rows as a store of one teacher for the same rows, and return it.

    A writer that was killed goes on where it was.

    Args:
        source: the store whose examples, views and classes the new one has.
        folder: where it goes.
        made: what binds it to what it is made of.
        logits_of: from the numbers of rows to their logits (rows, classes).
        encoding: how these are kept; `Dense("float16")` where None.
        progress: where to tell how far it is; nowhere by default.

    Raises:
        TargetsError: the folder holds something else.
        RunError: the folder can't be written.
    """
    encoding, folder = encoding or Dense(), Path(folder)
    wanted = replace(
        source.manifest,
        encoding=encoding.spec(),
        rows_per_shard=default_rows_per_shard(encoding, source.num_classes),
        mean="arithmetic",
        members=(Member(fingerprint(made), 1.0),),
    )
    listed = None if wanted.examples is None else (source.folder / EXAMPLES).read_bytes()
    manifest = begin(folder, wanted, listed)
    written = shards_there(folder, manifest, 0)
    done = sum(len(manifest.rows_of_shard(number)) for number in written)
    with (progress or Progress()).task("rewrite", manifest.num_rows, "rows", done) as task:
        for number in set(range(manifest.num_shards)) - written:
            rows = manifest.rows_of_shard(number)
            starts = range(rows.start, rows.stop, ROWS)
            parts = [np.arange(start, min(start + ROWS, rows.stop)) for start in starts]
            pieces = [encoding.encode(logits_of(part), torch.from_numpy(part)) for part in parts]
            put_shard(folder, 0, number, concatenated(pieces))
            task.advance(len(rows))
    return SoftTargets.open(folder)
