"""Equation 5 against its conditions, closed forms, scipy and itself; at the edge the right answer or a clear error."""

import re

import numpy as np
import pytest
import torch
from equation_five import excess, folded, gradient, rows, team, teams, value
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch.testing import assert_close

from limbeck import ArgumentError, LimbeckError, combine
from limbeck.specialists import combination, forward, reverse

DIRECTIONS = ["forward", "reverse"]


def of_row(p_g, p_m, row):
    return p_g[row].numpy(), [p[row].numpy() for p in p_m]


def by_descent(p_g, p_m, sets, direction):
    """Minimise over logits with scipy; softmax's chain rule turns the slope for q into that for logits."""

    def value_and_slope(z):
        q = np.exp(z - z.max())
        q /= q.sum()
        slope = gradient(q, p_g, p_m, sets, direction)
        return value(q, p_g, p_m, sets, direction), q * (slope - (q * slope).sum())

    start = np.log(p_g + 1e-3)
    found = minimize(value_and_slope, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-15})
    q = np.exp(found.x - found.x.max())
    return q / q.sum()


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(("num_sets", "size"), [(1, 3), (2, 4), (3, 3), (5, 6)])
def test_scipy_finds_the_same(direction, num_sets, size):
    p_g, p_m, sets = team(4, 9, num_sets, size, scale=1.5, seed=num_sets)
    found = combine(p_g, p_m, sets, direction=direction)
    for row, q in enumerate(found.numpy()):
        own_g, own_m = of_row(p_g, p_m, row)
        descended = by_descent(own_g, own_m, sets, direction)
        assert value(q, own_g, own_m, sets, direction) <= value(descended, own_g, own_m, sets, direction) + 1e-12
        np.testing.assert_allclose(q, descended, atol=2e-5)


@given(teams(zeros=False, least_exponent=-2, whole_sets=False))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_scipy_s_constrained_search_finds_no_less(drawn):
    p_g, p_m, sets = drawn
    q = combine(*rows(p_g, p_m), sets)[0].numpy()
    found = minimize(
        lambda q: value(q, p_g, p_m, sets),
        p_g,
        jac=lambda q: gradient(q, p_g, p_m, sets),
        method="SLSQP",
        bounds=[(1e-9, 1)] * len(p_g),
        constraints={"type": "eq", "fun": lambda q: q.sum() - 1, "jac": np.ones_like},
    )
    assert value(q, p_g, p_m, sets) <= found.fun + 1e-9


@given(teams())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_forward_the_optimality_conditions_hold_for_whatever_probabilities(drawn):
    p_g, p_m, sets = drawn
    found = combination(*rows(p_g, p_m), sets)
    q = found.probs[0].numpy()
    assert (q >= 0).all()
    assert q.sum() == pytest.approx(1, abs=1e-12)
    assert found.residual[0] <= 1e-10
    assert excess(q, p_g, p_m, sets) <= 1e-10


@given(teams(least_exponent=-200))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_in_reverse_the_optimality_conditions_hold_where_all_give_something(drawn):
    p_g, p_m, sets = drawn
    alive = np.array(
        [
            p_g[i] > 0 and all(folded_at(p, classes, i) > 0 for p, classes in zip(p_m, sets, strict=True))
            for i in range(len(p_g))
        ]
    )
    if not alive.any():
        with pytest.raises(ArgumentError, match="each row must have a class of probability > 0 in every distribution"):
            combine(*rows(p_g, p_m), sets, direction="reverse")
        return
    found = combination(*rows(p_g, p_m), sets, direction="reverse")
    q = found.probs[0].numpy()
    assert q.sum() == pytest.approx(1, abs=1e-12)
    assert (q[~alive] == 0).all()
    assert found.residual[0] <= 1e-10
    assert np.ptp(gradient(q, p_g, p_m, sets, "reverse")[q > 1e-290]) <= 1e-9


def folded_at(p, classes, i):
    return p[classes.index(i)] if i in classes else p[-1]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("scale", [1.0, 4.0, 10.0, 30.0])
def test_every_row_of_a_batch_is_solved(direction, scale):
    p_g, p_m, sets = team(200, 40, 6, 12, scale=scale)
    found = combination(p_g, p_m, sets, direction=direction)
    assert found.residual.max() <= 1e-10
    for row in range(0, 200, 10):
        own_g, own_m = of_row(p_g, p_m, row)
        q = found.probs[row].numpy()
        if direction == "forward":
            assert excess(q, own_g, own_m, sets) <= 1e-10
        else:
            assert np.ptp(gradient(q, own_g, own_m, sets, "reverse")[q > 1e-290]) <= 1e-9


def test_few_steps_are_taken_where_distributions_are_as_nets_give_them():
    found = combination(*team(500, 100, 3, 15))
    assert 1 <= found.iterations.double().median() <= 4
    assert found.iterations.max() <= 10


def test_one_specialist_forward_is_the_closed_form():
    p_g, (p_m,), (classes,) = team(20, 10, 1, 4)
    expected = p_g * ((1 + p_m[:, -1:] / (1 - p_g[:, classes].sum(1, keepdim=True))) / 2)
    expected[:, classes] = (p_g[:, classes] + p_m[:, :-1]) / 2
    found = combination(p_g, [p_m], [classes])
    assert_close(found.probs, expected, rtol=1e-12, atol=1e-15)
    assert (found.iterations == 0).all()


def test_one_specialist_in_reverse_is_the_closed_form():
    p_g, (p_m,), (classes,) = team(20, 10, 1, 4)
    outside = 1 - p_g[:, classes].sum(1, keepdim=True)
    expected = p_g * (p_m[:, -1:] / outside).sqrt()
    expected[:, classes] = (p_g[:, classes] * p_m[:, :-1]).sqrt()
    expected /= expected.sum(1, keepdim=True)
    assert_close(combine(p_g, [p_m], [classes], direction="reverse"), expected, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_specialists_that_say_what_the_generalist_says_change_nothing(direction):
    p_g, _, sets = team(10, 12, 4, 5)
    p_m = [torch.from_numpy(np.stack([folded(q, classes) for q in p_g.numpy()])) for classes in sets]
    assert_close(combine(p_g, p_m, sets, direction=direction), p_g, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_without_specialists_it_is_the_generalist(direction):
    p_g, _, _ = team(3, 5, 0, 2)
    assert_close(combine(p_g, [], [], direction=direction), p_g, rtol=1e-14, atol=0)
    p_g, p_m, sets = team(3, 5, 2, 2)
    nobody = torch.zeros(3, 2, dtype=torch.bool)
    assert_close(combine(p_g, p_m, sets, nobody, direction), p_g, rtol=1e-14, atol=0)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_row_has_its_own_specialists(direction):
    p_g, p_m, sets = team(30, 12, 5, 4)
    active = torch.rand(30, 5, generator=torch.Generator().manual_seed(1)) < 0.4
    found = combine(p_g, p_m, sets, active, direction)
    for row, own in enumerate(active):
        members = own.nonzero().flatten().tolist()
        alone = combine(p_g[row : row + 1], [p_m[m][row : row + 1] for m in members], [sets[m] for m in members],
                        direction=direction)  # fmt: skip
        assert_close(found[row], alone[0], rtol=1e-9, atol=1e-12)


def test_what_an_inactive_specialist_says_may_be_anything():
    p_g, p_m, sets = team(4, 6, 2, 3)
    active = torch.tensor([[True, False]] * 4)
    expected = combine(p_g, p_m, sets, active)
    p_m[1] = torch.full_like(p_m[1], torch.nan)
    assert_close(combine(p_g, p_m, sets, active), expected, rtol=0, atol=0)


@pytest.mark.parametrize("direction", DIRECTIONS)
@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_names_and_order_of_classes_and_specialists_make_no_difference(direction, seed):
    p_g, p_m, sets = team(3, 11, 4, 5, seed=seed)
    expected = combine(p_g, p_m, sets, direction=direction)
    generator = np.random.default_rng(seed)
    new = generator.permutation(11)  # class i is called new[i]
    renamed = torch.empty_like(p_g)
    renamed[:, new] = p_g
    shuffled = [generator.permutation(5) for _ in sets]
    outcomes = [p[:, [*order.tolist(), 5]] for p, order in zip(p_m, shuffled, strict=True)]
    named = [[int(new[classes[k]]) for k in order] for classes, order in zip(sets, shuffled, strict=True)]
    order = generator.permutation(4).tolist()
    found = combine(renamed, [outcomes[m] for m in order], [named[m] for m in order], direction=direction)
    assert_close(found[:, new], expected, rtol=1e-8, atol=1e-11)


def test_two_specialists_of_one_set_count_as_their_sum():
    p_g, (one, other), (classes, _) = team(10, 8, 2, 3)
    q = combine(p_g, [one, other], [classes, list(classes)])
    inside = (p_g[:, classes] + one[:, :-1] + other[:, :-1]) / 3
    assert_close(q[:, classes], inside, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("sets", [[[0, 1], [0, 1, 2]], [[0, 1], [2, 3]], [[0, 1], [1, 0]], [[4], [4], [4, 0]]])
def test_nested_disjoint_and_equal_sets(direction, sets):
    p_g, _, _ = team(5, 5, 0, 1)
    p_m = [team(5, len(classes) + 1, 0, 1, seed=number)[0] for number, classes in enumerate(sets)]
    found = combination(p_g, p_m, sets, direction=direction)
    assert found.residual.max() <= 1e-10
    for row in range(5):
        slope = gradient(found.probs[row].numpy(), *of_row(p_g, p_m, row), sets, direction)
        assert np.ptp(slope) <= 1e-9


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_sixty_specialists(direction):
    p_g, p_m, sets = team(5, 200, 60, 20)
    found = combination(p_g, p_m, sets, direction=direction)
    assert found.residual.max() <= 1e-10
    for row in range(5):
        slope = gradient(found.probs[row].numpy(), *of_row(p_g, p_m, row), sets, direction)
        assert np.ptp(slope) <= 1e-8


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_fifteen_thousand_classes(direction):
    p_g, p_m, sets = team(3, 15_000, 3, 300, dtype=torch.float32)
    found = combination(p_g, p_m, sets, direction=direction)
    assert found.probs.dtype == torch.float32
    assert found.residual.max() <= 1e-10
    assert_close(found.probs.double().sum(1), torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-6)


def test_a_set_of_all_classes_has_no_dustbin():
    p_g, (p_all, _), _ = team(4, 3, 2, 3)
    p_all = torch.cat([p_all[:, :3] / p_all[:, :3].sum(1, keepdim=True), torch.zeros(4, 1, dtype=torch.float64)], 1)
    assert_close(combine(p_g, [p_all], [[0, 1, 2]]), (p_g + p_all[:, :3]) / 2, rtol=1e-12, atol=0)
    reverse = (p_g * p_all[:, :3]).sqrt()
    found = combine(p_g, [p_all], [[0, 1, 2]], direction="reverse")
    assert_close(found, reverse / reverse.sum(1, keepdim=True), rtol=1e-9, atol=0)
    with pytest.raises(ArgumentError, match=re.escape("a dustbin for no classes must be 0, got 0.5 from specialist 0")):
        combine(torch.ones(1, 1), [torch.full((1, 2), 0.5)], [[0]])


def test_one_class():
    one = torch.ones(2, 1)
    assert_close(combine(one, [], []), one)
    assert_close(combine(one, [torch.tensor([[1.0, 0.0]] * 2)], [[0]]), one)


def test_certainty_against_certainty():
    sure = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    elsewhere = torch.tensor([[0.0, 1.0]])  # not class 0, says the specialist
    found = combine(sure, [elsewhere], [[0]])
    assert_close(found, torch.tensor([[1 / 2, 1 / 6, 1 / 6, 1 / 6]]))  # nobody says which other: evenly
    other = torch.tensor([[1.0, 0.0]])  # class 1, says another
    assert_close(combine(sure, [elsewhere, other], [[0], [1]]), torch.tensor([[1 / 3, 2 / 3, 0.0, 0.0]]))
    with pytest.raises(ArgumentError, match="1 rows have none"):
        combine(sure, [elsewhere], [[0]], direction="reverse")


def test_the_smallest_dustbin_needs_some_class():
    sure, nearly = (torch.tensor([p], dtype=torch.float64) for p in ([1.0, 0.0, 0.0], [1.0, 1e-45]))
    found = combine(sure, [nearly, nearly], [[0], [0]])
    assert (found > 0).all()
    assert_close(found[0, 1:], torch.full((2,), 2e-45 / 6, dtype=torch.float64), rtol=1e-4, atol=0)


def test_a_class_that_nobody_gives_anything_has_nothing():
    p_g, p_m = torch.tensor([[0.5, 0.5, 0.0]]), torch.tensor([[0.25, 0.0, 0.75]])
    assert_close(combine(p_g, [p_m], [[0, 2]]), torch.tensor([[0.375, 0.625, 0.0]]), rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype):
    p_g, p_m, sets = team(6, 50, 3, 10, scale=2.0)
    narrow = combine(p_g.to(dtype), [p.to(dtype) for p in p_m], sets)
    assert narrow.dtype == torch.float32
    assert_close(narrow.double(), combine(p_g, p_m, sets), rtol=0.05, atol=2e-3)
    assert_close(narrow.double().sum(1), torch.ones(6, dtype=torch.float64), rtol=0, atol=1e-6)


def test_an_empty_batch():
    found = combination(torch.empty(0, 4), [torch.empty(0, 3)], [[0, 1]])
    assert found.probs.shape == (0, 4)
    assert found.iterations.shape == found.residual.shape == (0,)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_inputs_stay_as_they_are(direction):
    p_g, p_m, sets = team(5, 9, 2, 3)
    copies = [each.clone() for each in (p_g, *p_m)]
    combine(p_g.requires_grad_(), p_m, sets, direction=direction)
    for now, before in zip((p_g.detach(), *p_m), copies, strict=True):
        assert_close(now, before, rtol=0, atol=0)


def refused(message, **changes):
    given = [changes.pop(name, own) for name, own in zip(("p_g", "p_m", "sets"), team(2, 6, 2, 3), strict=True)]
    with pytest.raises(ArgumentError, match=re.escape(message)):
        combine(*given, **changes)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_what_is_no_number_is_not_solved(direction, monkeypatch):
    solver = {"forward": forward, "reverse": reverse}[direction]
    solve = solver.solve

    def astray(*given):
        solved = solve(*given)
        return solved._replace(residual=np.full_like(solved.residual, np.nan))

    monkeypatch.setattr(solver, "solve", astray)
    with pytest.raises(LimbeckError, match=r"equation 5 must be solved to 1e-10, 2 rows are off by nan"):
        combine(torch.full((2, 4), 0.25), [torch.tensor([[0.2, 0.8]] * 2)], [[1]], direction=direction)


def test_rows_whose_straight_steps_lead_to_no_number_take_the_path(monkeypatch):
    stepped = forward._stepped

    def astray(*given):
        found, pivoted = stepped(*given), given[-1]
        return found if pivoted else tuple(each * np.nan for each in found)

    monkeypatch.setattr(forward, "_stepped", astray)
    specialists = [torch.tensor([[0.1, 0.2, 0.7]]), torch.tensor([[0.6, 0.1, 0.3]])]
    assert combination(torch.full((1, 4), 0.25), specialists, [[0, 1], [1, 2]]).residual.max() <= 1e-10


@pytest.mark.usefixtures("shapes_unchecked")
def test_what_does_not_fit_is_refused():
    p_g, p_m, sets = team(2, 6, 2, 3)
    refused("probabilities must be a tensor of numbers (batch, classes), got torch.float64 of shape (6,)", p_g=p_g[0])
    refused("got 1 distributions and 2 sets", p_m=p_m[:1])
    refused("specialist 1's probabilities must be a tensor (batch, special classes + 1) = (2, 4), got torch.float64 of",
            p_m=[p_m[0], p_m[1][:, :3]])  # fmt: skip
    refused("special set 1 must have classes in 0..5, got 1..6", sets=[sets[0], [1, 2, 6]])
    refused("special set 0 must have each class once, got [1, 1, 2]", sets=[[1, 1, 2], sets[1]])
    refused("special set 0 must be one or more whole numbers, got []", sets=[[], sets[1]])
    refused("active must be a tensor of truth values (batch, specialists) = (2, 2), got torch.int64 of shape (2, 2)",
            active=torch.ones(2, 2, dtype=torch.int64))  # fmt: skip
    refused("of shape (2, 1)", active=torch.ones(2, 1, dtype=torch.bool))
    refused("direction must be 'forward' or 'reverse', got 'sideways'", direction="sideways")


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize("kind", [torch.Tensor.tolist, torch.Tensor.numpy, lambda _: None, torch.Tensor.bool])
def test_what_is_no_tensor_of_numbers_is_refused(kind):
    p_g, p_m, _ = team(2, 6, 2, 3)
    refused("the generalist's probabilities must be a tensor of numbers (batch, classes), got ", p_g=kind(p_g))
    refused("specialist 0's probabilities must be a tensor (batch, special classes + 1) = (2, 4), got ",
            p_m=[kind(p_m[0]), p_m[1]])  # fmt: skip


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize("active", [[[True, False], [True, True]], np.ones((2, 2), bool)])
def test_active_is_a_tensor(active):
    refused("active must be a tensor of truth values (batch, specialists) = (2, 2), got ", active=active)


@pytest.mark.usefixtures("shapes_unchecked")
def test_what_is_no_list_is_refused():
    _, _, sets = team(2, 6, 2, 3)
    refused("specialist_probs must be a list of tensors, one a specialist, got NoneType", p_m=None)
    refused("special sets must be a list of lists of classes, got int", sets=3)
    refused("special set 0 must be one or more whole numbers, got 0", sets=[0, 1])
    refused("special set 1 must be one or more whole numbers, got [0, [1]]", sets=[sets[0], [0, [1]]])


def test_what_is_no_distribution_is_refused():
    p_g, p_m, _ = team(2, 6, 2, 3)
    refused("the generalist's rows must be probabilities that add up to 1, got a sum of 2", p_g=2 * p_g)
    refused("specialist 1's rows must be probabilities", p_m=[p_m[0], p_m[1].log()])
    refused("the generalist's rows must be probabilities that add up to 1, got a sum of nan", p_g=p_g * torch.nan)
    shifted = p_g.clone()
    shifted[0, :2] = torch.tensor([-0.25, 0.25 + float(p_g[0, :2].sum())])
    refused("the generalist's probabilities must be >= 0, got -0.25", p_g=shifted)
