import json

import pytest
import torch

from limbeck.data import TransferSet
from limbeck.report.confusions import confusions
from limbeck.report.judged import Evidence, Judged
from limbeck.report.mistakes import MOST_CLASSES


def one_model(classes):
    test_set = TransferSet(torch.zeros(2, 1), torch.tensor([0, 1]))
    return Evidence.of([Judged("student", torch.eye(classes)[:2])], test_set)


def test_confusions_are_label_by_choice_without_the_diagonal(models, test_set):
    teacher, twin, student = confusions(Evidence.of(models, test_set))
    errors, right = twin.figure["data"]
    assert errors["z"] == [[None, 0, 1], [1, None, 0], [0, 1, None]]
    assert errors["text"] == [["", "", "1"], ["1", "", ""], ["", "1", ""]]
    assert right["text"] == ["1", "1", "1"]
    assert right["hoverinfo"] == "skip"  # it would take the clicks on its neighbours
    assert errors["hovertext"][0] == [
        "ant known as such: 1",
        f"ant taken for {errors['x'][1]}: 0",
        "ant taken for cow: 1",
    ]
    assert student.figure["data"][0]["z"] == [[None, 0, 0], [0, None, 1], [0, 0, None]]
    assert teacher.caption == "0 errors in 6 (0.0%, 95% interval 0.0% to 39.0%)."


def test_all_matrices_share_one_scale():
    labels = torch.zeros(9, dtype=torch.long)
    chosen = torch.eye(2)
    models = [Judged("twin", chosen[[1] * 7 + [0] * 2]), Judged("student", chosen[[1] * 2 + [0] * 7])]
    pictures = confusions(Evidence.of(models, TransferSet(torch.zeros(9, 1), labels)))
    assert [picture.figure["data"][0]["zmax"] for picture in pictures] == [7, 7]


def test_the_commonest_errors_are_told_in_words(models, test_set):
    named = TransferSet(test_set.inputs, test_set.labels, ("ant", "bee", "cow"))
    _, _, student = confusions(Evidence.of(models, named))
    assert student.caption == "1 error in 6 (16.7%, 95% interval 3.0% to 56.4%). Most often bee taken for cow (1×)."


def test_names_are_text_for_plotly_too(models, test_set):
    picture = confusions(Evidence.of(models, test_set))[0]
    assert "<script" not in json.dumps(picture.figure)
    assert "&lt;script&gt;al" in json.dumps(picture.figure)


def test_classes_of_one_name_stay_apart(test_set):
    twice = TransferSet(test_set.inputs, test_set.labels, ("cat", "a very long name indeed", "cat"))
    (picture,) = confusions(Evidence.of([Judged("teacher", torch.zeros(6, 3))], twice))
    assert picture.figure["data"][0]["x"] == ["cat #0", "a very long nam…", "cat #2"]


def test_without_labels_there_are_no_confusions(models, test_set):
    assert confusions(Evidence.of(models, test_set.without_labels())) == []


def test_many_classes_have_no_printed_counts():
    (picture,) = confusions(one_model(classes=21))
    assert len(picture.figure["data"]) == 1
    assert "text" not in picture.figure["data"][0]


@pytest.mark.parametrize("classes", [MOST_CLASSES, MOST_CLASSES + 1, 10 * MOST_CLASSES])
def test_a_matrix_has_a_bounded_side(classes):
    (picture,) = confusions(one_model(classes=classes))
    assert len(picture.figure["data"][0]["z"]) == MOST_CLASSES
