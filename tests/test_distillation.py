"""Student and twin from a store: paired, judged on held-out examples, with or without labels."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from limbeck import ArgumentError, Budget, TargetsError, TransferSet, distill, distillation, fit, write_soft_targets
from limbeck.data import Jitter
from limbeck.models import MLP
from limbeck.targets import Dense
from limbeck.teachers import predict

QUICK = Budget(epochs=5, batch_size=16, learning_rate=1e-2, precision="32-true")


def blobs(count=200, seed=0):
    """Three classes of 4 x 4 images that a linear net tells apart, mostly."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (count,), generator=generator)
    pixels = torch.randn(count, 1, 4, 4, generator=generator)
    pixels[torch.arange(count), 0, labels, labels] += 2
    return TransferSet(pixels, labels)


def net(seed=0, classes=3):
    torch.manual_seed(seed)
    return MLP([16, 8, classes])


@pytest.fixture(scope="module")
def teacher():
    return fit(net(9), blobs(), budget=replace(QUICK, epochs=10)).net


@pytest.fixture
def store(teacher, tmp_path):
    return write_soft_targets(teacher, blobs(), tmp_path / "targets")


def test_student_and_twin_differ_in_the_objective_alone(store, monkeypatch):
    seen = []
    real = distillation.fit

    def watching(model, transfer_set, **options):
        start = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
        seen.append((start, transfer_set, options))
        return real(model, transfer_set, **options)

    monkeypatch.setattr(distillation, "fit", watching)
    found = distill(net(), store, blobs(), budget=QUICK, seed=3)
    (twin_start, twin_set, twin), (student_start, student_set, student) = seen
    assert_close(twin_start, student_start, rtol=0, atol=0)
    assert twin_set is student_set
    same = ("validation", "budget", "seed")
    assert [twin[name] for name in same] == [student[name] for name in same]
    assert twin["objective"].spec() == {"name": "labels", "num_views": 1}
    assert student["objective"].spec()["temperature"] == 4.0
    assert student["objective"].spec()["hard_weight"] == 0.1
    assert found.twin is not found.student


def test_a_tenth_is_held_out_from_both_and_the_teacher_is_judged_from_its_store(store, teacher):
    found = distill(net(), store, blobs(), budget=QUICK)
    assert len(found.test_set) == 20
    measures = found.measures()
    assert measures["teacher"].agreement == 1.0
    assert measures["teacher"].parameters is None
    expected = (predict(teacher, found.test_set).argmax(-1) != found.test_set.labels_at(found.test_set.ids)).sum()
    assert measures["teacher"].errors == expected
    assert measures["student"].examples == 20


def test_a_test_set_of_its_own(store, teacher, tmp_path):
    test = blobs(60, seed=1)
    judged = write_soft_targets(teacher, test, tmp_path / "test", encoding=Dense("float32"))
    found = distill(net(), store, blobs(), budget=QUICK, test_set=test, test_targets=judged)
    assert set(found.measures()) == {"teacher", "twin", "student"}
    assert found.measures()["student"].examples == 60
    without = distill(net(), store, blobs(), budget=QUICK, test_set=test)
    assert set(without.measures()) == {"twin", "student"}
    assert without.measures()["student"].agreement is None
    assert_close(predict(without.student, test), predict(found.student, test), rtol=0, atol=0)


def test_without_labels_there_is_no_twin(store, tmp_path):
    unlabelled = blobs().without_labels()
    with pytest.raises(
        ArgumentError, match=r"hard_weight must be 0 where there are no labels, got 0\.1\n\nhint: give labels"
    ):
        distill(net(), store, unlabelled, budget=QUICK)
    found = distill(net(), store, unlabelled, hard_weight=0.0, budget=QUICK, test_set=blobs(60, seed=1))
    assert found.twin is None
    assert set(found.measures()) == {"student"}
    assert found.measures()["student"].accuracy > 0.7
    assert found.report(tmp_path / "page.html").stat().st_size > 10_000


def test_a_folder_holds_both_and_is_gone_on_with(store, tmp_path):
    first = distill(net(), store, blobs(), budget=QUICK, folder=tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"twin", "student"}
    again = distill(net(), store, blobs(), budget=QUICK, folder=tmp_path / "run")
    assert_close(predict(again.student, blobs()), predict(first.student, blobs()), rtol=0, atol=0)


def test_the_student_sees_the_views_its_teacher_judged(teacher, tmp_path):
    data = blobs().seen_through(Jitter(1))
    store = write_soft_targets(teacher, data, tmp_path / "targets", num_views=2)
    with pytest.raises(TargetsError, match="was written for another view"):
        distill(net(), store, blobs(), budget=QUICK)
    found = distill(net(), store, data, budget=QUICK, test_set=blobs(60, seed=1))
    assert found.measures()["student"].accuracy > 0.5


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"temperature": 0}, ArgumentError, "temperature must be > 0"),
        ({"hard_weight": 2}, ArgumentError, "hard_weight must lie in"),
        ({"epochs": 0}, ArgumentError, "epochs must be a whole number in 1..1000000000, got 0"),
        ({"student": net(classes=4)}, TargetsError, "has 3 classes, the student has 4"),
        ({"transfer_set": blobs(seed=5)}, TargetsError, "was written for other data"),
        (
            {"student": torch.nn.Flatten(0)},
            ArgumentError,
            r"must return logits \(batch, classes\) for a batch, got \(16,\)",
        ),
    ],
)
def test_refuses(store, change, error, message):
    arguments = {"student": net(), "soft_targets": store, "transfer_set": blobs()} | change
    with pytest.raises(error, match=message):
        distill(**arguments)


def test_refuses_targets_of_another_test_set(store):
    with pytest.raises(ArgumentError, match="test_targets need the test_set they were written for"):
        distill(net(), store, blobs(), budget=QUICK, test_targets=store)
    with pytest.raises(TargetsError, match="was written for other data"):
        distill(net(), store, blobs(), budget=QUICK, test_set=blobs(60, seed=1), test_targets=store)
