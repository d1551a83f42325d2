import pytest
import torch

from limbeck.data import TransferSet
from limbeck.report import Judged

NAMES = ("ant", "<script>alert(1)</script>", "cow")
LABELS = [0, 1, 2, 0, 1, 2]
TEACHER = [[4, 0, 0], [1, 3, 0], [0, 0, 5], [3, 0, 0.5], [0, 2, 1.5], [0, 1, 2.5]]
TWIN = [[2, 0, 0], [2, 1, 0], [0, 0, 2], [0, 0, 1], [0, 3, 0], [0, 3, 0]]
STUDENT = [[3, 0, 0], [0, 2, 0], [0, 0, 2], [2, 0, 0], [0, 1, 2], [0, 0, 2]]
HISTORY = [
    {
        "epoch": epoch,
        "loss": 2 / epoch,
        "learning_rate": 0.1,
        "validation_nll": 1 / epoch,
        "validation_errors": 9 - epoch,
    }
    for epoch in range(1, 5)
]


@pytest.fixture
def test_set():
    pixels = torch.arange(6 * 16, dtype=torch.uint8).reshape(6, 1, 4, 4) // 6
    return TransferSet(pixels, torch.tensor(LABELS), NAMES, name="farm")


@pytest.fixture
def models():
    return [
        Judged("teacher", torch.tensor(TEACHER)),
        Judged("twin", torch.tensor(TWIN, dtype=torch.float32), HISTORY),
        Judged("student", torch.tensor(STUDENT, dtype=torch.float32), HISTORY[:3]),
    ]
