"""Equation 5's solution for a whole transfer set, solved once from what generalist and specialists have in store."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from limbeck.divergence import DenseTargets
from limbeck.progress import Progress
from limbeck.specialists.team import Terms
from limbeck.targets import SoftTargets
from limbeck.targets.fuse import rewritten


def made_of(generalist: SoftTargets, specialists: Sequence[SoftTargets], terms: Terms) -> dict[str, Any]:
    """Return what binds a stored solution to what it is made of."""
    return {"equation 5": [store.fingerprint for store in (generalist, *specialists)], "terms": repr(terms)}


def solve_stored(
    generalist: SoftTargets,
    specialists: Sequence[SoftTargets],
    terms: Terms,
    folder: str | Path,
    progress: Progress | None = None,
) -> SoftTargets:
    """Write the log of equation 5's solution for every row that is in store, and return that store.

    Args:
        generalist: what it says of the transfer set, dense.
        specialists: what each says of the same, in the order of the terms' members.
        terms: on which they are combined.
        folder: where the solution goes.
        progress: where to tell how far it is; nowhere by default.

    Raises:
        ArgumentError: not as many specialists as members.
        TargetsError: the folder holds something else.
        RunError: the folder can't be written.
    """

    def logits_of(rows: NDArray[np.int64]) -> Tensor:
        said, *others = (_said(store, rows) for store in (generalist, *specialists))
        return terms.together(said, others)

    return rewritten(generalist, folder, made_of(generalist, specialists, terms), logits_of, progress=progress)


def _said(store: SoftTargets, rows: NDArray[np.int64]) -> Tensor:
    told = store.at_rows(rows, 1.0)
    assert isinstance(told, DenseTargets)  # `Study.soften` writes no other
    return told.logits
