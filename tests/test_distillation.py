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
from limbeck.training.objectives import FromLabels, FromSoftTargets

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


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.fixture
def trainings(monkeypatch):
    """The trainings of a distillation as they are asked for: where each starts, its set, its options."""
    seen, real = [], distillation.fit

    def watching(model, transfer_set, **options):
        seen.append((weights(model), transfer_set, options))
        return real(model, transfer_set, **options)

    monkeypatch.setattr(distillation, "fit", watching)
    return seen


def test_student_and_twin_differ_in_the_objective_alone(store, trainings):
    found = distill(net(), store, blobs(), budget=QUICK, seed=3)
    (twin_start, twin_set, twin), (student_start, student_set, student) = trainings
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


def test_where_some_rows_have_no_label_the_twin_sees_the_others_alone(store, trainings):
    kept = torch.tensor([150, 3, 77, 20, 21, 22, 90, 91, 160, 5])
    found = distill(net(), store, blobs().labelled_only(kept), budget=QUICK, test_set=blobs(60, seed=1))
    (twin_start, twin_set, _), (student_start, student_set, _) = trainings
    assert_close(twin_start, student_start, rtol=0, atol=0)
    assert twin_set.ids.tolist() == sorted(kept.tolist())
    assert len(student_set) == 200
    longer = replace(QUICK, epochs=QUICK.epochs * -(-200 // QUICK.batch_size))  # as many steps as the student's
    alone = fit(net(), blobs().subset(kept.sort().values), objective=FromLabels(1), budget=longer).net
    assert_close(weights(found.twin), weights(alone), rtol=0, atol=0)
    measures = found.measures()
    assert {"student", "twin"} <= measures.keys()


def test_labels_of_some_rows_still_reach_the_student(store):
    test = blobs(60, seed=1)
    partly, none = blobs().labelled_only(torch.arange(100)), blobs().labelled_only(torch.arange(0))
    options = {"budget": QUICK, "test_set": test, "hard_weight": 0.5}
    few = distill(net(), store, partly, **options).student
    without = fit(net(), none, objective=FromSoftTargets(store, 4.0, 0.0), budget=QUICK).net
    all_labels = fit(net(), blobs(), objective=FromSoftTargets(store, 4.0, 0.5), budget=QUICK).net
    assert not torch.equal(weights(few), weights(without))
    assert not torch.equal(weights(few), weights(all_labels))
    with pytest.raises(ArgumentError, match="hard_weight must be 0 where there are no labels, got 0.5"):
        distill(net(), store, none, **options)


def test_sets_to_judge_on_have_a_label_for_each_row(store):
    partly = blobs().labelled_only(torch.arange(100))
    rule = r"must lie in 0\.\.2, got -1\.\.2\n\nhint: a set to judge on has a label for each row"
    with pytest.raises(ArgumentError, match=f"labels of the held-out tenth of the transfer set {rule}"):
        distill(net(), store, partly, budget=QUICK)
    with pytest.raises(ArgumentError, match=f"labels of the transfer set {rule}"):
        distill(net(), store, partly, budget=QUICK, test_set=partly)
    with pytest.raises(ArgumentError, match=f"labels of the transfer set {rule}"):
        distill(net(), store, partly, budget=QUICK, test_set=blobs(60, seed=1), validation=partly)


def test_how_often_a_teacher_is_right_is_told_where_each_row_has_a_label(teacher, tmp_path):
    partly = blobs().labelled_only(torch.arange(100))
    told = [
        write_soft_targets(teacher, data, tmp_path / str(number), rows_per_shard=50).manifest.members[0]
        for number, data in enumerate((blobs(), partly, partly.labelled()))
    ]
    right = [[shard.right for shard in sorted(member.shards, key=lambda shard: shard.number)] for member in told]
    correct = predict(teacher, blobs()).argmax(-1) == blobs().labels
    each = [int(part.sum()) for part in correct.split(50)]
    assert right == [each, [None] * 4, each[:2]]
    assert [member.accuracy for member in told] == [sum(each) / 200, None, sum(each[:2]) / 100]


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
