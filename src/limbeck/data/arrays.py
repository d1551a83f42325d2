"""A folder of numpy arrays as a transfer set: mapped, so that they may be larger than memory."""

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from limbeck.data.origins import RowsOfTables
from limbeck.data.transfer_set import TransferSet, whole_numbers
from limbeck.errors import DataError
from limbeck.objective import UNLABELLED

HIGHEST_LABEL = 2**31 - 1  # of arrays; beyond it there is no class


def load_arrays(folder: str | Path) -> TransferSet:
    """Return a folder's arrays as a transfer set, mapped: what is larger than memory stays on disk.

    inputs.npy (rows, ...) is needed; labels.npy (rows,), run_lengths.npy (examples,) and classes.txt, a class name a
    line, may be there.

    Raises:
        DataError: a file is missing or no array of numbers.
        ArgumentError: the arrays don't fit each other.
    """
    folder = Path(folder)
    inputs = _mapped(folder / "inputs.npy")
    return TransferSet(
        inputs,
        _labels(folder / "labels.npy") if (folder / "labels.npy").exists() else None,
        _names(folder / "classes.txt") if (folder / "classes.txt").exists() else (),
        name=folder.name,
        run_lengths=_mapped(folder / "run_lengths.npy") if (folder / "run_lengths.npy").exists() else None,
        origins=RowsOfTables([str(folder / "inputs.npy")], [len(inputs)]) if inputs.ndim else None,
    )


def _names(path: Path) -> tuple[str, ...]:
    try:
        names = path.read_text("utf-8-sig").splitlines()  # some editors leave a mark before the first letter
    except ValueError as error:
        raise DataError(f"{path} must be a class name a line, in UTF-8: {error}") from error
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{path} must be a class name a line, each once, {twice[0]!r} is there twice")
    return tuple(names)


def _labels(path: Path) -> torch.Tensor:
    labels = _mapped(path)
    if whole_numbers(labels) and labels.numel():
        low, high = int(labels.numpy().min()), int(labels.numpy().max())
        if low < UNLABELLED or high > HIGHEST_LABEL:
            raise DataError(
                f"{path} must hold labels in {UNLABELLED}..{HIGHEST_LABEL}, got {low}..{high}",
                f"{UNLABELLED} stands for a row without a label",
            )
    return labels


def _mapped(path: Path) -> torch.Tensor:
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)  # none writes
            return torch.from_numpy(mapped)
    except (OSError, EOFError, ValueError, TypeError) as error:
        told = "it holds objects, which are never read" if "allow_pickle" in str(error) else error
        raise DataError(f"{path} must be an array of numbers in numpy's format: {told}") from error
