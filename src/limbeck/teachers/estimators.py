"""Teachers from scikit-learn: any fitted estimator with `predict_proba`, and what looks like one."""

import shlex
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.files import fingerprint
from limbeck.teachers.adapters import AdaptedTeacher, numpy_of
from limbeck.teachers.probabilities import PROBABILITY_FLOOR, check_floor
from limbeck.teachers.state import state_fingerprint

MOST_NAMED = 20  # classes
OTHERS_HINT = (
    "fit it to the data's own labels; or, where its classes are these under other names, wrap it: "
    "limbeck.teachers.from_function(estimator.predict_proba, 'name and version', gives='probs', takes='numpy')"
)


def from_sklearn(
    estimator: Any,
    *,
    floor: float = PROBABILITY_FLOOR,
    classes: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> AdaptedTeacher:
    """Return a teacher whose logits are log(max(predict_proba, floor)).

    Inputs are flattened to (batch, features), in the type in which the view yields them.

    The fingerprint is that of the fitted state: fitted again with the same settings, `random_state`, data, versions
    and threads, an estimator has the same one. How it was computed (`n_jobs`, `verbose`, a search's timings) doesn't
    count. Nothing is pickled.

    Args:
        estimator: fitted, of one output, its labels 0..classes - 1, or those that are named.
        floor: smallest probability that is told apart from another: see `logits_of`.
        classes: names of all classes in their order, for an estimator fitted to labels that are called so.
        columns: names of the columns of the rows it will be given, in their order. One that was fitted on named
            columns (of a DataFrame) must have been fitted on these.

    Raises:
        ArgumentError: no such estimator, one fitted on other columns, or a state of which no fingerprint can be taken.
    """
    check_floor(floor)
    if not hasattr(estimator, "predict_proba"):
        raise ArgumentError(
            f"an estimator must have predict_proba, {type(estimator).__name__} has none",
            "sklearn.calibration.CalibratedClassifierCV gives one to any classifier",
        )
    name = f"{type(estimator).__name__} of {_num_classes(estimator, classes)} classes"
    _check_columns(estimator, columns)

    def identify() -> str:
        return fingerprint({"estimator": state_fingerprint(estimator), "floor": floor})

    identify()  # what can't be told is better said now than after the predictions
    return AdaptedTeacher(name, lambda inputs: _ask(estimator, inputs), identify, "probs", floor)


def _num_classes(estimator: Any, names: Sequence[str]) -> int:
    """Return the number of an estimator's classes.

    Raises:
        ArgumentError: it is not fitted, has several outputs, or other labels than 0..classes - 1 or the names.
    """
    name, classes = type(estimator).__name__, getattr(estimator, "classes_", None)
    if classes is None:
        raise ArgumentError(f"an estimator must be fitted, {name} has no classes_", "call fit(inputs, labels) first")
    if isinstance(classes, list) or np.ndim(classes) != 1:
        raise ArgumentError(
            f"an estimator must have one output, {name} has {len(classes)}", "fit one estimator to each output"
        )
    labels = list(classes)
    by_name = bool(names) and [str(label) for label in labels] == list(names)
    if not by_name and not all(label == number for number, label in enumerate(labels)):
        shown, named = ", ".join(str(label) for label in labels[:10]), ", ".join(names[:10])
        same = not names or {str(label) for label in labels} == set(names)
        raise ArgumentError(
            f"an estimator's labels must be 0..{len(labels) - 1}{named and f', or {named}'}, {name} has {shown}",
            f"if these are the data's classes, name them in that order: {_naming(labels)}" if same else OTHERS_HINT,
        )
    return len(labels)


def _naming(labels: Sequence[Any]) -> str:
    """Return how classes are named on the command line and in Python."""
    if len(labels) > MOST_NAMED:
        return f"--classes and all {len(labels)} of classes_, or from_sklearn(estimator, classes=[...])"
    named = [str(label) for label in labels]
    return f"--classes {shlex.join(named)}, or from_sklearn(estimator, classes={named})"


def _check_columns(estimator: Any, columns: Sequence[str]) -> None:
    """Raise ArgumentError if an estimator was fitted on named columns, and not on these in this order."""
    fitted = [str(name).strip() for name in getattr(estimator, "feature_names_in_", ())]
    if not fitted or not columns or fitted == list(columns):
        return
    name, lacking = type(estimator).__name__, [each for each in fitted if each not in columns]
    if lacking:
        raise ArgumentError(
            f"inputs must be the columns that {name} was fitted on, {lacking[0]!r} is not among {', '.join(columns)}",
            f"it was fitted on {', '.join(fitted)}",
        )
    raise ArgumentError(
        f"inputs must be the {len(fitted)} columns that {name} was fitted on, in that order: {', '.join(fitted)}; "
        f"they are {', '.join(columns)}",
        f"--inputs {shlex.join(fitted)}",
    )


def _ask(estimator: Any, inputs: Tensor) -> Any:
    flat = numpy_of(inputs).reshape(len(inputs), -1)
    wanted = getattr(estimator, "n_features_in_", None)
    if wanted is not None and wanted != flat.shape[1]:
        raise ArgumentError(
            f"inputs must have the {wanted} features {type(estimator).__name__} was fitted on, got {flat.shape[1]} "
            f"from a batch of shape {tuple(inputs.shape)}"
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)  # seen to be the same
        return estimator.predict_proba(flat)
