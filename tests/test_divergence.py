"""Soft targets held in part, against float64 twins; and the ways in which one KL is computed, against each other."""

import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from limbeck import ArgumentError, distillation_loss, divergence, objective
from limbeck.divergence import DenseTargets, MixedTargets, SampledTargets, TopKTargets
from limbeck.targets import Sampled, TopK


def random_logits(rows=8, classes=12, scale=3.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(rows, classes, generator=generator) for _ in range(2)]


def kept(encoding, logits, temperature):
    """Return logits as an encoding keeps them and gives them back."""
    columns = encoding.encode(logits, torch.arange(len(logits)))
    return encoding.decode(columns, temperature, logits.shape[1])


def top_k(logits, k, temperature):
    """Return exact top-k targets, with nothing rounded to float16."""
    values, classes = (logits - logits.amax(-1, keepdim=True)).topk(k)
    rest = (logits / temperature).double().log_softmax(-1).scatter(-1, classes, -torch.inf)
    return TopKTargets(classes, values, rest.logsumexp(-1).to(logits.dtype), temperature, logits.shape[1])


def coarse_twin(student, targets):
    """T²·KL over k + 1 outcomes by its definition in float64, and its gradient by autograd."""
    z, t = student.double().clone().requires_grad_(), targets.temperature
    index, log_tail = targets.classes.long(), targets.log_tail.double()
    log_q = (z / t).log_softmax(-1)
    outside = torch.ones_like(log_q, dtype=torch.bool).scatter_(-1, index, False)
    p = (targets.logits.double() / t).softmax(-1) * (1 - log_tail.exp())[:, None]
    kl = torch.where(p == 0, 0, p * (p.log() - log_q.gather(-1, index))).sum(-1)
    bucket = torch.where(outside, log_q.exp(), 0).sum(-1)
    kl = kl + torch.where(log_tail.isneginf(), 0, log_tail.exp() * (log_tail - bucket.log()))
    value = t**2 * kl
    value.sum().backward()
    return value.detach(), z.grad


def found(student, targets, labels=None, **options):
    z = student.clone().requires_grad_()
    value = distillation_loss(z, targets, labels, **options)
    value.sum().backward()
    return value.detach(), z.grad


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0, 1000.0])
@pytest.mark.parametrize("k", [1, 5, 11])
def test_top_k_is_the_kl_over_k_classes_and_their_rest(temperature, k):
    z, v = random_logits()
    targets = kept(TopK(k, (1.0, temperature) if temperature != 1 else (1.0,)), v, temperature)
    value, gradient = found(z, targets, temperature=temperature)
    expected, expected_gradient = coarse_twin(z, targets)
    assert_close(value.double(), expected, rtol=1e-3 if temperature > 20 else 1e-4, atol=1e-6)
    assert_close(gradient.double(), expected_gradient, rtol=1e-3, atol=3e-6 * temperature)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(2, 9), st.floats(0.3, 60), st.integers(0, 10**6), st.data())
def test_top_k_is_the_definition_for_any_shape_and_temperature(rows, classes, temperature, seed, data):
    z, v = random_logits(rows, classes, seed=seed)
    targets = top_k(v, data.draw(st.integers(1, classes)), temperature)
    value, gradient = found(z.double(), targets, temperature=temperature)
    if targets.classes.shape[1] == classes:
        expected, expected_gradient = found(z.double(), v.double(), temperature=temperature)
    else:
        expected, expected_gradient = coarse_twin(z, targets)
    assert_close(value, expected, rtol=1e-4, atol=1e-4)
    assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-5 * max(1, temperature))


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
@pytest.mark.parametrize("hard_weight", [0.0, 0.3])
def test_top_k_of_all_classes_is_the_dense_loss(temperature, hard_weight):
    z, v = random_logits()
    options = {"temperature": temperature, "hard_weight": hard_weight}
    value, gradient = found(z, top_k(v, 12, temperature), torch.arange(8), **options)
    expected, expected_gradient = found(z, v, torch.arange(8), **options)
    assert_close(value, expected, rtol=1e-5, atol=1e-5)
    assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_top_k_is_zero_where_the_student_says_the_same(temperature):
    z, _ = random_logits()
    value, gradient = found(z, top_k(z, 4, temperature), temperature=temperature)
    assert (value >= 0).all()
    assert_close(value, torch.zeros(8), rtol=0, atol=1e-6 * temperature**2)
    assert_close(gradient, torch.zeros(8, 12), rtol=0, atol=1e-6 * temperature)


def test_within_the_bucket_the_student_is_free():
    _, v = random_logits(rows=1)
    targets = top_k(v, 4, 1.0)
    bucket = torch.ones(12, dtype=torch.bool).index_fill(0, targets.classes[0], False)
    mass = v.softmax(-1)[0, bucket].sum()
    other = v.softmax(-1).clone()
    other[0, bucket] = mass * torch.arange(1, 9) / 36
    value, gradient = found(other.log(), targets, temperature=1.0)
    assert_close(value, torch.zeros(1), rtol=0, atol=1e-6)
    assert_close(gradient, torch.zeros(1, 12), rtol=0, atol=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_top_k_mixes_with_hard_labels(temperature):
    z, v = random_logits()
    labels, targets = torch.arange(8), top_k(v, 3, temperature)
    value, gradient = found(z, targets, labels, temperature=temperature, hard_weight=0.3)
    soft, soft_gradient = coarse_twin(z, targets)
    wide = z.double().requires_grad_()
    hard = torch.nn.functional.cross_entropy(wide, labels, reduction="none")
    hard.sum().backward()
    assert_close(value.double(), 0.7 * soft + 0.3 * hard.detach(), rtol=1e-4, atol=1e-5)
    assert_close(gradient.double(), 0.7 * soft_gradient + 0.3 * wide.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("temperature", [1.0, 20.0])
def test_top_k_widens_a_bfloat16_student(temperature):
    z, v = random_logits()
    targets = top_k(v, 4, temperature)
    value, gradient = found(z.bfloat16(), targets, temperature=temperature)
    expected, expected_gradient = found(z.bfloat16().float(), targets, temperature=temperature)
    assert (value.dtype, gradient.dtype) == (torch.float32, torch.bfloat16)
    assert_close(value, expected)
    assert_close(gradient, expected_gradient.bfloat16())


@pytest.mark.parametrize("temperature", [1.0, 20.0])
def test_top_k_is_unchanged_when_a_constant_is_added(temperature):
    z, v = random_logits()
    value, gradient = found(z, top_k(v, 4, temperature), temperature=temperature)
    shifted, shifted_gradient = found(z + 7, top_k(v - 11, 4, temperature), temperature=temperature)
    assert_close(shifted, value, rtol=1e-4, atol=1e-4)
    assert_close(shifted_gradient, gradient, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 50.0])
def test_top_k_leaves_classes_out_that_both_mask(temperature):
    z, v = random_logits(classes=6)
    masked = [torch.cat([each, torch.full((8, 2), -math.inf)], -1) for each in (z, v)]
    value, gradient = found(masked[0], kept(TopK(3, (temperature,)), masked[1], temperature), temperature=temperature)
    expected, expected_gradient = found(z, kept(TopK(3, (temperature,)), v, temperature), temperature=temperature)
    assert_close(value, expected, rtol=1e-4, atol=1e-5)
    assert_close(gradient, torch.cat([expected_gradient, torch.zeros(8, 2)], -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 50.0])
def test_top_k_of_fewer_classes_than_k_leaves_the_masked_ones_out(temperature):
    z, v = random_logits(classes=4)
    masked = [torch.cat([each, torch.full((8, 3), -math.inf)], -1) for each in (z, v)]
    value, gradient = found(masked[0], kept(TopK(5, (temperature,)), masked[1], temperature), temperature=temperature)
    expected, expected_gradient = found(z, kept(TopK(4, (temperature,)), v, temperature), temperature=temperature)
    assert_close(value, expected, rtol=1e-4, atol=1e-5)
    assert_close(gradient, torch.cat([expected_gradient, torch.zeros(8, 3)], -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 50.0])
@pytest.mark.parametrize("hard_weight", [0.0, 1.0])
def test_a_bucket_masked_in_the_student_alone_saturates(temperature, hard_weight):
    z, v = random_logits(rows=1)
    targets = top_k(v, 4, temperature)
    z = torch.full_like(z, -math.inf).scatter(-1, targets.classes, z[:, :4])
    value, gradient = found(z, targets, targets.classes[:, 0], temperature=temperature, hard_weight=hard_weight)
    assert gradient.isfinite().all()
    if hard_weight:
        assert_close(value, -z.log_softmax(-1)[:, targets.classes[0, 0]])
    else:
        assert value.item() == torch.finfo(torch.float32).max


@pytest.mark.parametrize("hard_weight", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("temperature", [0.01, 1.0, 4.0, 100.0])
def test_finite_for_every_finite_logit_in_every_form(temperature, hard_weight):
    top = torch.finfo(torch.float32).max
    z = torch.tensor([[top, -top, 0.0], [0.0, 0.0, 0.0], [top, top, top]])
    v = torch.tensor([[-top, top, 0.0], [top, -top, 0.0], [-top, -top, -top]])
    labels = torch.tensor([1, 0, 2])
    parts = [kept(TopK(1, (temperature,)), v, temperature), kept(Sampled(4, (temperature,)), v, temperature)]
    for targets in [*parts, MixedTargets([*parts, DenseTargets(v)], [0.25, 0.25, 0.5])]:
        value, gradient = found(z, targets, labels, temperature=temperature, hard_weight=hard_weight)
        assert value.isfinite().all()
        assert gradient.isfinite().all()


def test_teachers_that_all_saturate_leave_the_labels_their_loss():
    z, v = torch.tensor([[0.0, -math.inf]]), torch.tensor([[0.0, 0.0]])
    targets = MixedTargets([DenseTargets(v)] * 6, [1 / 6] * 6)
    value, gradient = found(z, targets, torch.tensor([0]), temperature=1.0, hard_weight=1.0)
    assert_close(value, torch.zeros(1))
    assert_close(gradient, torch.zeros(1, 2))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_student_that_says_nothing_is_not_hidden(bad):
    _, v = random_logits(rows=1)
    for place in range(12):
        z = torch.zeros(1, 12)
        z[0, place] = bad
        for targets in (top_k(v, 4, 1.0), kept(Sampled(4, (1.0,)), v, 1.0)):
            assert distillation_loss(z, targets, temperature=1.0).isnan().all()


FORMS = {
    "dense": lambda v, t: DenseTargets(v),
    "top_k": lambda v, t: kept(TopK(5, (t,)), v, t),
    "sampled": lambda v, t: kept(Sampled(7, (t, 3 * t)), v, t),  # the weights' sum is not the same in each row
    "mixed": lambda v, t: MixedTargets([kept(TopK(5, (t,)), v, t), DenseTargets(v.flip(0))], [0.25, 0.75]),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
@pytest.mark.parametrize("hard_weight", [0.0, 0.3])
def test_a_batch_is_its_rows_a_few_at_a_time(monkeypatch, form, temperature, hard_weight):
    z, v = random_logits(rows=11)
    targets, labels = FORMS[form](v, temperature), torch.arange(11)
    options = {"temperature": temperature, "hard_weight": hard_weight}
    whole = found(z, targets, labels, **options)
    for elements in (1, 36, 12 * 11):  # one row at a time, three, all
        monkeypatch.setattr(objective, "IN_CACHE", elements)
        for ours, theirs in zip(found(z, targets, labels, **options), whole, strict=True):
            assert_close(ours, theirs)
    for row in range(11):
        one = slice(row, row + 1)
        value, gradient = found(z[one], targets[one], labels[one], **options)
        assert_close(value, whole[0][one])
        assert_close(gradient, whole[1][one])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
@pytest.mark.parametrize("hard_weight", [0.0, 0.4])
def test_gradient_passes_gradcheck_in_every_form(form, temperature, hard_weight):
    z, v = random_logits(rows=3, classes=7)
    targets, labels = FORMS[form](v, temperature), torch.tensor([0, 6, 2])
    options = {"temperature": temperature, "hard_weight": hard_weight}
    assert torch.autograd.gradcheck(
        lambda z: distillation_loss(z, targets, labels, **options), (z.double().requires_grad_(),)
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("hard_weight", [0.0, 0.4])
def test_a_second_time_through_a_kept_graph_gives_the_same_gradient(form, hard_weight):
    z, v = random_logits()
    leaf = z.clone().requires_grad_()
    loss = distillation_loss(leaf, FORMS[form](v, 4.0), torch.arange(8), temperature=4.0, hard_weight=hard_weight)
    loss.sum().backward(retain_graph=True)
    first = leaf.grad.clone()
    for _ in range(2):
        leaf.grad = None
        loss.backward(torch.full((8,), 2.0), retain_graph=True)
        assert_close(leaf.grad, 2 * first)


DRAWS = 20_000


def drawn(encoding, row, temperature):
    """Return one row's targets as drawn again and again, and the row as it is kept, in float16."""
    targets = kept(encoding, row.expand(DRAWS, -1), temperature)
    return targets, (row - row.max()).half().float()


def summed(targets):
    """Return each class's weight in each row."""
    return torch.zeros(len(targets), targets.num_classes).scatter_add_(-1, targets.classes, targets.weights)


def assert_mean_is(draws, expected):
    """Within five standard errors of the mean, and 1e-5 for what is the same in each draw."""
    error = draws.double().std(0) / math.sqrt(len(draws))
    assert ((draws.double().mean(0) - expected).abs() <= 5 * error + 1e-5).all()
    assert error.max() < 0.05 * expected.abs().max()  # else the test would say little


@pytest.mark.parametrize("temperatures", [(1.0,), (4.0,), (1.0, 4.0), (0.5, 20.0)])
def test_sampled_weights_are_on_average_the_probabilities(temperatures):
    _, v = random_logits(rows=1)
    for temperature in temperatures:
        targets, row = drawn(Sampled(6, temperatures), v, temperature)
        probs = (row.double() / temperature).softmax(-1)[0]
        assert_mean_is(summed(targets), probs)
        assert_close(targets.log_probs.double(), probs.log()[targets.classes], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("temperatures", [(4.0,), (1.0, 4.0)])
@pytest.mark.parametrize("hard_weight", [0.0, 0.3])
def test_sampled_gradient_is_on_average_the_dense_one(temperatures, hard_weight):
    z, v = random_logits(rows=1)
    for temperature in temperatures:
        targets, row = drawn(Sampled(6, temperatures), v, temperature)
        labels = torch.zeros(DRAWS, dtype=torch.int64)
        options = {"temperature": temperature, "hard_weight": hard_weight}
        value, gradient = found(z.expand(DRAWS, -1).contiguous(), targets, labels, **options)
        dense, dense_gradient = found(z.double(), row.double(), labels[:1], **options)
        assert_mean_is(gradient, dense_gradient[0])
        assert_mean_is(value[:, None], dense)


def test_systematic_draws_vary_less_than_independent_ones():
    _, v = random_logits(rows=1)
    targets, row = drawn(Sampled(6, (1.0,)), v, 1.0)
    probs = row.softmax(-1)[0]
    generator = torch.Generator().manual_seed(0)
    classes = torch.multinomial(probs, 6 * DRAWS, replacement=True, generator=generator).view(DRAWS, 6)
    independent = SampledTargets(classes, torch.full((DRAWS, 6), 1 / 6), probs.log()[classes], 1.0, 12)
    assert summed(targets).var(0).sum() < 0.5 * summed(independent).var(0).sum()


def test_sampling_one_distribution_keeps_the_total_weight():
    _, v = random_logits()
    assert_close(kept(Sampled(5, (4.0,)), v, 4.0).weights, torch.full((8, 5), 0.2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_mixed_dense_targets_pull_to_the_arithmetic_mean(temperature):
    z, v = random_logits()
    other = random_logits(seed=1)[0]
    value, gradient = found(
        z, MixedTargets([DenseTargets(v), DenseTargets(other)], [0.2, 0.8]), temperature=temperature
    )
    p, r = ((each.double() / temperature).softmax(-1) for each in (v, other))
    mean = 0.2 * p + 0.8 * r
    _, expected = found(z.double(), temperature * mean.log(), temperature=temperature)
    assert_close(gradient.double(), expected, rtol=1e-4, atol=1e-5 * temperature)
    each = [found(z.double(), member.double(), temperature=temperature)[0] for member in (v, other)]
    assert_close(value.double(), 0.2 * each[0] + 0.8 * each[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", ["top_k", "sampled", "mixed"])
def test_a_temperature_that_is_not_served_is_refused(form):
    z, v = random_logits()
    with pytest.raises(ArgumentError, match="these soft targets serve temperature 4, got 2") as caught:
        distillation_loss(z, FORMS[form](v, 4.0), temperature=2.0)
    assert "write them again and declare this one, or write dense ones" in caught.value.hint


@pytest.mark.parametrize("form", FORMS)
def test_targets_of_other_rows_or_classes_are_refused(form):
    _, v = random_logits()
    assert (len(FORMS[form](v, 4.0)), FORMS[form](v, 4.0).num_classes) == (8, 12)
    for student in ((7, 12), (8, 11)):
        with pytest.raises(ArgumentError, match=r"one shape \(batch, classes\), got \(\d, \d+\) and \(8, 12\)"):
            distillation_loss(torch.zeros(student), FORMS[form](v, 4.0))


@pytest.mark.parametrize("form", FORMS)
def test_targets_move_to_a_device_whole(form):
    z, v = random_logits()
    moved = FORMS[form](v, 4.0).to(torch.device("meta"))
    parts = moved.parts if form == "mixed" else [moved]
    tensors = [value for part in parts for value in vars(part).values() if isinstance(value, torch.Tensor)]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    here = FORMS[form](v, 4.0)
    assert_close(found(z, here.to(torch.device("cpu")), temperature=4.0), found(z, here, temperature=4.0))


WAYS = {
    "direct": divergence._direct,
    "masked": partial(divergence._masked, nearly_equal=False),
    "nearly equal": partial(divergence._masked, nearly_equal=True),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (5, 10), (2000, 32), (700, 33), (64, 1000), (2, 60_000)])
@pytest.mark.parametrize(("scale", "apart"), [(0.01, 1.0), (3.0, 1.0), (3.0, 1e-3), (40.0, 1.0)])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0, 10.0])
def test_every_way_to_compute_the_kl_is_the_float64_one(way, shape, scale, apart, temperature):
    z, v = random_logits(*shape, scale)
    z = v + apart * (z - v)
    log_q, log_p = ((each.double() / temperature).log_softmax(-1).numpy() for each in (z, v))
    gradient = torch.empty_like(z)
    value = WAYS[way](z, v, temperature, gradient)
    expected = (np.exp(log_p) * (log_p - log_q)).sum(-1)
    assert_close(value.double().numpy(), expected, rtol=1e-4, atol=5e-6 * max(1, scale))
    assert_close(gradient.double().numpy(), np.exp(log_q) - np.exp(log_p), rtol=1e-4, atol=1e-6)


def test_rows_with_masked_classes_leave_their_neighbours_alone():
    z, v = random_logits(rows=3000)  # enough for the fast path, which can't do them
    expected = found(z, v)
    v[7, 3] = z[7, 3] = -math.inf
    value, gradient = found(z, v)
    others = torch.arange(3000) != 7
    assert_close(value[others], expected[0][others], rtol=1e-4, atol=1e-5)
    assert_close(gradient[others], expected[1][others], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [10, 3000])
def test_what_is_kept_in_inference_mode_serves_outside_it(monkeypatch, rows):
    monkeypatch.setattr(divergence, "_MEMORY", divergence._Memory())
    z, v = random_logits(rows=rows)
    with torch.inference_mode():
        inside = distillation_loss(z, v)
    value, gradient = found(z, v)
    assert_close(value, inside)
    assert_close(gradient, 4 * ((z / 4).softmax(-1) - (v / 4).softmax(-1)), rtol=1e-4, atol=1e-5)
    with torch.inference_mode():
        assert_close(distillation_loss(z, v), inside)


@pytest.mark.parametrize("form", FORMS)
def test_threads_at_once_give_what_one_gives(form):
    work = []
    for seed in range(8):
        z, v = random_logits(rows=2000, seed=seed)
        work.append((z, FORMS[form](v, 4.0)))
    expected = [found(z, targets, temperature=4.0) for z, targets in work]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            together = list(pool.map(lambda each: found(*each, temperature=4.0), work))
            for ours, theirs in zip(together, expected, strict=True):
                assert torch.equal(ours[0], theirs[0])
                assert torch.equal(ours[1], theirs[1])
