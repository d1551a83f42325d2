import json
import math

import plotly.graph_objects as go
import pytest
import torch

from limbeck.data import TransferSet
from limbeck.report.judged import Evidence, Judged
from limbeck.report.pictures import MOST_CLASSES, MOST_POINTS, confusions, curves, drawn_classes


def one_model(history=(), name="student", classes=3):
    test_set = TransferSet(torch.zeros(2, 1), torch.tensor([0, 1]))
    return Evidence.of([Judged(name, torch.eye(classes)[:2], list(history))], test_set)


def test_plotly_knows_every_property(models, test_set):
    evidence = Evidence.of(models, test_set)
    for picture in [*curves(evidence), *confusions(evidence)]:
        go.Figure(picture.figure)


def test_a_curve_holds_the_history(models, test_set):
    loss, nll, errors = curves(Evidence.of(models, test_set))
    twin, student = errors.figure["data"]
    assert (twin["x"], twin["y"]) == ((1, 2, 3, 4), (8, 7, 6, 5))
    assert (student["x"], student["y"]) == ((1, 2, 3), (8, 7, 6))
    assert errors.caption == "Twin ends at 5, its lowest. Student ends at 6, its lowest."
    assert (loss.title, nll.title) == ("Training loss", "Validation NLL")


def test_a_curve_over_a_decade_is_logarithmic():
    (picture,) = curves(one_model({"epoch": n, "loss": 10.0**-n} for n in (1, 2, 3)))
    assert picture.title == "Training loss, log scale"
    assert picture.figure["layout"]["yaxis"]["type"] == "log"


def test_a_curve_that_touches_zero_is_linear():
    (picture,) = curves(one_model({"epoch": n, "loss": float(3 - n)} for n in (1, 2, 3)))
    assert picture.figure["layout"]["yaxis"]["type"] == "linear"


def test_a_value_that_is_not_finite_is_left_out():
    (picture,) = curves(one_model({"epoch": n, "loss": loss} for n, loss in enumerate((2.0, math.nan, math.inf, 1.0))))
    assert picture.figure["data"][0]["x"] == (0, 3)
    assert not curves(one_model([{"epoch": 1, "loss": math.nan}]))


def test_of_a_long_history_the_last_epoch_stays():
    (picture,) = curves(one_model({"epoch": n, "loss": 1.0} for n in range(1, 3 * MOST_POINTS)))
    assert len(picture.figure["data"][0]["x"]) <= MOST_POINTS
    assert picture.figure["data"][0]["x"][-1] == 3 * MOST_POINTS - 1


def test_no_history_gives_no_curve():
    assert curves(one_model()) == []


def test_confusions_are_label_by_choice_without_the_diagonal(models, test_set):
    teacher, twin, student = confusions(Evidence.of(models, test_set))
    errors, right = twin.figure["data"]
    assert errors["z"] == [[None, 0, 1], [1, None, 0], [0, 1, None]]
    assert errors["text"] == [["", "", "1"], ["1", "", ""], ["", "1", ""]]
    assert right["text"] == ["1", "1", "1"]
    assert student.figure["data"][0]["z"] == [[None, 0, 0], [0, None, 1], [0, 0, None]]
    assert teacher.caption == "0 errors in 6."


def test_all_matrices_share_one_scale():
    labels = torch.zeros(9, dtype=torch.long)
    chosen = torch.eye(2)
    models = [Judged("twin", chosen[[1] * 7 + [0] * 2]), Judged("student", chosen[[1] * 2 + [0] * 7])]
    pictures = confusions(Evidence.of(models, TransferSet(torch.zeros(9, 1), labels)))
    assert [picture.figure["data"][0]["zmax"] for picture in pictures] == [7, 7]


def test_the_commonest_errors_are_told_in_words(models, test_set):
    named = TransferSet(test_set.inputs, test_set.labels, ("ant", "bee", "cow"))
    _, _, student = confusions(Evidence.of(models, named))
    assert student.caption == "1 error in 6. Most often bee taken for cow (1×)."


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


def test_the_classes_that_errors_touch_are_drawn():
    classes = MOST_CLASSES + 5
    labels = torch.tensor([classes - 1, 0])
    logits = torch.zeros(2, classes).index_fill_(1, torch.tensor([classes - 2]), 1.0)
    drawn = drawn_classes([Judged("student", logits)], labels, classes).tolist()
    assert drawn == [*range(MOST_CLASSES - 2), classes - 2, classes - 1]
