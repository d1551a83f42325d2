"""Views of tables: rows of numbers that are moved a little, or mingled with their neighbours.

A teacher that has fitted its training rows says nothing of them that their labels don't; it has to be asked in between
(Bucila, Caruana & Niculescu-Mizil 2006, where this field begins).
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.philox import below, philox
from limbeck.errors import ArgumentError
from limbeck.files import sha256

STREAM = 5  # of philox, for views of tables
LARGEST_NOISE = 2**31 - 1  # moves are drawn from 32 bits
WORDS = 4  # of each number philox gives
BLOCK = 512  # rows whose neighbours are looked for at once


@dataclass(frozen=True)
class Noise:
    """Each value moved, with probability `share`, by a whole number in -size..size, and kept in lowest..highest."""

    size: int = 1
    share: float = 0.3
    lowest: int = 0
    highest: int = 255
    seed: int = 0

    def __post_init__(self) -> None:
        _check_share(self.share)
        if not 0 <= self.size <= LARGEST_NOISE or self.lowest > self.highest:
            raise ArgumentError(
                f"noise must have a size in 0..{LARGEST_NOISE} and lowest <= highest, got {self.size}, {self.lowest}, "
                f"{self.highest}"
            )

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        width = math.prod(inputs.shape[1:])
        words = _words(self.seed, ids, number, 2 * width)
        moves = below(words[:, :width], 2 * self.size + 1) - self.size
        moved = torch.from_numpy(np.where(_chosen(words[:, width:], self.share), moves, 0)).view(inputs.shape)
        wide = inputs.double() if inputs.is_floating_point() else inputs.long()
        low, high = (float(edge) for edge in wide.aminmax())
        if low < self.lowest or high > self.highest:
            raise ArgumentError(f"noise takes values in {self.lowest}..{self.highest}, got {low:g}..{high:g}")
        return (wide + moved.to(inputs.device)).clamp_(self.lowest, self.highest).to(inputs.dtype)

    def spec(self) -> dict[str, Any]:
        return {"name": "noise", **asdict(self)}


@dataclass(frozen=True, eq=False)
class Mingle:
    """Each value taken, with probability `share`, from the row's nearest neighbour (Bucila et al. 2006, MUNGE)."""

    others: Tensor
    """The other row for each row of the source, as `neighbours` finds them."""
    share: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        _check_share(self.share)

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        others = self.others.index_select(0, ids.to(self.others.device)).to(inputs)
        if others.shape != inputs.shape:
            raise ArgumentError(f"rows must have the others' shape {tuple(others.shape)}, got {tuple(inputs.shape)}")
        words = _words(self.seed, ids, number, math.prod(inputs.shape[1:])).reshape(inputs.shape)
        return torch.where(torch.from_numpy(_chosen(words, self.share)).to(inputs.device), others, inputs)

    def spec(self) -> dict[str, Any]:
        told = {"name": "mingle", "share": self.share, "seed": self.seed}
        return {**told, "others": sha256(np.ascontiguousarray(self.others.cpu().numpy()).tobytes())}


@dataclass(frozen=True)
class WordDropout:
    """Each value that isn't 0 set to 0 with probability `share`: words left out of a sentence (Iyyer et al. 2015)."""

    share: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        _check_share(self.share)

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        flat = inputs.flatten(1).clone()
        there = flat.cpu() != 0
        rows, places = there.nonzero(as_tuple=True)
        counts = there.sum(1)
        nth = torch.arange(len(rows)) - (counts.cumsum(0) - counts).repeat_interleave(counts)  # of its row's values
        words = _words(self.seed, ids, number, int(counts.max()), flat.shape[1])  # as many as are needed, not a row of
        left_out = torch.from_numpy(_chosen(words, self.share))[rows, nth]
        flat[rows[left_out], places[left_out]] = 0
        return flat.view(inputs.shape)

    def spec(self) -> dict[str, Any]:
        return {"name": "word-dropout", **asdict(self)}


def neighbours(inputs: Tensor, ids: Int[Tensor, " examples"]) -> Tensor:
    """Return, for each row of a source, the nearest other row among `ids` (Euclidean), shaped like the source.

    Rows outside `ids` get themselves: what is held out is mingled with nothing.

    Raises:
        ArgumentError: fewer than two ids.
    """
    if len(ids) < 2:
        raise ArgumentError(f"neighbours need at least two rows, got {len(ids)}")
    rows = inputs.index_select(0, ids).flatten(1).double()
    squares, nearest = (rows * rows).sum(1), []
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        distances = squares - 2 * part @ rows.T  # less each row's own square, the same for all its neighbours
        own = torch.arange(len(part))
        distances[own, own + start] = math.inf
        nearest.append(distances.argmin(1))
    others = inputs.clone()
    others[ids] = inputs[ids[torch.cat(nearest)]]
    return others


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise ArgumentError(f"share must lie in 0..1, got {share}")


def _words(seed: int, ids: Tensor, number: int, count: int, most: int | None = None) -> NDArray[np.uint64]:
    """Return random words (examples, count) that are a function of (seed, id, number), the first of `most`."""
    blocks, own = -(-count // WORDS), -(-(most or count) // WORDS)
    counters = ids.cpu().numpy()[:, None] * own + np.arange(blocks)  # (examples, blocks)
    return philox(seed, STREAM, counters.ravel(), number).T.reshape(len(ids), -1)[:, :count]


def _chosen(words: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    return words < np.uint64(round(share * 2**32))
