"""UCI's letter recognition (Frey & Slate 1991): 20,000 rows of 16 numbers, from its file or from openml.org."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from limbeck.data.images import ENVIRONMENT
from limbeck.data.transfer_set import TransferSet
from limbeck.errors import DataError

LETTER_NAMES = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
LETTER_FILE, LETTER_ROWS, LETTER_TRAIN = "letter-recognition.data", 20_000, 16_000
LETTERS_HINT = (
    f"give the folder with --data DIR or {ENVIRONMENT}: it holds {LETTER_FILE} of UCI's letter recognition; "
    "without a folder the data comes from openml.org"
)


def load_letters(folder: str | Path | None = None) -> tuple[TransferSet, TransferSet]:
    """Return UCI's letter recognition (Frey & Slate 1991) as (training, test): uint8 (examples, 16), values 0..15.

    The first 16,000 rows are the training set, the last 4,000 the test set, as its authors cut it. `folder`, or else
    the environment's LIMBECK_DATA, holds letter-recognition.data, itself or in a folder `letter_recognition`. With
    neither it comes from openml.org.

    Raises:
        DataError: the file is missing or corrupt, or openml.org can't be reached.
    """
    chosen = folder or os.environ.get(ENVIRONMENT)
    letters, features = _letters_from_folder(Path(chosen)) if chosen else _letters_from_openml()
    if features.shape != (LETTER_ROWS, 16) or features.min() < 0 or features.max() > 15:
        raise DataError(f"letters must be {LETTER_ROWS} rows of 16 numbers 0..15, got {features.shape}", LETTERS_HINT)
    labels = np.array([ord(letter) - ord("A") for letter in letters], np.int64)
    if labels.min() < 0 or labels.max() > 25:
        raise DataError("letters must begin each row with one of A..Z", LETTERS_HINT)
    both = TransferSet(torch.from_numpy(features.astype(np.uint8)), torch.from_numpy(labels), LETTER_NAMES)
    parts = (("training", torch.arange(LETTER_TRAIN)), ("test", torch.arange(LETTER_TRAIN, LETTER_ROWS)))
    return tuple(both.subset(ids, f"letters {split} set") for split, ids in parts)  # pyright: ignore[reportReturnType]


def _letters_from_folder(folder: Path) -> tuple[list[str], np.ndarray]:
    places = (folder / "letter_recognition" / LETTER_FILE, folder / LETTER_FILE)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise DataError(f"{folder} must hold {LETTER_FILE}, it is not there", LETTERS_HINT)
    try:
        rows = [line.split(",") for line in path.read_text("ascii").split()]
        rows = rows[1:] if rows and rows[0][0] == "Letter" else rows  # some copies name their columns
        if any(len(row[0]) != 1 for row in rows):
            raise ValueError("a row begins with more than a letter")  # noqa: TRY301 - told as the others are
        return [row[0] for row in rows], np.array([[int(value) for value in row[1:]] for row in rows])
    except (OSError, ValueError) as error:
        raise DataError(f"{path} must hold rows of a letter and 16 whole numbers: {error}", LETTERS_HINT) from error


def _letters_from_openml() -> tuple[list[str], np.ndarray]:
    from sklearn.datasets import fetch_openml

    try:
        bunch: Any = fetch_openml("letter", version=1, as_frame=False)
    except Exception as error:
        raise DataError(f"letters could not be read from openml.org: {error}", LETTERS_HINT) from error
    return list(bunch.target), bunch.data.astype(int)
