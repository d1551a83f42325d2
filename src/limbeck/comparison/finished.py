"""Finished runs, read from their folders."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from limbeck.conclusion import read_judged, read_test_set
from limbeck.data import TransferSet
from limbeck.errors import ArgumentError
from limbeck.judge import Judgement, read_judgement
from limbeck.run_json import read_finished

STUDENT = "student"


@dataclass(frozen=True, eq=False)
class Finished:
    """A run that has come to its end."""

    name: str
    """Its folder's, whole where two have one name."""
    folder: Path
    recipe: str
    command: str
    config: dict[str, Any]
    rows: list[dict[str, Any]]
    """Of record."""
    smoke: bool
    """Whether its figures mean nothing."""
    cast: dict[str, str]
    """Which setting plays the teacher, the twin and the student."""
    judgements: dict[str, list[Judgement]]
    """Of each setting, one a seed."""
    test_set: TransferSet
    student_logits: Float[Tensor, "examples classes"]
    """What the student of seed 0 said on the test set."""

    @property
    def student(self) -> list[Judgement]:
        """Its student's judgements, one a seed."""
        return self.judgements[self.cast[STUDENT]]

    @property
    def errors(self) -> list[float]:
        """Its student's test errors, one value a seed."""
        return [float(each.errors) for each in self.student]

    @property
    def labels(self) -> Int[Tensor, " examples"]:
        """The class of each test example."""
        return self.test_set.labels_to_judge()


def read_runs(folders: Sequence[Path]) -> list[Finished]:
    """Return finished runs that were judged on the same test data.

    Raises:
        ArgumentError: fewer than two folders, one twice, a run without labels, or runs on different test data.
        RunError: a folder is none of a finished run, or a file of it is damaged.
    """
    whole = [folder.resolve() for folder in folders]
    twice = next((folder for folder, times in Counter(whole).items() if times > 1), None)
    if len(whole) < 2 or twice is not None:
        got = f"{twice} twice" if twice is not None else f"{len(whole)}"
        raise ArgumentError(f"runs to compare must be two or more different folders, got {got}")
    names = Counter(folder.name for folder in whole)
    runs = [
        _read(folder, path.name if names[path.name] == 1 else str(folder))
        for folder, path in zip(folders, whole, strict=True)
    ]
    for other in runs[1:]:
        _check_same_test(runs[0], other)
    return runs


def _read(folder: Path, name: str) -> Finished:
    told = read_finished(folder)
    if not told["judgements"]:
        raise ArgumentError(
            f"runs to compare must have labels, by which their students make errors, that in {folder} has none",
            "limbeck report RUN tells how far a student says what its teacher says, which takes no labels",
        )
    judged = {each.name: each.logits for each in read_judged(folder / "seed-0")}
    return Finished(
        name=name,
        folder=folder,
        recipe=told["recipe"],
        command=told["command"],
        config=told["config"],
        rows=told["rows"],
        smoke=told["smoke"],
        cast={part: setting for part, setting in told["cast"].items() if told["judgements"][setting]},
        judgements={name: [read_judgement(each) for each in own] for name, own in told["judgements"].items()},
        test_set=read_test_set(folder),
        student_logits=judged[STUDENT],
    )


def _check_same_test(first: Finished, other: Finished) -> None:
    a, b = first.test_set, other.test_set
    if (a.fingerprint, a.labels_fingerprint) != (b.fingerprint, b.labels_fingerprint):
        sets = [f"{each.name} on {len(each.labels):,} examples of the {each.test_set.name}" for each in (first, other)]
        same = " of other content" if (a.name, len(a)) == (b.name, len(b)) else ""
        raise ArgumentError(
            f"runs to compare must be judged on the same test data, got {sets[0]} and {sets[1]}{same}",
            "compare runs on one data set; a test set that was cut off at random differs from run to run",
        )
