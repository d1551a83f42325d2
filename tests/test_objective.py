"""The objective against a float64 twin in numpy, and the properties the paper derives."""

import itertools
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torch.testing import assert_close

from limbeck import ArgumentError, distillation_loss, objective, soften
from limbeck.divergence import TopKTargets
from limbeck.objective import label_loss


def numpy_log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def numpy_loss(student, teacher, labels=None, temperature=4.0, hard_weight=0.0):
    """The paper's objective, written down once more in float64; a row labelled -1 has its soft part alone."""
    z, v = np.asarray(student, np.float64), np.asarray(teacher, np.float64)
    log_q, log_p = numpy_log_softmax(z / temperature), numpy_log_softmax(v / temperature)
    soft = temperature**2 * (np.exp(log_p) * (log_p - log_q)).sum(-1)
    hard = 0.0
    if labels is not None:
        hard = np.where(labels == -1, 0, -numpy_log_softmax(z)[np.arange(len(z)), labels])
    return (1 - hard_weight) * soft + hard_weight * hard


def random_logits(rows=8, classes=10, scale=3.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    draw = [scale * torch.randn(rows, classes, generator=generator) for _ in range(2)]
    return draw[0], draw[1], torch.randint(classes, (rows,), generator=generator)


def gradient_of(student, teacher, labels=None, **options):
    z = student.clone().requires_grad_()
    distillation_loss(z, teacher, labels, **options).sum().backward()
    return z.grad


def test_soften_is_the_papers_worked_example():
    expected = torch.tensor([0.10153632, 0.1674051, 0.27600434, 0.45505423])
    assert_close(soften([1, 2, 3, 4], 2), expected)


def test_defaults_equal_the_float64_twin():
    z, v, _ = random_logits()
    assert_close(distillation_loss(z, v).double().numpy(), numpy_loss(z, v), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0, 2.0, 4.0, 10.0, 20.0, 50.0, 100.0, 1000.0, 1e4])
@pytest.mark.parametrize("hard_weight", [0.0, 0.3, 1.0])
def test_equals_the_float64_twin_at_every_temperature(temperature, hard_weight):
    z, v, labels = random_logits()
    found = distillation_loss(z, v, labels, temperature=temperature, hard_weight=hard_weight)
    expected = numpy_loss(z, v, labels.numpy(), temperature, hard_weight)
    assert_close(found.double().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_float64_keeps_float64():
    z, v, labels = (t.double() if t.is_floating_point() else t for t in random_logits())
    found = distillation_loss(z, v, labels, hard_weight=0.3)
    assert found.dtype == torch.float64
    assert_close(found.numpy(), numpy_loss(z, v, labels.numpy(), 4.0, 0.3), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_upcast_before_it_is_softened(dtype):
    z, v, _ = random_logits()
    z, v = z.to(dtype), v.to(dtype)
    assert_close(distillation_loss(z, v, temperature=20.0), distillation_loss(z.float(), v.float(), temperature=20.0))
    narrow = gradient_of(z, v, temperature=100.0)
    wide = gradient_of(z.float(), v.float(), temperature=100.0)
    assert narrow.dtype == dtype
    assert_close(narrow.float(), wide, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("options", [{}, {"temperature": 20.0}, {"temperature": 2.0, "hard_weight": 0.4}])
def test_gradient_passes_gradcheck(options):
    z, v, labels = random_logits(rows=4, classes=5)
    z = z.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: distillation_loss(z, v.double(), labels, **options), (z,))


@pytest.mark.parametrize("hard_weight", [0.0, 0.25])
def test_gradient_is_autograds_and_the_papers(hard_weight):
    z, v, labels = random_logits()
    temperature = 3.0
    eager = z.clone().requires_grad_()
    kl = torch.nn.functional.kl_div(
        (eager / temperature).log_softmax(-1), (v / temperature).softmax(-1), reduction="sum"
    )
    cross_entropy = torch.nn.functional.cross_entropy(eager, labels, reduction="sum")
    ((1 - hard_weight) * temperature**2 * kl + hard_weight * cross_entropy).backward()
    found = gradient_of(z, v, labels, temperature=temperature, hard_weight=hard_weight)
    assert_close(found, eager.grad, rtol=1e-4, atol=1e-5)
    if hard_weight == 0:
        assert_close(found, temperature * (soften(z, temperature) - soften(v, temperature)))


def test_per_example_weights_reach_the_gradient():
    z, v, _ = random_logits(rows=2)
    leaf = z.clone().requires_grad_()
    (distillation_loss(leaf, v) * torch.tensor([2.0, 0.0])).sum().backward()
    expected = gradient_of(z, v)
    assert_close(leaf.grad, torch.stack([2 * expected[0], torch.zeros(10)]))


def test_no_gradient_reaches_the_teacher():
    z, v, _ = random_logits()
    v.requires_grad_()
    distillation_loss(z.requires_grad_(), v).sum().backward()
    assert v.grad is None


def test_unchanged_when_a_constant_is_added():
    z, v, _ = random_logits()
    assert_close(distillation_loss(z + 7, v - 11), distillation_loss(z, v), rtol=1e-4, atol=1e-5)


def test_zero_where_student_equals_teacher():
    z, _, _ = random_logits()
    assert_close(distillation_loss(z, z), torch.zeros(8), rtol=0, atol=0)
    assert_close(gradient_of(z, z), torch.zeros(8, 10), rtol=0, atol=0)


def test_high_temperature_gradient_is_the_difference_of_logits():
    z, v, _ = random_logits()
    z, v = z - z.mean(-1, keepdim=True), v - v.mean(-1, keepdim=True)
    assert_close(gradient_of(z, v, temperature=1e4), (z - v) / 10, rtol=1e-2, atol=1e-3)


def test_high_temperature_value_is_half_the_squared_difference():
    z, v, _ = random_logits()
    z, v = z - z.mean(-1, keepdim=True), v - v.mean(-1, keepdim=True)
    expected = ((z - v) ** 2).sum(-1) / 20
    assert_close(distillation_loss(z, v, temperature=1e5), expected, rtol=1e-3, atol=1e-4)


def test_gradient_norm_does_not_depend_on_a_high_temperature():
    z, v, _ = random_logits()
    low, high = (gradient_of(z, v, temperature=t).norm() for t in (50.0, 500.0))
    assert_close(low, high, rtol=0.05, atol=0)


def test_unequal_micro_batches_make_one_batch():
    z, v, labels = random_logits(rows=9)
    whole = gradient_of(z, v, labels, hard_weight=0.2) / 9
    parts = z.clone().requires_grad_()
    for rows in (slice(0, 1), slice(1, 5), slice(5, 9)):
        (distillation_loss(parts[rows], v[rows], labels[rows], hard_weight=0.2).sum() / 9).backward()
    assert_close(parts.grad, whole)


def test_a_class_masked_in_both_takes_no_part():
    z, v, _ = random_logits(classes=4)
    masked = [torch.cat([t, torch.full((8, 1), -math.inf)], -1) for t in (z, v)]
    for temperature in (4.0, 50.0, 1e4):
        found = distillation_loss(masked[0], masked[1], temperature=temperature)
        assert_close(found, distillation_loss(z, v, temperature=temperature), rtol=1e-4, atol=1e-5)
        gradient = gradient_of(masked[0], masked[1], temperature=temperature)
        expected = gradient_of(z, v, temperature=temperature)
        assert_close(gradient, torch.cat([expected, torch.zeros(8, 1)], -1))


def test_a_class_masked_in_the_teacher_has_probability_zero():
    z, v = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, -math.inf]])
    assert_close(distillation_loss(z, v, temperature=1.0), torch.tensor([math.log(2)]))
    assert_close(distillation_loss(z, v, temperature=20.0), torch.tensor([400 * math.log(2)]))
    assert_close(gradient_of(z, v, temperature=1.0), torch.tensor([[-0.5, 0.5]]))


def test_a_class_masked_in_the_student_alone_saturates():
    z, v = torch.tensor([[0.0, -math.inf]]), torch.tensor([[0.0, 0.0]])
    assert distillation_loss(z, v).item() == torch.finfo(torch.float32).max
    assert_close(gradient_of(z, v), torch.tensor([[2.0, -2.0]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("temperature", [0.01, 1.0, 4.0, 100.0])
def test_finite_for_every_finite_logit(dtype, temperature):
    top = torch.finfo(dtype).max
    z = torch.tensor([[top, -top, 0.0], [0.0, 0.0, 0.0], [top, top, top], [-top, top, 0.0]], dtype=dtype)
    v = torch.tensor([[-top, top, 0.0], [top, -top, 0.0], [-top, -top, -top], [0.0, 0.0, 0.0]], dtype=dtype)
    for labels, hard_weight in itertools.product(torch.tensor([[1, 0, 2, 0], [-1, -1, -1, -1]]), (0.0, 0.5, 1.0)):
        options = {"temperature": temperature, "hard_weight": hard_weight}
        assert distillation_loss(z, v, labels, **options).isfinite().all()
        assert gradient_of(z, v, labels, **options).isfinite().all()


@pytest.mark.parametrize("row", [[math.nan, 0.0], [math.inf, 0.0], [-math.inf, -math.inf]])
def test_a_teacher_that_says_nothing_is_not_hidden(row):
    assert distillation_loss(torch.zeros(1, 2), torch.tensor([row])).isnan().all()


def test_a_wider_teacher_widens_the_computation():
    z, v, _ = random_logits()
    found = distillation_loss(z, v.double())
    assert found.dtype == torch.float64
    assert_close(found.numpy(), numpy_loss(z, v), rtol=1e-12, atol=1e-12)
    assert gradient_of(z, v.double()).dtype == torch.float32


LOGITS = npst.arrays(np.float32, (3, 4), elements=st.floats(-60, 60, width=32))


@given(LOGITS, LOGITS, st.floats(0.05, 1000))
def test_never_negative_and_near_the_twin(z, v, temperature):
    found = distillation_loss(torch.from_numpy(z), torch.from_numpy(v), temperature=temperature)
    assert (found >= 0).all()
    expected = numpy_loss(z, v, temperature=temperature)
    assert_close(found.double().numpy(), expected, rtol=1e-4, atol=1e-4)


def partly(labels):
    """Take each third row's label away."""
    return torch.where(torch.arange(len(labels)) % 3 == 1, -1, labels)


def torch_twin(log_q, log_p, z, labels, *, temperature, hard_weight):
    """The objective of a partly labelled batch and its gradient for z, by autograd."""
    soft = temperature**2 * (log_p.exp() * (log_p - log_q)).sum(-1)
    hard = torch.nn.functional.cross_entropy(z, labels, ignore_index=-1, reduction="none")
    value = (1 - hard_weight) * soft + hard_weight * hard
    return value.detach(), torch.autograd.grad(value.sum(), z)[0]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("hard_weight", [0.0, 0.3, 1.0])
def test_a_row_without_a_label_has_its_soft_part_alone(temperature, hard_weight):
    z, v, labels = random_logits(rows=9)
    labels, options = partly(labels), {"temperature": temperature, "hard_weight": hard_weight}
    wide = z.double().requires_grad_()
    log_q, log_p = ((logits / temperature).log_softmax(-1) for logits in (wide, v.double()))
    value, gradient = torch_twin(log_q, log_p, wide, labels, **options)
    found = distillation_loss(z, v, labels, **options)
    assert_close(found.double(), value, rtol=1e-5, atol=1e-6)
    assert_close(found.double().numpy(), numpy_loss(z, v, labels.numpy(), **options), rtol=1e-5, atol=1e-6)
    assert_close(gradient_of(z, v, labels, **options).double(), gradient, rtol=1e-5, atol=1e-5)


def coarse_log_probs(logits, classes, temperature):
    """Log-probabilities of some classes, and of all others together."""
    log_probs = (logits / temperature).log_softmax(-1)
    rest = log_probs.scatter(-1, classes, -math.inf).logsumexp(-1, keepdim=True)
    return torch.cat([log_probs.gather(-1, classes), rest], -1)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_a_row_without_a_label_has_its_soft_part_alone_for_top_k_targets_too(temperature):
    z, v, labels = random_logits(rows=9)
    labels, options = partly(labels), {"temperature": temperature, "hard_weight": 0.3}
    values, classes = (v - v.amax(-1, keepdim=True)).topk(3)
    log_p = coarse_log_probs(v.double(), classes, temperature)
    targets = TopKTargets(classes, values, log_p[:, -1].float(), temperature, 10)
    wide = z.double().requires_grad_()
    value, gradient = torch_twin(coarse_log_probs(wide, classes, temperature), log_p, wide, labels, **options)
    assert_close(distillation_loss(z, targets, labels, **options).double(), value, rtol=1e-4, atol=1e-5)
    assert_close(gradient_of(z, targets, labels, **options).double(), gradient, rtol=1e-4, atol=1e-5)


def test_a_batch_without_any_label_has_its_share_of_the_soft_loss():
    z, v, labels = random_logits()
    none = torch.full_like(labels, -1)
    assert_close(distillation_loss(z, v, none, hard_weight=0.3), 0.7 * distillation_loss(z, v))
    assert_close(gradient_of(z, v, none, hard_weight=0.3), 0.7 * gradient_of(z, v))
    assert_close(gradient_of(z, v, none, hard_weight=1.0), torch.zeros(8, 10), rtol=0, atol=0)


def test_a_row_is_the_same_whatever_rows_are_labelled_beside_it():
    z, v, labels = random_logits()
    whole, mixed = (distillation_loss(z, v, own, hard_weight=0.3) for own in (labels, partly(labels)))
    seen = partly(labels) != -1
    assert_close(mixed[seen], whole[seen], rtol=0, atol=0)
    assert_close(
        gradient_of(z, v, partly(labels), hard_weight=0.3)[seen], gradient_of(z, v, labels, hard_weight=0.3)[seen]
    )


def test_a_few_rows_at_a_time_are_the_whole_batch_when_some_have_no_label(monkeypatch):
    z, v, labels = random_logits(rows=12)
    labels = torch.where(torch.arange(12) < 5, -1, labels)  # of the pieces one has none, one some, one all
    expected = distillation_loss(z, v, labels, hard_weight=0.3)
    expected_gradient = gradient_of(z, v, labels, hard_weight=0.3)
    monkeypatch.setattr(objective, "IN_CACHE", 40)
    assert_close(distillation_loss(z, v, labels, hard_weight=0.3), expected)
    assert_close(gradient_of(z, v, labels, hard_weight=0.3), expected_gradient)


@pytest.mark.parametrize("options", [{"hard_weight": 0.4}, {"temperature": 20.0, "hard_weight": 0.4}])
def test_gradient_passes_gradcheck_when_some_rows_have_no_label(options):
    z, v, labels = random_logits(rows=4, classes=5)
    z, labels = z.double().requires_grad_(), partly(labels)
    assert torch.autograd.gradcheck(lambda z: distillation_loss(z, v.double(), labels, **options), (z,))


def test_a_class_masked_in_both_takes_no_part_where_there_is_no_label():
    z, v, _ = random_logits(classes=4)
    masked = [torch.cat([torch.full((8, 1), -math.inf), logits], -1) for logits in (z, v)]
    labels = torch.full((8,), -1)
    assert_close(distillation_loss(*masked, labels, hard_weight=0.3), 0.7 * distillation_loss(z, v))
    expected = torch.cat([torch.zeros(8, 1), 0.7 * gradient_of(z, v)], -1)
    assert_close(gradient_of(*masked, labels, hard_weight=0.3), expected)


def test_an_empty_batch_has_no_loss():
    z, labels = torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)
    assert distillation_loss(z, z, labels, hard_weight=0.3).shape == (0,)
    assert gradient_of(z, z, labels, hard_weight=0.3).shape == (0, 3)


@pytest.mark.parametrize("temperature", [0.0, -1.0, 1e-46, 1e200, math.inf, math.nan])
def test_refuses_temperatures_that_are_not_positive_numbers(temperature):
    z, v, _ = random_logits()
    with pytest.raises(ArgumentError, match=r"temperature must be > 0, from 1e-06 to 1e\+09, got"):
        distillation_loss(z, v, temperature=temperature)
    with pytest.raises(ArgumentError, match="temperature"):
        soften(z, temperature)


@pytest.mark.parametrize("hard_weight", [-0.1, 1.1, math.nan])
def test_refuses_a_hard_weight_outside_0_to_1(hard_weight):
    z, v, labels = random_logits()
    with pytest.raises(ArgumentError, match=r"hard_weight must lie in 0\.\.1, got"):
        distillation_loss(z, v, labels, hard_weight=hard_weight)


def test_refuses_a_hard_weight_without_labels():
    z, v, _ = random_logits()
    with pytest.raises(ArgumentError, match=r"hard_weight must be 0 where there are no labels, got 0\.1"):
        distillation_loss(z, v, hard_weight=0.1)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 10]), r"labels must lie in {}\.\.9, got 0\.\.10"),
        (torch.tensor([-1, 10]), r"labels must lie in {}\.\.9, got -1\.\.10"),
        (torch.tensor([-2, -1]), r"labels must lie in {}\.\.9, got -2\.\.-1"),
        (torch.tensor([-100, 3]), r"labels must lie in {}\.\.9, got -100\.\.3"),
        (torch.tensor([0.0, 1.0]), r"labels must be whole numbers of shape \(2,\), got torch.float32 of shape \(2,\)"),
        (torch.tensor([1]), r"labels must be whole numbers of shape \(2,\), got torch.int64 of shape \(1,\)"),
    ],
)
@pytest.mark.usefixtures("shapes_unchecked")
def test_refuses_labels_that_are_no_classes(labels, message):
    z, v, _ = random_logits(rows=2)
    with pytest.raises(ArgumentError, match=message.format(-1)):
        distillation_loss(z, v, labels, hard_weight=0.5)
    with pytest.raises(ArgumentError, match=message.format(0)):
        label_loss(z, labels)


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize(
    ("student", "teacher"), [((4, 3), (4, 1)), ((4, 3), (1, 3)), ((3,), (3,)), ((2, 2, 2), (2, 2, 2))]
)
def test_refuses_shapes_that_would_broadcast(student, teacher):
    message = re.escape(f"must have one shape (batch, classes), got {student} and {teacher}")
    with pytest.raises(ArgumentError, match=message):
        distillation_loss(torch.zeros(student), torch.zeros(teacher))


@pytest.mark.usefixtures("shapes_unchecked")
def test_refuses_no_classes():
    with pytest.raises(ArgumentError, match="at least one class, got 0"):
        distillation_loss(torch.zeros(2, 0), torch.zeros(2, 0))


def test_label_loss_refuses_a_row_without_a_label():
    z, _, _ = random_logits(rows=2)
    with pytest.raises(ArgumentError, match=r"labels must lie in 0\.\.9, got -1\.\.3"):
        label_loss(z, torch.tensor([3, -1]))


def test_label_loss_equals_the_float64_twin():
    z, v, labels = random_logits()
    expected = numpy_loss(z, v, labels.numpy(), hard_weight=1.0)
    assert_close(label_loss(z.bfloat16().float(), labels), label_loss(z.bfloat16(), labels))
    assert_close(label_loss(z, labels).double().numpy(), expected, rtol=1e-5, atol=1e-6)
