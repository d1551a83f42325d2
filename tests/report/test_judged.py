import pytest
import torch

from limbeck.data import TransferSet
from limbeck.errors import ArgumentError
from limbeck.judge import measure
from limbeck.report.judged import Evidence, Judged


def test_the_table_holds_each_models_own_figures(models, test_set):
    teacher, twin, student = Evidence.of(models, test_set).table()
    assert list(teacher) == ["model", "errors", "accuracy", "NLL", "ECE", "agreement"]
    assert [row["errors"] for row in (teacher, twin, student)] == ["0", "3", "1"]
    assert [row["accuracy"] for row in (teacher, twin, student)] == ["100.00%", "50.00%", "83.33%"]
    assert [row["agreement"] for row in (teacher, twin, student)] == ["100.0%", "50.0%", "83.3%"]
    own = measure(models[1].logits, test_set.labels)
    assert (twin["NLL"], twin["ECE"]) == (f"{own.nll:.3f}", f"{own.ece:.3f}")


def test_the_ensemble_comes_before_a_single_teacher(models, test_set):
    ensemble = Judged("ensemble", models[1].logits)
    assert Evidence.of([*models, ensemble], test_set).teacher is not None
    rows = Evidence.of([*models, ensemble], test_set).table()
    assert [row["agreement"] for row in rows] == ["50.0%", "100.0%", "33.3%", "100.0%"]


def test_without_a_teacher_there_is_no_agreement(models, test_set):
    assert {row["agreement"] for row in Evidence.of(models[1:], test_set).table()} == {"–"}


def test_without_labels_agreement_is_all_there_is(models, test_set):
    assert Evidence.of(models, test_set.without_labels()).table()[2] == {"model": "student", "agreement": "83.3%"}


def test_logits_follow_the_order_of_the_ids(models, test_set):
    part = test_set.subset(torch.tensor([5, 1]), "part")
    taken = [Judged(model.name, model.logits[[5, 1]]) for model in models]
    assert [row["errors"] for row in Evidence.of(taken, part).table()] == ["0", "2", "0"]


def test_classes_without_a_name_are_numbers(test_set):
    unnamed = TransferSet(test_set.inputs, test_set.labels, ("ant", "bee"))
    assert Evidence.of([Judged("net", torch.zeros(6, 4))], unnamed).class_names == ("ant", "bee", "2", "3")


def test_a_teacher_in_bfloat16_is_judged(models, test_set):
    narrow = [Judged(model.name, model.logits.bfloat16()) for model in models]
    evidence = Evidence.of(narrow, test_set)
    assert evidence.table()[1]["errors"] == "3"
    assert {model.logits.dtype for model in evidence.models} == {torch.float32}


def test_no_model_is_refused(test_set):
    with pytest.raises(ArgumentError, match="a report must have at least one model, got none"):
        Evidence.of([], test_set)


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize("shape", [(5, 3), (6, 4), (6,), (6, 3, 1)])
def test_logits_that_do_not_fit_are_refused(models, test_set, shape):
    with pytest.raises(ArgumentError, match=r"logits of 'odd' must have the shape \(6, 3\)"):
        Evidence.of([models[0], Judged("odd", torch.zeros(shape))], test_set)


def test_labels_outside_the_classes_are_refused(test_set):
    with pytest.raises(ArgumentError, match=r"labels must lie in 0..1, got 0..2"):
        Evidence.of([Judged("teacher", torch.zeros(6, 2))], test_set)
