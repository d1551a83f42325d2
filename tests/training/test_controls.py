"""Controls: what each keeps of its teacher's targets, what it takes away, and what it can't do without."""

import math
from dataclasses import replace

import pytest
import torch
from targets.stores import Nudge, Says, examples, in_runs
from torch.testing import assert_close

from limbeck import ArgumentError, Budget, RunError, fit, write_soft_targets
from limbeck.models import MLP
from limbeck.objective import label_loss
from limbeck.targets import Dense, TopK
from limbeck.teachers import predict
from limbeck.training import controls
from limbeck.training.controls import control_objective, smoothing_of_entropy
from limbeck.training.objectives import FromSoftTargets

CLASSES = 7
QUICK = Budget(epochs=12, batch_size=32, learning_rate=3e-2, precision="32-true")


def labelled(count=200, classes=CLASSES):
    """Examples that are their teacher's logits, each labelled with its highest."""
    data = examples(count, classes)
    return replace(data, labels=data.inputs.argmax(-1))


def taught(data, folder, *, temperature=4.0, hard_weight=0.1, num_views=1, teacher=None, encoding=None):
    targets = write_soft_targets(
        teacher or Says(), data, folder, num_views=num_views, encoding=encoding or Dense("float32")
    )
    return FromSoftTargets(targets, temperature, hard_weight)


def never():
    pytest.fail("an untrained teacher was asked for")


def control(kind, data, folder, **options):
    return control_objective(kind, taught(data, folder, **options), data, never)


def softened(logits, temperature):
    return (logits.double() / temperature).softmax(-1)


def entropies(logits, temperature):
    return torch.special.entr(softened(logits, temperature)).sum(-1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("num_views", [1, 3])
def test_smoothed_labels_have_the_teachers_mean_entropy(tmp_path, monkeypatch, temperature, num_views):
    monkeypatch.setattr(controls, "ENTROPY_ROWS", 64)
    data = labelled().seen_through(Nudge())
    smoothed = control("smoothed", data, tmp_path, temperature=temperature, num_views=num_views)
    said = torch.cat([data.at(data.ids, number) for number in range(num_views)])
    found = smoothed.targets(data.ids, num_views - 1).logits
    expected = entropies(said, temperature).mean().expand(len(data))
    assert_close(entropies(found, temperature), expected, rtol=1e-5, atol=1e-6)


def test_smoothed_labels_are_the_label_and_all_others_alike(tmp_path):
    data = labelled()
    probs = softened(control("smoothed", data, tmp_path).targets(data.ids, 0).logits, 4.0)
    right = probs.gather(1, data.labels[:, None])
    assert_close(probs.argmax(-1), data.labels)
    assert_close(right, right[:1].expand_as(right))
    others = ((1 - right) / (CLASSES - 1)).expand_as(probs).scatter(1, data.labels[:, None], right)
    assert_close(probs, others, rtol=1e-5, atol=1e-7)


def test_labels_are_smoothed_less_for_a_surer_teacher(tmp_path):
    data = labelled()
    sure, unsure = (control("smoothed", data, tmp_path / str(t), temperature=t) for t in (1.0, 10.0))
    assert sure.mean_entropy < unsure.mean_entropy < math.log(CLASSES)


def test_the_mean_entropy_is_that_of_the_examples_trained_on(tmp_path):
    data = labelled()
    objective = taught(data, tmp_path)
    part = data.subset(torch.tensor([3, 90, 17]))
    smoothed = control_objective("smoothed", objective, part, never)
    assert smoothed.mean_entropy == pytest.approx(entropies(data.inputs[[3, 90, 17]], 4.0).mean().item(), rel=1e-6)


def dealt(permuted, data, number=0):
    """Return a control's logits and the class whose logit each class got: the logits of a row all differ."""
    said = data.at(data.ids, number)
    said = said - said.amax(-1, keepdim=True)
    found = permuted.targets(data.ids, number).logits
    return found, (found[:, :, None] == said[:, None, :]).long().argmax(-1)


@pytest.mark.parametrize("number", [0, 2])
def test_permuted_rows_keep_their_logits_their_entropy_and_their_labels_logit(tmp_path, number):
    data = replace(examples(200, CLASSES), labels=torch.arange(200) % CLASSES).seen_through(Nudge())
    permuted = control("permuted", data, tmp_path, num_views=3)
    found, order = dealt(permuted, data, number)
    said = data.at(data.ids, number)
    said = said - said.amax(-1, keepdim=True)
    assert_close(found.sort(-1).values, said.sort(-1).values, rtol=0, atol=0)
    assert_close(found.gather(1, data.labels[:, None]), said.gather(1, data.labels[:, None]), rtol=0, atol=0)
    assert_close(order.sort(-1).values, torch.arange(CLASSES).expand_as(order))
    assert_close(entropies(found, 4.0), entropies(said, 4.0))


def test_wrong_classes_are_dealt_anew_in_each_row_and_view(tmp_path):
    data = replace(examples(300, CLASSES), labels=torch.full((300,), 2)).seen_through(Nudge())
    permuted = control("permuted", data, tmp_path, num_views=2)
    first, second = (dealt(permuted, data, number)[1] for number in (0, 1))
    assert len(first.unique(dim=0)) > 200  # 300 draws of 720 orders meet 245 of them
    assert (first == second).all(-1).sum() < 5


def test_every_wrong_class_gets_every_other_ones_logit_equally_often(tmp_path):
    data = labelled(12_000, classes=4)
    _, order = dealt(control("permuted", data, tmp_path), data)
    for label in range(4):
        own = order[data.labels == label]
        shares = torch.stack([(own == given).double().mean(0) for given in range(4)])
        expected = torch.full((4, 4), 1 / 3, dtype=torch.float64)
        expected[label] = expected[:, label] = 0
        expected[label, label] = 1
        assert_close(shares, expected, rtol=0, atol=0.04)  # 4.5 standard deviations of 3000 draws


def test_a_row_is_permuted_the_same_way_in_every_batch(tmp_path):
    data = labelled()
    objective = taught(data, tmp_path)
    whole = control_objective("permuted", objective, data, never).targets(data.ids, 0).logits
    part = torch.tensor([150, 3, 77])
    of_a_subset = control_objective("permuted", objective, data.subset(part), never)
    assert torch.equal(of_a_subset.targets(part, 0).logits, whole[part])
    assert torch.equal(of_a_subset.targets(part[1:2], 0).logits, whole[3:4])


def test_two_classes_leave_nothing_to_permute(tmp_path):
    data = labelled(20, classes=2)
    found, order = dealt(control("permuted", data, tmp_path), data)
    assert_close(order, torch.arange(2).expand_as(order))
    assert_close(found, data.inputs - data.inputs.amax(-1, keepdim=True), rtol=0, atol=0)


def test_runs_have_a_target_for_each_row(tmp_path):
    data = in_runs(classes=CLASSES)
    data = replace(data, labels=data.inputs.argmax(-1))
    objective, asked = taught(data, tmp_path), torch.tensor([5, 1])
    rows = data.rows_of(asked)
    smoothed, permuted = (control_objective(kind, objective, data, never) for kind in ("smoothed", "permuted"))
    assert smoothed.mean_entropy == pytest.approx(entropies(data.inputs, 4.0).mean().item(), rel=1e-6)
    assert_close(smoothed.targets(asked, 0).logits.argmax(-1), data.labels[rows])
    found = permuted.targets(asked, 0).logits
    assert_close(found.argmax(-1), data.labels[rows])
    assert torch.equal(found, permuted.targets(data.ids, 0).logits[rows])


def test_random_has_the_objective_of_an_untrained_teachers_store(tmp_path):
    data = labelled()
    untrained = taught(data, tmp_path / "untrained", teacher=Says(2)).soft_targets
    objective = taught(data, tmp_path / "teacher", temperature=3.0, hard_weight=0.4)
    assert control_objective("random", objective, data, lambda: untrained) == FromSoftTargets(untrained, 3.0, 0.4)


def test_random_needs_neither_labels_nor_every_class(tmp_path):
    data = examples()
    objective = taught(data, tmp_path, hard_weight=0.0, encoding=TopK(2, (4.0,)))
    found = control_objective("random", objective, data, lambda: objective.soft_targets)
    assert found == objective


@pytest.mark.parametrize("kind", ["smoothed", "permuted"])
def test_refuses_rows_without_a_label(tmp_path, kind):
    data = labelled()
    objective = taught(data, tmp_path)
    for without in (data.without_labels(), data.labelled_only(torch.arange(150))):
        message = f"the control '{kind}' needs a label for each row, the transfer set has not got them"
        with pytest.raises(ArgumentError, match=message):
            control_objective(kind, objective, without, never)


@pytest.mark.parametrize("kind", ["smoothed", "permuted"])
def test_refuses_a_store_that_keeps_a_part_of_the_classes(tmp_path, kind):
    data = labelled()
    objective = taught(data, tmp_path, encoding=TopK(2, (4.0,)))
    with pytest.raises(ArgumentError, match=f"the control '{kind}' needs every class's logit, .* keeps a part of them"):
        control_objective(kind, objective, data, never)


def every_objective(data, folder):
    """A student's objective and its three controls', by name."""
    objective = taught(data, folder / "teacher", temperature=2.0)
    untrained = write_soft_targets(Says(2), data, folder / "untrained", encoding=Dense("float32"))
    kinds = ("smoothed", "permuted", "random")
    return {"student": objective} | {
        kind: control_objective(kind, objective, data, lambda: untrained) for kind in kinds
    }


def student():
    torch.manual_seed(0)
    return MLP([CLASSES, 32, CLASSES])


@pytest.mark.parametrize("kind", ["smoothed", "permuted", "random"])
def test_a_student_learns_what_its_control_says(tmp_path, kind):
    data = labelled()
    objective = every_objective(data, tmp_path)[kind]
    fitted = fit(student(), data, objective=replace(objective, hard_weight=0.0), budget=QUICK)
    wanted = objective.targets(data.ids, 0).logits.argmax(-1)
    agreement = [(predict(net, data).argmax(-1) == wanted).double().mean().item() for net in (student(), fitted.net)]
    assert agreement[0] < 0.4
    assert agreement[1] > 0.9
    assert fitted.history[-1]["loss"] < 0.5 * fitted.history[0]["loss"]


def test_no_two_objectives_share_a_training(tmp_path):
    data = labelled()
    objectives = every_objective(data, tmp_path)
    specs = [str(objective.spec()) for objective in objectives.values()]
    assert len(set(specs)) == 4
    budget = replace(QUICK, epochs=1)
    for kind, objective in objectives.items():
        fit(student(), data, objective=objective, budget=budget, folder=tmp_path / kind)
        for other in objectives.keys() - {kind}:
            with pytest.raises(RunError, match="its objective is not the one asked for"):
                fit(student(), data, objective=objectives[other], budget=budget, folder=tmp_path / kind)


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
@pytest.mark.parametrize("share", [1e-9, 1e-3, 0.1, 0.5, 0.9, 0.999])
def test_smoothing_of_entropy_is_the_share_that_has_it(classes, share):
    probs = torch.full((classes,), share / classes, dtype=torch.float64)
    probs[0] += 1 - share
    assert smoothing_of_entropy(torch.special.entr(probs).sum().item(), classes) == pytest.approx(share, rel=1e-6)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_no_entropy_is_no_smoothing_and_the_most_is_all(classes):
    assert smoothing_of_entropy(0.0, classes) == 0.0
    assert smoothing_of_entropy(math.log(classes), classes) == 1.0
    assert smoothing_of_entropy(math.log(classes) + 1e-12, classes) == 1.0


def test_of_a_teacher_without_doubt_the_labels_stay_as_they_are(tmp_path):
    data = labelled()
    data = replace(data, inputs=1e4 * torch.nn.functional.one_hot(data.labels, CLASSES).float())
    smoothed = control("smoothed", data, tmp_path, temperature=1.0)
    assert smoothed.mean_entropy == 0
    logits = torch.randn(len(data), CLASSES, generator=torch.Generator().manual_seed(0))
    found = smoothed.loss(logits, data.labels, smoothed.targets(data.ids, 0))
    assert_close(found, label_loss(logits, data.labels))
