"""Objectives beyond the paper against float64 twins in numpy, and what ties them to the paper's own."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from limbeck import ArgumentError, distillation_loss
from limbeck.beyond import correlation_loss, decoupled_loss, standardised

LOSSES = [decoupled_loss, correlation_loss]


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def cross_entropy(z, labels):
    return -np.log(softmax(z)[np.arange(len(z)), labels])


def numpy_decoupled(z, v, labels, *, temperature=4.0, hard_weight=0.0, target_weight=1.0, others_weight=8.0):
    values = []
    for row_z, row_v, label in zip(z / temperature, v / temperature, labels, strict=True):
        q, p = softmax(row_z), softmax(row_v)
        target = p[label] * np.log(p[label] / q[label]) + (1 - p[label]) * np.log((1 - p[label]) / (1 - q[label]))
        other_q, other_p = (np.delete(each, label) / (1 - each[label]) for each in (q, p))
        values.append(target_weight * target + others_weight * (other_p * np.log(other_p / other_q)).sum())
    soft = temperature**2 * np.array(values)
    return (1 - hard_weight) * soft + hard_weight * cross_entropy(z, labels)


def numpy_correlation(z, v, labels=None, *, temperature=4.0, hard_weight=0.0, inter_weight=1.0, intra_weight=1.0):
    q, p = softmax(z / temperature), softmax(v / temperature)
    inter = np.array([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(p, q, strict=True)])
    intra = np.mean([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(p.T, q.T, strict=True)])
    soft = temperature**2 * (inter_weight * inter + intra_weight * intra)
    return (1 - hard_weight) * soft + (hard_weight * cross_entropy(z, labels) if hard_weight else 0)


TWINS = {decoupled_loss: numpy_decoupled, correlation_loss: numpy_correlation}


def random_logits(rows=8, classes=10, scale=3.0, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    z, v = (scale * torch.randn(rows, classes, generator=generator, dtype=torch.float64) for _ in range(2))
    return z.to(dtype), v.to(dtype), torch.randint(classes, (rows,), generator=generator)


@pytest.mark.parametrize("loss", LOSSES)
def test_defaults_equal_the_float64_twin(loss):
    z, v, labels = random_logits()
    expected = TWINS[loss](z.double().numpy(), v.double().numpy(), labels.numpy())
    assert_close(loss(z, v, labels).double().numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
@pytest.mark.parametrize(("hard_weight", "weights"), [(0.0, (1.0, 8.0)), (0.3, (0.5, 2.0)), (1.0, (1.0, 1.0))])
def test_equals_the_float64_twin_with_every_option(loss, temperature, hard_weight, weights):
    z, v, labels = random_logits(dtype=torch.float64)
    names = ("target_weight", "others_weight") if loss is decoupled_loss else ("inter_weight", "intra_weight")
    options = {"temperature": temperature, "hard_weight": hard_weight, **dict(zip(names, weights, strict=True))}
    found = loss(z, v, labels, **options)
    assert found.dtype == torch.float64
    assert_close(found.numpy(), TWINS[loss](z.numpy(), v.numpy(), labels.numpy(), **options), rtol=1e-9, atol=1e-9)


@given(st.integers(0, 10_000), st.floats(0.5, 50.0))
def test_the_two_parts_of_decoupling_add_up_to_the_papers_divergence(seed, temperature):
    z, v, labels = random_logits(seed=seed, dtype=torch.float64)
    whole = distillation_loss(z, v, temperature=temperature)
    target = decoupled_loss(z, v, labels, temperature=temperature, target_weight=1, others_weight=0)
    others = decoupled_loss(z, v, labels, temperature=temperature, target_weight=0, others_weight=1)
    missing = 1 - (v / temperature).softmax(-1).gather(-1, labels[:, None]).squeeze(-1)
    assert_close(target + missing * others, whole, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_student_that_says_what_its_teacher_says_loses_nothing(loss):
    z, _, labels = random_logits()
    assert_close(loss(z, z + 7, labels), torch.zeros(8), atol=1e-4, rtol=0)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_that_of_the_value_and_none_reaches_the_teacher(loss):
    z, v, labels = random_logits(rows=4, classes=5, dtype=torch.float64)
    z.requires_grad_()
    v.requires_grad_()
    assert torch.autograd.gradcheck(lambda each: loss(each, v.detach(), labels, hard_weight=0.2), (z,))
    loss(z, v, labels).sum().backward()
    assert v.grad is None


@pytest.mark.parametrize("loss", LOSSES)
def test_half_precision_is_upcast(loss):
    z, v, labels = random_logits(dtype=torch.bfloat16)
    assert_close(loss(z, v, labels, temperature=20.0), loss(z.float(), v.float(), labels, temperature=20.0))


def test_a_class_masked_in_both_takes_no_part_in_decoupling():
    z, v, labels = random_logits()
    labels = labels.clamp(max=8)
    masked = [each.clone() for each in (z, v)]
    for each in masked:
        each[:, 9] = -torch.inf
    assert_close(decoupled_loss(*masked, labels), decoupled_loss(z[:, :9], v[:, :9], labels))


def test_correlation_asks_for_no_size_and_no_place():
    z, _, _ = random_logits(dtype=torch.float64)
    q = (z / 4).softmax(-1)
    teacher = 4 * (0.02 + 0.8 * q).log()  # another scale and origin of the same probabilities
    assert_close(correlation_loss(z, teacher), torch.zeros(8, dtype=torch.float64), atol=1e-9, rtol=0)
    assert distillation_loss(z, teacher).min() > 1e-3


def test_what_does_not_vary_correlates_with_nothing():
    z, v, _ = random_logits()
    alone = correlation_loss(z[:1], v[:1], inter_weight=0, temperature=1.0)
    assert_close(alone, torch.ones(1))


@pytest.mark.parametrize("classes", [3, 4, 7, 10, 100])
def test_rows_and_classes_that_differ_by_rounding_alone_correlate_with_nothing(classes):
    equal = torch.full((6, classes), 0.3)
    assert_close(correlation_loss(equal, equal), torch.full((6,), 32.0))
    z, v, _ = random_logits(rows=6, classes=classes)
    assert_close(correlation_loss(z, equal), torch.full((6,), 32.0))
    z = equal.clone().requires_grad_()
    correlation_loss(z, v).sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()
    assert z.grad.abs().max() > 0


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0, 100.0])
@pytest.mark.parametrize(("target", "others"), [(1.0, 0.0), (0.0, 1.0)])
def test_both_parts_of_decoupling_keep_their_precision_at_high_temperatures(temperature, target, others):
    z, v, labels = random_logits(rows=500, classes=100)
    options = {"temperature": temperature, "target_weight": target, "others_weight": others}
    found = decoupled_loss(z, v, labels, **options)
    assert found.min() >= 0
    exact = decoupled_loss(z.double(), v.double(), labels, **options)
    assert (found - exact).abs().max() < 2e-4 * exact.mean()
    assert_close(decoupled_loss(z + 7, z, labels, **options), torch.zeros(500), atol=1e-4, rtol=0)


def test_decoupling_saturates_where_float32_ends():
    largest = torch.finfo(torch.float32).max
    label = torch.tensor([0])
    far = decoupled_loss(torch.tensor([[largest, -largest, 0.0]]), torch.zeros(1, 3), label, hard_weight=1.0)
    assert_close(far, torch.zeros(1))
    z, v = torch.tensor([[1e38, 0.0, 0.0]]), torch.tensor([[0.0, 1e38, 0.0]])
    assert decoupled_loss(z, v, torch.tensor([1])).item() == largest
    z = torch.tensor([[0.0, -torch.inf, 1.0]], requires_grad=True)
    assert decoupled_loss(z, torch.zeros(1, 3), label).item() == largest
    nothing = decoupled_loss(z, torch.tensor([[0.0, -500.0, 1.0]]), label, temperature=1.0)
    assert_close(nothing, torch.zeros(1), atol=1e-6, rtol=0)  # of a probability that is 0 in float32
    nothing.sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()


@pytest.mark.parametrize("student", [[0.5, -torch.inf, -torch.inf], [0.5, 1.0, 2.0]])
def test_where_the_teacher_knows_no_other_class_there_is_none_to_tell_of(student):
    z, v = torch.tensor([student], requires_grad=True), torch.tensor([[0.5, -torch.inf, -torch.inf]])
    loss = decoupled_loss(z, v, torch.tensor([0]))
    assert_close(loss, decoupled_loss(z, v, torch.tensor([0]), others_weight=0.0))
    assert_close(loss, distillation_loss(z, v))
    assert loss.isfinite()


@pytest.mark.parametrize("loss", [distillation_loss, decoupled_loss])
def test_a_second_derivative_is_refused(loss):
    z, v, labels = random_logits()
    z.requires_grad_()
    with pytest.raises(ArgumentError, match="has no second derivative"):
        torch.autograd.grad(loss(z, v, labels).sum(), z, create_graph=True)


def test_standardised_logits_have_mean_0_and_deviation_1():
    z, v, _ = random_logits(dtype=torch.float64)
    found = standardised(z)
    assert_close(found.mean(-1), torch.zeros(8, dtype=torch.float64))
    assert_close(found.std(-1), torch.ones(8, dtype=torch.float64), atol=1e-6, rtol=0)
    expected = (z.numpy() - z.numpy().mean(-1, keepdims=True)) / z.numpy().std(-1, ddof=1, keepdims=True)
    assert_close(found.numpy(), expected, rtol=1e-6, atol=1e-6)
    assert_close(
        distillation_loss(standardised(3 * z + 5), standardised(z)), torch.zeros(8).double(), atol=1e-9, rtol=0
    )
    assert_close(standardised(torch.ones(2, 3)), torch.zeros(2, 3))
    assert torch.autograd.gradcheck(
        lambda each: distillation_loss(standardised(each), standardised(v)), (z.requires_grad_(),)
    )


BAD = [
    ({"temperature": 0.0}, "temperature must be > 0"),
    ({"hard_weight": 1.5}, r"hard_weight must lie in 0\.\.1"),
    ({"hard_weight": -0.1}, r"hard_weight must lie in 0\.\.1"),
]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("options", "rule"), BAD)
def test_numbers_outside_their_rule_are_refused(loss, options, rule):
    z, v, labels = random_logits()
    with pytest.raises(ArgumentError, match=rule):
        loss(z, v, labels, **options)


@pytest.mark.usefixtures("shapes_unchecked")
def test_weights_and_shapes_outside_their_rule_are_refused():
    z, v, labels = random_logits()
    with pytest.raises(ArgumentError, match="target_weight and others_weight must be >= 0, got -1 and 8.0"):
        decoupled_loss(z, v, labels, target_weight=-1)
    with pytest.raises(ArgumentError, match="inter_weight and intra_weight must be >= 0, got 1.0 and inf"):
        correlation_loss(z, v, intra_weight=float("inf"))
    with pytest.raises(ArgumentError, match="two or more classes to be decoupled, got 1"):
        decoupled_loss(z[:, :1], v[:, :1], torch.zeros(8).long())
    with pytest.raises(ArgumentError, match=r"labels must lie in 0\.\.9, got -1\.\."):
        decoupled_loss(z, v, torch.full_like(labels, -1))
    with pytest.raises(ArgumentError, match="labels must be a tensor of whole numbers, one for each row, got NoneType"):
        decoupled_loss(z, v, None)
    with pytest.raises(ArgumentError, match="hard_weight must be 0 where there are no labels"):
        correlation_loss(z, v, hard_weight=0.5)
    with pytest.raises(ArgumentError, match=r"logits must be \(batch, two or more classes\), got shape \(8, 1\)"):
        standardised(z[:, :1])
    for loss in LOSSES:
        with pytest.raises(ArgumentError, match=r"must have one shape \(batch, classes\), got \(8, 10\) and \(8, 9\)"):
            loss(z, v[:, :9], labels)
