"""Expectation-maximisation against equation 5's value, its solution, and its gradient by autograd."""

import numpy as np
import pytest
import torch
from equation_five import team, value
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from limbeck import ArgumentError, combine
from limbeck.specialists import em_target

ACTIVE = torch.tensor([[True, False, True], [True, True, True], [False, False, False], [False, True, False]])


def divergence(z, p_g, p_m, sets, active):
    """Return each row's equation 5 for q = softmax(z), left to autograd."""
    q = z.softmax(1)
    total = (p_g * (p_g.log() - q.log())).sum(1)
    for p, classes, own in zip(p_m, sets, active.T, strict=True):
        rest = [i for i in range(q.shape[1]) if i not in classes]
        folded = torch.cat([q[:, classes], q[:, rest].sum(1, keepdim=True)], 1)
        total = total + own * (p * (p.log() - folded.log())).sum(1)
    return total


@pytest.mark.parametrize("active", [torch.ones_like(ACTIVE), ACTIVE])
def test_cross_entropy_to_it_has_equation_fives_gradient(active):
    p_g, p_m, sets = team(4, 9, 3, 4)
    z = torch.randn(4, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).requires_grad_()
    (expected,) = torch.autograd.grad(divergence(z, p_g, p_m, sets, active).sum(), z)
    target = em_target(z.softmax(1), p_g, p_m, sets, active)
    assert not target.requires_grad
    loss = cross_entropy(z, target, reduction="none") * (1 + active.sum(1))
    (found,) = torch.autograd.grad(loss.sum(), z)
    assert_close(found, expected, rtol=1e-10, atol=1e-12)
    assert_close(target.sum(1), torch.ones(4, dtype=torch.float64), rtol=1e-12, atol=0)


def test_each_step_goes_down_to_the_solution():
    p_g, p_m, sets = team(5, 12, 3, 4, scale=2.0)
    solution = combine(p_g, p_m, sets)
    q, before = torch.full_like(p_g, 1 / 12), [np.inf] * 5
    for _ in range(2000):
        q = em_target(q, p_g, p_m, sets)
        now = [value(q[row].numpy(), p_g[row].numpy(), [p[row].numpy() for p in p_m], sets) for row in range(5)]
        assert all(new <= old + 1e-13 for new, old in zip(now, before, strict=True))
        before = now
        if (q - solution).abs().max() < 1e-9:
            break
    assert_close(q, solution, rtol=0, atol=1e-9)


@pytest.mark.parametrize("active", [None, ACTIVE])
def test_the_solution_is_its_fixed_point(active):
    p_g, p_m, sets = team(4, 30, 3, 10)
    q = combine(p_g, p_m, sets, active)
    assert_close(em_target(q, p_g, p_m, sets, active), q, rtol=1e-9, atol=1e-12)


def test_a_student_that_excludes_the_dustbins_classes_gets_them_evenly():
    p_g, p_m = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert_close(em_target(p_g, p_g, [p_m], [[0]]), torch.tensor([[0.5, 0.25, 0.25]]))


def test_what_an_inactive_specialist_says_may_be_anything():
    p_g, p_m, sets = team(4, 9, 3, 4)
    expected = em_target(p_g, p_g, p_m, sets, ACTIVE)
    p_m = [p.masked_fill(~own[:, None], torch.nan) for p, own in zip(p_m, ACTIVE.T, strict=True)]
    assert_close(em_target(p_g, p_g, p_m, sets, ACTIVE), expected, rtol=0, atol=0)


def test_half_precision_is_widened():
    p_g, p_m, sets = team(2, 6, 1, 3, dtype=torch.bfloat16)
    assert em_target(p_g, p_g, p_m, sets).dtype == torch.float32


@pytest.mark.usefixtures("shapes_unchecked")
def test_q_has_the_generalists_shape():
    p_g, p_m = torch.full((2, 4), 0.25), [torch.full((2, 3), 1 / 3)]
    with pytest.raises(ArgumentError, match=r"q must have the generalist's shape \(2, 4\), got \(1, 4\)"):
        em_target(p_g[:1], p_g, p_m, [[0, 1]])
    with pytest.raises(ArgumentError, match="q must be a tensor of numbers"):
        em_target(p_g.tolist(), p_g, p_m, [[0, 1]])


def test_a_set_of_all_classes_has_no_dustbin():
    half = torch.full((1, 2), 0.5)
    assert_close(em_target(half, half, [torch.tensor([[0.25, 0.75, 0.0]])], [[0, 1]]), torch.tensor([[0.375, 0.625]]))
    whole = torch.tensor([[0.25, 0.25, 0.5]])
    with pytest.raises(ArgumentError, match=r"a dustbin for no classes must be 0, got 0\.5 from specialist 0"):
        em_target(half, half, [whole], [[0, 1]])
    nobody = torch.zeros(1, 1, dtype=torch.bool)
    assert_close(em_target(half, half, [whole], [[0, 1]], nobody), half)


@pytest.mark.parametrize("least", [1e-300, 1e-310, 5e-324])
def test_however_little_a_student_leaves_to_the_dustbin_the_target_is_a_distribution(least):
    q = torch.tensor([[1.0, least, 0.0]], dtype=torch.float64)
    found = em_target(q, q, [torch.tensor([[0.0, 1.0]], dtype=torch.float64)], [[0]])
    assert_close(found.sum(1), torch.ones(1, dtype=torch.float64), rtol=1e-12, atol=0)
