"""Anybody's own teacher and student behind their preprocessing."""

import pytest
import torch
from torch import nn

from limbeck.budget import Budget
from limbeck.data import TransferSet
from limbeck.errors import ArgumentError
from limbeck.models import Normalised
from limbeck.readying import Preprocessing, looked_at, quick_budget, ready_student, ready_teacher
from limbeck.teachers import InBfloat16, from_function


def test_preprocessing_lies_where_the_net_does():
    net = nn.Linear(3, 2, device="meta")
    ready = Preprocessing(255, (0.5,), (0.25,)).before(net)
    assert isinstance(ready, Normalised)
    assert {tensor.device.type for tensor in (*ready.parameters(), *ready.buffers())} == {"meta"}
    assert ready(torch.zeros(4, 3, device="meta")).shape == (4, 2)
    assert Preprocessing().before(net) is net


def test_what_has_no_parameters_stays_on_the_cpu():
    ready = Preprocessing(2, (1.0,), (0.5,)).before(nn.Identity())
    assert ready(torch.tensor([[4.0]])).tolist() == [[2.0]]


def test_a_teacher_that_answers_at_random_is_refused():
    train = TransferSet(torch.arange(30.0).reshape(10, 3))
    generator = torch.Generator().manual_seed(0)

    def noisy(size):
        return from_function(lambda rows: rows + size * torch.rand(rows.shape, generator=generator), "it")

    with pytest.raises(ArgumentError, match="must say the same of the same rows, asked twice about 10 its logits"):
        ready_teacher(noisy(0.1), Preprocessing(), train)
    steady = noisy(1e-6)
    assert ready_teacher(steady, Preprocessing(), train) is steady, "rounding is no chance"


def rows_of(count):
    return TransferSet(torch.randn(count, 3, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(
    "compare",
    [
        lambda rows: nn.functional.batch_norm(rows, None, None, training=True),
        lambda rows: rows.softmax(0),
        lambda rows: rows - rows.mean(0),
        lambda rows: 100 + rows * (1 + len(rows) / 10),
    ],
)
def test_a_teacher_that_compares_the_rows_of_a_batch_is_refused(compare):
    message = (
        "a teacher must say the same of a row whatever else is in its batch, asked about 64 at once and in batches of"
    )
    with pytest.raises(ArgumentError, match=message):
        ready_teacher(from_function(compare, "it"), Preprocessing(), rows_of(70))


def test_rows_that_are_rounded_otherwise_in_another_batch_are_no_other_answer():
    coarse = InBfloat16(nn.Sequential(nn.Linear(3, 300), nn.ReLU(), nn.Linear(300, 3)))
    assert ready_teacher(coarse, Preprocessing(), rows_of(70)) is coarse


class Student(nn.Linear):
    def __init__(self, bend):
        super().__init__(3, 3)
        self.bend = bend

    def forward(self, inputs):
        return self.bend(super().forward(inputs))


@pytest.mark.parametrize(
    ("bend", "message"),
    [
        (lambda rows: nn.functional.dropout(rows, 0.1), "a student must say the same of the same rows, asked twice"),
        (lambda rows: rows - rows.mean(0), "a student must say the same of a row whatever else is in its batch"),
        (lambda rows: (rows - 1000).log(), r"a student must give finite logits, of row 0 of the .* gives \[nan"),
    ],
)
def test_a_student_that_can_not_be_relied_on_is_refused(bend, message):
    with pytest.raises(ArgumentError, match=message):
        ready_student(lambda: Student(bend), Preprocessing(), rows_of(20), 3)


@pytest.mark.parametrize("row", [1, 40])
def test_a_row_of_which_a_teacher_gives_nan_is_named(row):
    rows = torch.zeros(80, 3)
    rows[row] = -1
    data = TransferSet(rows, torch.arange(80) % 3, origins=[f"t.csv, row {each + 1}" for each in range(80)])
    roots = from_function(torch.sqrt, "roots")
    message = rf"finite logits, of t.csv, row {row + 1} it gives \[nan, nan, nan\]\n\nhint: look at that row; --mean"
    with pytest.raises(ArgumentError, match=message):
        ready_teacher(roots, Preprocessing(), data)
    with pytest.raises(ArgumentError, match=message):
        looked_at(roots, data, cut=False)


def test_of_pixels_the_hint_speaks_of_their_scale():
    pixels = TransferSet(torch.arange(12, dtype=torch.uint8).reshape(3, 4), name="digits training set")
    logs = from_function(lambda rows: (rows / 255).log(), "logs")
    with pytest.raises(
        ArgumentError, match=r"of row 0 of the digits training set it gives \[-inf, .*\n\nhint: --scale 255"
    ):
        ready_teacher(logs, Preprocessing(), pixels)


@pytest.mark.parametrize(
    ("net", "given", "precision"),
    [
        (nn.Linear(12, 3), "auto", "32-true"),
        (nn.Linear(12, 3), "bf16-mixed", "bf16-mixed"),
        (nn.Linear(400, 300), "auto", "auto"),
        (nn.Conv2d(1, 2, 3), "auto", "auto"),
    ],
)
def test_small_students_that_do_not_convolve_train_in_float32(net, given, precision, monkeypatch):
    assert quick_budget(Budget(7, precision=given), net) == Budget(7, precision=precision)
    monkeypatch.setattr("limbeck.readying.device_here", lambda: "cuda")
    assert quick_budget(Budget(7, precision=given), net).precision == given
