"""Runs to compare: three that were really made, and any number that weren't."""

from functools import cache
from pathlib import Path

import torch

from limbeck.cli import main
from limbeck.comparison import Finished
from limbeck.data import TransferSet
from limbeck.evidence import row_of
from limbeck.judge import judgement_of

EXAMPLES = 200


@cache
def small_runs(base):
    """Three small runs on digits, made once: two that start alike, and one of other nets."""
    folder = base / "runs to compare"
    common = ["--smoke", "--members", "1", "--quiet", "--json"]
    for name, options in (
        ("warm", ["--seeds", "2"]),
        ("hot", ["--seeds", "2", "--temperature", "20"]),
        ("narrow", ["--seeds", "1", "--student-hidden", "8"]),
    ):
        assert main(["run", "digits", *common, *options, "--out", str(folder / name)]) == 0
    return folder


def logits_of(labels, wrong):
    """Logits of two classes that take the first `wrong` examples for the other class."""
    chosen = torch.where(torch.arange(len(labels)) < wrong, 1 - labels, labels)
    return torch.eye(2)[chosen]


LABELS = torch.arange(EXAMPLES) % 2
TEST_SET = TransferSet(torch.zeros(EXAMPLES, 1), LABELS, name="toy set")


def finished(name, errors, start="0"):
    """A finished run of students with so many errors each, one a seed."""
    judged = [
        judgement_of(logits_of(LABELS, wrong), LABELS, start=f"{start}{seed}") for seed, wrong in enumerate(errors)
    ]
    return Finished(
        name=name,
        folder=Path(name),
        recipe="toy",
        command=f"limbeck run {name}",
        config={"name": name},
        rows=[row_of("student", "test errors", [float(wrong) for wrong in errors], None)],
        smoke=False,
        cast={"student": "student"},
        judgements={"student": judged},
        test_set=TEST_SET,
        student_logits=logits_of(LABELS, errors[0]),
    )
