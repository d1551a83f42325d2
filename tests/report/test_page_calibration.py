from dataclasses import replace

import plotly.graph_objects as go
import pytest
import torch

from limbeck.judge import expected_calibration_error, fit_temperature, reliability
from limbeck.report.calibration import calibrations
from limbeck.report.judged import Evidence


def held_out():
    return torch.tensor([[3.0, 0, 0], [0, 1, 0], [0, 2, 0], [0, 0, 1]]), torch.tensor([0, 1, 0, 2])


def test_a_diagram_shows_the_bins_that_have_examples(models, test_set):
    pictures = calibrations(Evidence.of(models, test_set))
    assert [picture.title for picture in pictures] == ["teacher", "twin", "student"]
    _, marks = pictures[1].figure["data"]
    probs = models[1].logits.double().softmax(1)
    bins = [each for each in reliability(probs, test_set.labels) if each.examples]
    assert marks["x"] == pytest.approx([each.confidence for each in bins], abs=1e-4)
    assert marks["y"] == pytest.approx([each.accuracy for each in bins], abs=1e-4)
    assert marks["customdata"] == [each.examples for each in bins]
    lows = [y - down for y, down in zip(marks["y"], marks["error_y"]["arrayminus"], strict=True)]
    assert lows == pytest.approx([each.interval[0] for each in bins], abs=2e-4)
    assert f"ECE {expected_calibration_error(probs, test_set.labels):.3f} on 6 test examples." in pictures[1].caption


def test_a_fitted_temperature_is_drawn_beside(models, test_set):
    student = replace(models[2], held_out=held_out())
    picture = calibrations(Evidence.of([*models[:2], student], test_set))[2]
    temperature = fit_temperature(*held_out())
    _, before, after = picture.figure["data"]
    assert (before["name"], after["name"]) == ("T = 1", f"T = {temperature:.3g}")
    probs = (student.logits.double() / temperature).softmax(1)
    bins = [each for each in reliability(probs, test_set.labels) if each.examples]
    assert after["x"] == pytest.approx([each.confidence for each in bins], abs=1e-4)
    ece = expected_calibration_error(probs, test_set.labels)
    assert f"{ece:.3f} (open marks) at T = {temperature:.3g}, fitted to the validation split" in picture.caption


def test_without_labels_there_are_no_diagrams(models, test_set):
    assert calibrations(Evidence.of(models, test_set.without_labels())) == []


def test_plotly_knows_every_property_of_a_diagram(models, test_set):
    student = replace(models[2], held_out=held_out())
    for picture in calibrations(Evidence.of([student], test_set)):
        go.Figure(picture.figure)
