"""On which terms a team is asked: what each correction does, from the training set or from held-out examples."""

import math
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from limbeck import TransferSet
from limbeck.specialists import fit_generalist, fit_specialist, folded_labels, folded_logits
from limbeck.specialists.calibration import AS_IT_IS
from limbeck.teams.choosing import Choice, best_of, terms_for, tries
from limbeck.teams.training import Squad

CLASSES, SETS = 4, ((2, 0), (1, 3))
LABELS = torch.arange(120) % CLASSES


@dataclass(frozen=True)
class Spoken:
    """What a net says of the held-out examples."""

    validation_logits: torch.Tensor


def spoken(outcomes, seed):
    return Spoken(3 * torch.randn(120, outcomes, generator=torch.Generator().manual_seed(seed)))


@pytest.fixture
def ground():
    seen = TransferSet(torch.zeros(10, 1), torch.tensor([0, 2, 1, 1, 1, 3, 3, 3, 3, 3]))
    plan = SimpleNamespace(corrections=("none", "oversampling", "calibrated"), most_probable=(1, 2))
    study = SimpleNamespace(validation_labels=LABELS)
    return SimpleNamespace(seen=seen, num_classes=CLASSES, plan=plan, study=study)


SQUAD = Squad("dustbin", 2, (SETS,))
GENERALIST = Spoken(spoken(CLASSES, 0).validation_logits + 4 * torch.eye(CLASSES)[LABELS])
pytestmark = pytest.mark.usefixtures("shapes_unchecked")


def terms(ground, correction, squad=SQUAD, outcomes=3):
    said = GENERALIST, [spoken(outcomes, 1), spoken(outcomes, 2)]
    return terms_for(ground, Choice(squad, correction, 2), 0, said), said[1]


def test_uncorrected_all_are_as_they_are(ground):
    found, _ = terms(ground, "none")
    assert [member.calibration for member in found.members] == [AS_IT_IS] * 2
    assert (found.n, found.generalist) == (2, AS_IT_IS)
    assert found.special_classes == list(SETS)


def test_oversampling_is_corrected_by_the_training_sets_shares(ground):
    found, _ = terms(ground, "oversampling")
    biases = [member.calibration.bias for member in found.members]
    assert biases == [pytest.approx(math.log(8 / 2)), pytest.approx(math.log(2 / 8))]
    assert [member.calibration.temperature for member in found.members] == [1, 1]
    assert found.generalist == AS_IT_IS


@pytest.mark.parametrize("way", ["dustbin", "full softmax"])
def test_calibrated_all_are_fitted_on_held_out_examples(ground, way):
    full = way == "full softmax"
    found, own = terms(ground, "calibrated", replace(SQUAD, way=way), CLASSES if full else 3)
    assert found.generalist == fit_generalist(GENERALIST.validation_logits, LABELS) != AS_IT_IS
    for member, trial, classes in zip(found.members, own, SETS, strict=True):
        logits = trial.validation_logits.double()
        logits = folded_logits(logits, classes) if full else logits
        expected = fit_specialist(logits, folded_labels(LABELS, classes, CLASSES))
        assert_close(member.calibration.temperature, expected.temperature, rtol=1e-4, atol=0)
        assert_close(member.calibration.bias, expected.bias, rtol=1e-4, atol=1e-4)
        assert member.full_softmax == full


def test_each_correction_and_n_is_a_try_judged_on_held_out_examples(ground):
    own = [spoken(3, 1), spoken(3, 2)]
    found = tries(ground, SQUAD, [GENERALIST], [own])
    assert [(each.correction, each.n) for each in found] == [
        (correction, n) for correction in ground.plan.corrections for n in (1, 2)
    ]
    for each in found:
        together = terms_for(ground, each, 0, (GENERALIST, own)).together(
            GENERALIST.validation_logits, [net.validation_logits for net in own]
        )
        assert each.errors == (int((together.argmax(1) != LABELS).sum()),)
    assert best_of(found).errors == min(each.errors for each in found)


def test_all_seeds_errors_choose_and_of_equal_tries_the_first():
    tried = [Choice(SQUAD, "none", n, errors) for n, errors in enumerate([(5, 1), (2, 3), (3, 2), (0, 9)], 1)]
    assert best_of(tried).n == 2
