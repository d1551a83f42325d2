import math

import torch

from limbeck.data import TransferSet
from limbeck.report.curves import MOST_POINTS, curves
from limbeck.report.judged import Evidence, Judged


def one_model(history=()):
    test_set = TransferSet(torch.zeros(2, 1), torch.tensor([0, 1]))
    return Evidence.of([Judged("student", torch.eye(2), list(history))], test_set)


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
    axis = picture.figure["layout"]["yaxis"]
    assert (axis["type"], axis["ticktext"]) == ("log", ["0.001", "0.01", "0.1"])


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
