"""Training on stored soft targets by an objective beyond the paper."""

import math
from dataclasses import replace

import pytest
import torch
from targets.stores import Says, examples
from torch.testing import assert_close

from limbeck import ArgumentError, Budget, Ensemble, RunError, distillation_loss, fit, write_soft_targets
from limbeck.beyond import correlation_loss, decoupled_loss, standardised
from limbeck.models import MLP
from limbeck.objective import label_loss
from limbeck.targets import Dense, TopK
from limbeck.training import BeyondThePaper, FromSoftTargets
from limbeck.training.controls import control_objective

CLASSES = 7
QUICK = Budget(epochs=8, batch_size=32, learning_rate=3e-2, precision="32-true")


def labelled(count=200):
    """Examples that are their teacher's logits, each labelled with its highest."""
    data = examples(count, CLASSES)
    return replace(data, labels=data.inputs.argmax(-1))


def objective(data, folder, hard_weight=0.0, *, encoding=None, teacher=None, **options):
    store = write_soft_targets(teacher or Says(), data, folder, encoding=encoding or Dense("float32"))
    return BeyondThePaper(store, 4.0, hard_weight, **options)


def net(seed=0):
    torch.manual_seed(seed)
    return MLP([CLASSES, 16, CLASSES])


@pytest.mark.parametrize(("hard_weight", "standardise"), [(0.0, False), (0.3, False), (0.0, True), (0.3, True)])
@pytest.mark.parametrize(
    "case",
    [
        ("divergence", None, lambda z, v, y: distillation_loss(z, v, temperature=4.0)),
        ("decoupled", None, lambda z, v, y: decoupled_loss(z, v, y, temperature=4.0)),
        ("decoupled", (2.0, 3.0), lambda z, v, y: decoupled_loss(z, v, y, target_weight=2.0, others_weight=3.0)),
        ("correlation", None, lambda z, v, y: correlation_loss(z, v, temperature=4.0)),
        ("correlation", (2.0, 3.0), lambda z, v, y: correlation_loss(z, v, inter_weight=2.0, intra_weight=3.0)),
    ],
)
def test_its_loss_is_the_functions_with_the_labels_on_logits_as_they_are(tmp_path, case, hard_weight, standardise):
    data, (soft_loss, weights, expected) = labelled(), case
    own = objective(data, tmp_path, hard_weight, soft_loss=soft_loss, weights=weights, standardise=standardise)
    own.check(data)
    z = torch.randn(200, CLASSES, generator=torch.Generator().manual_seed(1))
    targets = own.targets(data.ids, 0)
    shape = standardised if standardise else lambda each: each
    soft = expected(shape(z), shape(targets.logits), data.labels)
    hard = label_loss(z, data.labels) if hard_weight else 0.0
    assert_close(own.loss(z, data.labels, targets), (1 - hard_weight) * soft + hard_weight * hard)


@pytest.mark.parametrize("options", [{"soft_loss": "decoupled"}, {"soft_loss": "correlation"}, {"standardise": True}])
def test_a_student_learns_by_it(tmp_path, options):
    data = labelled()
    fitted = fit(net(), data, objective=objective(data, tmp_path, **options), budget=QUICK)
    assert fitted.history[-1]["loss"] < 0.3 * fitted.history[0]["loss"]
    assert (fitted.net(data.inputs).argmax(-1) == data.labels).float().mean() > 0.8


def test_a_training_is_bound_to_every_field(tmp_path):
    data = labelled()
    first = objective(data, tmp_path / "store", soft_loss="decoupled")
    told = [
        first.spec(),
        replace(first, weights=(1.0, 2.0)).spec(),
        replace(first, standardise=True).spec(),
        replace(first, soft_loss="correlation").spec(),
        FromSoftTargets(first.soft_targets, 4.0, 0.0).spec(),
    ]
    assert len({str(each) for each in told}) == len(told)
    fit(net(), data, objective=first, budget=QUICK, folder=tmp_path / "net")
    with pytest.raises(RunError, match="its objective is not the one asked for"):
        fit(net(), data, objective=replace(first, standardise=True), budget=QUICK, folder=tmp_path / "net")


def test_several_teachers_teach_by_their_mean(tmp_path):
    data = labelled()
    own = objective(data, tmp_path, teacher=Ensemble([Says(), MLP([CLASSES, CLASSES])]), soft_loss="correlation")
    z = torch.randn(200, CLASSES)
    mean = own.soft_targets.logits(data.ids, temperature=4.0)
    assert_close(own.loss(z, None, own.targets(data.ids, 0)), correlation_loss(z, mean))


@pytest.mark.usefixtures("shapes_unchecked")
def test_what_can_not_be_is_refused(tmp_path):
    data = labelled()
    with pytest.raises(ArgumentError, match="soft_loss must be one of divergence, decoupled, correlation, got 'mse'"):
        objective(data, tmp_path / "a", soft_loss="mse")
    with pytest.raises(ArgumentError, match="the divergence has none"):
        objective(data, tmp_path / "a", weights=(1.0, 1.0))
    with pytest.raises(ArgumentError, match="need every class's logit"):
        objective(data, tmp_path / "b", encoding=TopK(2, (4.0,)), soft_loss="decoupled")
    without = data.without_labels()
    with pytest.raises(ArgumentError, match="needs labels"):
        objective(without, tmp_path / "c", soft_loss="decoupled").check(without)
    some = data.labelled_only(data.ids[:9])
    with pytest.raises(ArgumentError, match="needs a label for each row"):
        objective(some, tmp_path / "d", 0.5, soft_loss="correlation").check(some)
    objective(without, tmp_path / "c", soft_loss="correlation").check(without)
    assert math.isfinite(
        fit(net(), without, objective=objective(without, tmp_path / "c"), budget=QUICK).history[-1]["loss"]
    )


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize(
    ("weights", "rule"),
    [
        ((1.0,), r"weights must be two, one for each part of the objective, got \(1.0,\)"),
        ((1.0, 2.0, 3.0), "weights must be two"),
        ((-1.0, 1.0), "first and second must be >= 0, got -1.0 and 1.0"),
        ((1.0, math.nan), "first and second must be >= 0, got 1.0 and nan"),
    ],
)
def test_its_weights_are_two_and_not_below_0(tmp_path, weights, rule):
    with pytest.raises(ArgumentError, match=rule):
        objective(labelled(), tmp_path, soft_loss="decoupled", weights=weights)


@pytest.mark.parametrize("kind", ["smoothed", "permuted", "random"])
def test_it_has_no_control_for_that_would_differ_in_more_than_its_targets(tmp_path, kind):
    data = labelled()
    own = objective(data, tmp_path, soft_loss="correlation")
    with pytest.raises(ArgumentError, match="controls are of students on the paper's objective, got BeyondThePaper"):
        control_objective(kind, own, data, lambda: own.soft_targets)
