"""Labels as texts that mean the same in all files of a data set, whatever each file alone would be taken for."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from limbeck.data.arrow import compute, in_utf8, is_text, refuse_rows
from limbeck.data.labels import CLASSES_HINT
from limbeck.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

MISSING = frozenset(("na", "n/a", "#n/a", "nan", "-nan", "null", "none"))  # in small letters, as programs write it
MISSING_RULE, MISSING_HINT = "a label must be there", "take out the row, or use no labels: --unlabelled"
NUMBER = re.compile(r"[-+]?((\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|inf(inity)?)", re.ASCII | re.IGNORECASE)
WHOLE = re.compile(r"[-+]?\d+(\.0*)?", re.ASCII)
KIND_RULE = "labels must be text or whole numbers"
EXACT = 2**53  # up to which float64 holds every whole number


def texts(labels: "pa.ChunkedArray", place: str) -> "pa.ChunkedArray":
    """Return labels as texts: whole numbers as they are written, whole floats as whole numbers.

    Raises:
        DataError: a label is missing, or is neither text in UTF-8 nor a whole number.
    """
    import pyarrow as pa

    pc = compute()

    kind = labels.type
    if pa.types.is_dictionary(kind):
        labels = pc.cast(labels, kind.value_type)
        kind = labels.type
    if pa.types.is_floating(kind):
        refuse_rows(pc.is_null(labels, nan_is_null=True), labels, place, MISSING_RULE)
        wide = pc.cast(labels, pa.float64())
        whole = pc.and_(pc.equal(pc.round(wide), wide), pc.less_equal(pc.abs(wide), EXACT))
        refuse_rows(pc.invert(whole), labels, place, KIND_RULE)
        labels = pc.cast(wide, pa.int64())
    elif not (pa.types.is_integer(kind) or pa.types.is_boolean(kind) or is_text(kind)):
        raise DataError(f"{place}: {KIND_RULE}, the column is {kind}", "name it with --label")
    found = pc.cast(in_utf8(labels, place) if is_text(kind) else labels, pa.string())
    missing = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(found), ""), True)
    refuse_rows(missing, found, place, MISSING_RULE, MISSING_HINT)
    return found


def alike(
    labels: Sequence["pa.ChunkedArray"],
    places: Sequence[str],
    classes: Sequence[str],
    say: Callable[[str], None] = lambda _: None,
) -> list["pa.ChunkedArray"]:
    """Return the labels of all files as they are meant together; those that `classes` names are meant as written.

    Where all are numbers, `1.0` is 1, and `NA` is a label that is missing; among texts it is a class, which is told.

    Raises:
        DataError: a label is missing, or a number that is not whole, or one class is written in several ways.
    """
    pc = compute()

    found: set[str] = set().union(*(pc.unique(each).to_pylist() for each in labels))
    if found <= set(classes):
        return list(labels)
    missing = {label for label in found if label.lower() in MISSING}
    if not all(NUMBER.fullmatch(label) for label in found - missing) or found == missing:
        if missing:
            say(f"label: {', '.join(map(repr, sorted(missing)))} is taken for a class, not for a label that is missing")
        _refuse_other_spellings(found, places[0])
        return list(labels)
    for own, place in zip(labels, places, strict=True):
        _refuse_each(own, missing, place, MISSING_RULE, MISSING_HINT)
        _refuse_each(own, {label for label in found if not WHOLE.fullmatch(label)}, place, KIND_RULE)
    whole = [pc.replace_substring_regex(each, r"\.0*$", "") for each in labels]
    _refuse_other_spellings({label.partition(".")[0] for label in found}, places[0])
    return whole


def _refuse_each(labels: "pa.ChunkedArray", wrong: set[str], place: str, rule: str, hint: str | None = None) -> None:
    import pyarrow as pa

    bad = compute().is_in(labels, value_set=pa.array(sorted(wrong), pa.string()))
    refuse_rows(bad, labels, place, rule, *([hint] if hint else []))


def _refuse_other_spellings(names: set[str], place: str) -> None:
    """Raise DataError for two names that are one number, or one truth value."""
    first: dict[str, str] = {}
    for name in sorted(names):
        truth = name.lower() in ("true", "false")
        digits = name.removeprefix("+").lstrip("0") or "0"
        key = name.lower() if truth else digits if WHOLE.fullmatch(name) else name
        other = first.setdefault(key, name)
        if other != name:
            raise DataError(
                f"{place}: a class must be written in one way in all files, {other!r} and {name!r} are both there",
                f"write them alike; if they are two classes, {CLASSES_HINT}",
            )
