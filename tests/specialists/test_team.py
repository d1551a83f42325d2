"""A team: its answers are made ready, those that count are combined, a student learns it back."""

import re

import pytest
import torch
from torch.testing import assert_close

from limbeck import ArgumentError, Budget, TransferSet, combine, fit, write_soft_targets
from limbeck.models import MLP
from limbeck.specialists import active_specialists, combination, em_target, folded_logits, specialist_from
from limbeck.specialists.calibration import Calibration
from limbeck.specialists.completed import CompletedTargets, FromTeam
from limbeck.specialists.solved import solve_stored
from limbeck.specialists.team import Member, Team, Terms
from limbeck.teachers import predict, teacher_fingerprint

CLASSES = 5
SETS = ((3, 1), (0, 1, 4))
MEMBERS = (Member(SETS[0], Calibration(2.0, 0.5)), Member(SETS[1], full_softmax=True))
TERMS = Terms(MEMBERS, n=2, generalist=Calibration(1.5))


@pytest.fixture
def nets():
    torch.manual_seed(0)
    generalist = MLP([6, 8, CLASSES])
    return generalist, [specialist_from(MLP([6, 8, CLASSES]), SETS[0], CLASSES), MLP([6, 8, CLASSES])]


def inputs(count=40):
    return 2 * torch.randn(count, 6, generator=torch.Generator().manual_seed(1))


def test_a_teams_answer_is_equation_5_of_what_its_members_say(nets):
    generalist, specialists = nets
    x = inputs()
    z, z_0, z_1 = (net(x).detach().double() for net in (generalist, *specialists))
    p_g = (z / 1.5).softmax(1)
    p_0 = (z_0 / 2 + torch.tensor([0, 0, 0.5])).softmax(1)
    p_1 = folded_logits(z_1, SETS[1]).softmax(1)
    expected = combine(p_g, [p_0, p_1], SETS, active_specialists(z, SETS, 2))
    with torch.no_grad():
        found = Team(generalist, specialists, TERMS)(x)
    assert_close(found.double().softmax(1), expected, rtol=1e-5, atol=1e-6)


def test_terms_bind_a_team(nets):
    generalist, specialists = nets
    first, second = (Team(generalist, specialists, Terms(MEMBERS, n)) for n in (1, 2))
    assert teacher_fingerprint(first) != teacher_fingerprint(second)
    assert teacher_fingerprint(first) == teacher_fingerprint(Team(generalist, specialists, Terms(MEMBERS, 1)))


def test_each_member_must_say_something(nets):
    generalist, specialists = nets
    with pytest.raises(ArgumentError, match=re.escape("each member must have said something, got 1 of 2")):
        TERMS.together(torch.zeros(1, CLASSES), [torch.zeros(1, 3)])
    with pytest.raises(ArgumentError, match="terms must be of as many specialists, got 2 for 1"):
        Team(generalist, specialists[:1], TERMS)


@pytest.mark.usefixtures("shapes_unchecked")
def test_a_full_softmax_is_of_the_generalists_classes():
    with pytest.raises(ArgumentError, match=re.escape("must have the generalist's shape (2, 5), got (2, 4)")):
        TERMS.together(torch.zeros(2, CLASSES), [torch.zeros(2, 3), torch.zeros(2, 4)])


def completed(nets, x):
    said, *others = (net(x).detach() for net in (nets[0], *nets[1]))
    p_g, answers, active = TERMS.probs(said, others)
    return CompletedTargets(p_g, tuple(answers), TERMS.special_classes, active)


def test_the_completed_targets_gradient_is_equation_5s(nets):
    targets = completed(nets, inputs(8))
    z = torch.randn(8, CLASSES, dtype=torch.double, generator=torch.Generator().manual_seed(2)).requires_grad_()
    q = z.softmax(1)
    value = (torch.special.xlogy(targets.generalist_probs, targets.generalist_probs / q)).sum(1)
    for number, (p, own) in enumerate(zip(targets.specialist_probs, SETS, strict=True)):
        folded = torch.cat([q[:, list(own)], 1 - q[:, list(own)].sum(1, keepdim=True)], 1)
        value = value + targets.active[:, number] * torch.special.xlogy(p, p / folded).sum(1)
    value.sum().backward()
    gradient = torch.empty(8, CLASSES, dtype=torch.double)
    found = targets.divergence(z.detach(), 1.0, gradient)
    members = 1 + targets.active.sum(1, keepdim=True)
    assert_close(gradient, z.grad / members)
    expected = em_target(q.detach(), targets.generalist_probs, targets.specialist_probs, SETS, targets.active)
    assert_close(found, torch.special.xlogy(expected, expected / q.detach()).sum(1))
    part = torch.empty(3, CLASSES, dtype=torch.double)
    assert_close(targets[2:5].divergence(z.detach()[2:5], 1.0, part), found[2:5])
    assert_close(part, gradient[2:5])


def test_equation_5_is_one_at_temperature_1(nets):
    with pytest.raises(ArgumentError, match="equation 5 is one of probabilities at temperature 1, got 2"):
        completed(nets, inputs(2)).divergence(torch.zeros(2, CLASSES), 2.0, torch.zeros(2, CLASSES))


@pytest.fixture
def stores(nets, tmp_path):
    train = TransferSet(inputs(30))
    said = [write_soft_targets(net, train, tmp_path / f"{place}") for place, net in enumerate((nets[0], *nets[1]))]
    return train, said


def test_the_stored_solution_is_the_teams_answer(nets, stores, tmp_path):
    train, (generalist, *specialists) = stores
    solved = solve_stored(generalist, specialists, TERMS, tmp_path / "solved")
    expected = predict(Team(*nets, TERMS), train)
    found = solved.logits(train.ids, temperature=1.0)
    assert_close(found.softmax(1), expected.softmax(1), rtol=0, atol=2e-3)
    assert solved.fingerprint == solve_stored(generalist, specialists, TERMS, tmp_path / "solved").fingerprint


def test_a_student_learns_equation_5_without_solving_it(nets, stores):
    train, (generalist, *specialists) = stores
    table = torch.eye(30)
    own = TransferSet(table)
    said = [write_soft_targets(lookup(store, train), own, store.folder.with_suffix(".t")) for store in stores[1]]
    objective = FromTeam(said[0], tuple(said[1:]), TERMS)
    budget = Budget(epochs=100, batch_size=30, learning_rate=0.4, precision="32-true")
    net = fit(MLP([30, CLASSES]), own, objective=objective, budget=budget).net
    p_g, answers, active = TERMS.probs(
        generalist.logits(train.ids, temperature=1.0), [each.logits(train.ids, temperature=1.0) for each in specialists]
    )
    solved = combination(p_g, answers, SETS, active).probs
    assert_close(predict(net, own).double().softmax(1), solved, rtol=0, atol=5e-3)


def lookup(store, train):
    """A teacher that says of row i of the identity what a store says of example i."""
    from limbeck.teachers import from_function

    said = store.logits(train.ids, temperature=1.0)
    return from_function(lambda x: x @ said, store.fingerprint)


def test_stores_must_be_the_members(stores):
    train, (generalist, *specialists) = stores
    with pytest.raises(ArgumentError, match="each member must have a store, got 1 for 2"):
        FromTeam(generalist, tuple(specialists[:1]), TERMS).check(train)
    with pytest.raises(ArgumentError, match="hard_weight must be 0 where there are no labels, got 0.5"):
        FromTeam(generalist, tuple(specialists), TERMS, 0.5).check(train)
    first = FromTeam(generalist, tuple(specialists), TERMS)
    assert first.spec() != FromTeam(generalist, tuple(specialists), Terms(MEMBERS, 1)).spec()
