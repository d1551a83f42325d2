"""The dense encoding: every logit of a row, in float16 less the row's maximum, or in float32.

The maximum is subtracted because float16 then keeps the likely classes finest: T²·KL to the truth is below 1e-6,
and the most probable class never changes.
"""

import io
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.errors import TargetsError

Encoding = Literal["float16", "float32"]
LOWEST = {"float16": -65504.0, "float32": -3.4028234663852886e38}


def encode(logits: Tensor, encoding: Encoding) -> NDArray[np.floating]:
    """Return logits (rows, classes) as they are stored.

    Raises:
        TargetsError: a logit is NaN or +inf, or a row has no finite logit.
    """
    wide = logits.detach().float().cpu()
    top = wide.max(dim=-1, keepdim=True).values
    if not torch.isfinite(top).all():
        row = int((~torch.isfinite(top)).flatten().nonzero()[0])
        raise TargetsError(
            f"a teacher's logits must have a finite maximum in each row, got {wide[row].tolist()[:10]}",
            "look at the teacher's output on this input: it is NaN or infinite",
        )
    shifted = (wide - top).numpy()
    finite = np.where(np.isneginf(shifted), -np.inf, np.maximum(shifted, LOWEST[encoding]))
    stored = finite.astype(encoding)
    return _keep_top(stored, shifted) if encoding == "float16" else stored


def _keep_top(stored: NDArray[np.floating], exact: NDArray[np.floating]) -> NDArray[np.floating]:
    """Lower by one float16 step what rounding lifted into a tie with the row's maximum, so that argmax is kept."""
    lifted = (stored == 0) & (exact < 0)
    stored[lifted] = np.nextafter(np.float16(0), np.float16(-1))
    return stored


def to_shard(rows: NDArray[np.floating]) -> bytes:
    """Return rows (n, classes) as one Arrow IPC file with one column `logits`."""
    flat = pa.array(rows.reshape(-1))
    table = pa.record_batch([pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])], ["logits"])
    buffer = io.BytesIO()
    with pa.ipc.new_file(buffer, table.schema) as writer:
        writer.write_batch(table)
    return buffer.getvalue()


def from_shard(path: Path) -> NDArray[np.floating]:
    """Return the rows of a shard as a read-only numpy view of the mapped file: nothing is copied.

    Raises:
        TargetsError: the file is no such shard.
    """
    try:
        batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
        column = batch.column("logits")
        assert isinstance(column, pa.FixedSizeListArray)
        return column.flatten().to_numpy(zero_copy_only=True).reshape(len(batch), -1)
    except (OSError, KeyError, AssertionError, pa.ArrowInvalid) as error:
        raise TargetsError(f"shard {path} is no Arrow file with a column of logits: {error}") from error
