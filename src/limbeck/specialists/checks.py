"""What the combination takes: special sets, the specialists' outcomes, who counts for which row."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.errors import ArgumentError

ROUNDING = {torch.float16: 1e-2, torch.bfloat16: 2e-2}  # of a row's sum: many classes, each rounded
ROUNDING_WIDE = 1e-3


def check_special_classes(
    generalist_probs: Tensor, specialist_probs: Sequence[Tensor], special_classes: Sequence[Sequence[int]]
) -> list[NDArray[np.intp]]:
    """Return each special set as indices.

    Raises:
        ArgumentError: what is no tensor, probabilities of other shapes than the sets say, or sets that `as_sets`
            refuses.
    """
    check_rows("the generalist's probabilities", generalist_probs)
    if not isinstance(specialist_probs, Sequence | Tensor):
        raise ArgumentError(
            f"specialist_probs must be a list of tensors, one a specialist, got {type(specialist_probs).__name__}"
        )
    sets = as_sets(special_classes, generalist_probs.shape[1])
    if len(specialist_probs) != len(sets):
        raise ArgumentError(
            f"each specialist must have a special set, got {len(specialist_probs)} distributions and {len(sets)} sets"
        )
    for number, (given, classes) in enumerate(zip(specialist_probs, sets, strict=True)):
        wanted = (len(generalist_probs), len(classes) + 1)
        if not _is_numbers(given) or tuple(given.shape) != wanted:
            raise ArgumentError(
                f"specialist {number}'s probabilities must be a tensor (batch, special classes + 1) = {wanted}, "
                f"got {_told(given)}",
                "the last column is the dustbin's",
            )
    return sets


def check_rows(name: str, given: Tensor) -> None:
    """Raise ArgumentError unless it is a tensor of numbers, a row an example and a column a class."""
    if not _is_numbers(given) or given.ndim != 2 or not given.shape[1]:
        raise ArgumentError(
            f"{name} must be a tensor of numbers (batch, classes), got {_told(given)}",
            None if isinstance(given, Tensor) else "torch.as_tensor makes one of a list or an array",
        )


def _is_numbers(given: object) -> bool:
    return isinstance(given, Tensor) and given.dtype != torch.bool and not given.is_complex()


def _told(given: object) -> str:
    """Return in words what was given in the place of a tensor."""
    return f"{given.dtype} of shape {tuple(given.shape)}" if isinstance(given, Tensor) else type(given).__name__


def as_sets(special_classes: Sequence[Sequence[int]], num_classes: int) -> list[NDArray[np.intp]]:
    """Return each special set as indices.

    Raises:
        ArgumentError: no sets, or one that is empty, has a class twice, or one that is not in 0..num_classes - 1.
    """
    if not isinstance(special_classes, Sequence | Tensor | np.ndarray):
        raise ArgumentError(f"special sets must be a list of lists of classes, got {type(special_classes).__name__}")
    return [as_set(classes, num_classes, f"special set {number}") for number, classes in enumerate(special_classes)]


def as_set(special_classes: Sequence[int], num_classes: int, name: str = "a special set") -> NDArray[np.intp]:
    """Return one special set as indices.

    Raises:
        ArgumentError: it is empty, has a class twice, or one that is not in 0..num_classes - 1.
    """
    try:
        classes = np.asarray(special_classes)
    except ValueError:  # lists of several lengths in one
        classes = np.empty(0)
    if classes.ndim != 1 or not len(classes) or classes.dtype.kind not in "iu":
        raise ArgumentError(f"{name} must be one or more whole numbers, got {special_classes}")
    if classes.min() < 0 or classes.max() >= num_classes:
        raise ArgumentError(f"{name} must have classes in 0..{num_classes - 1}, got {classes.min()}..{classes.max()}")
    if len(np.unique(classes)) < len(classes):
        raise ArgumentError(f"{name} must have each class once, got {classes.tolist()}")
    return classes.astype(np.intp)


def checked_active(active: Tensor | None, num_rows: int, num_sets: int) -> NDArray[np.bool_]:
    """Return who counts for which row, all where None.

    Raises:
        ArgumentError: not truth values (batch, specialists).
    """
    if active is None:
        return np.ones((num_rows, num_sets), bool)
    if not isinstance(active, Tensor) or active.dtype != torch.bool or tuple(active.shape) != (num_rows, num_sets):
        raise ArgumentError(
            f"active must be a tensor of truth values (batch, specialists) = ({num_rows}, {num_sets}), "
            f"got {_told(active)}"
        )
    return active.cpu().numpy()


def dustbin_of_all(number: int, dustbin: float) -> ArgumentError:
    """Return the error of a specialist whose set has all classes, and whose dustbin has a probability all the same."""
    return ArgumentError(
        f"a dustbin for no classes must be 0, got {dustbin:g} from specialist {number}, whose special set has all "
        "classes",
        "let it be a distribution over the classes alone, and its dustbin a column of zeros",
    )


def check_count(name: str, given: int, most: int, hint: str | None = None) -> None:
    """Raise ArgumentError unless it is a whole number in 1..most."""
    if not isinstance(given, int | np.integer) or isinstance(given, bool) or not 1 <= given <= most:
        raise ArgumentError(f"{name} must be a whole number in 1..{most}, got {given!r}", hint)


def check_distributions(name: str, probs: Tensor) -> NDArray[np.float64]:
    """Return rows of probabilities in float64, scaled to a sum of 1, from which rounding may have taken them.

    Raises:
        ArgumentError: a row with a number < 0, or whose sum is not 1 but for the rounding of its type.
    """
    wide = probs.double().numpy()
    sums = (wide @ np.ones(wide.shape[1]))[:, None]  # several times as fast as `sum` for short rows
    off = ~(np.abs(sums - 1) <= ROUNDING.get(probs.dtype, ROUNDING_WIDE))
    if off.any():
        raise ArgumentError(
            f"{name}'s rows must be probabilities that add up to 1, got a sum of {sums[off][0]:g}",
            "probabilities are asked for here, softmax(logits)",
        )
    if len(wide) and wide.min() < 0:
        raise ArgumentError(f"{name}'s probabilities must be >= 0, got {wide.min():g}")
    return wide / sums
