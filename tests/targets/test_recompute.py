"""Asking the teacher again: what is stored is what it says, or the difference is told."""

import math

import pytest
import torch
from stores import Nudge, Says, examples, in_runs
from torch import nn

from limbeck import ArgumentError, Ensemble, TargetsError, write_soft_targets
from limbeck.targets import Dense, Sampled, TopK, recompute

ENCODINGS = [Dense(), Dense("float32"), TopK(3, (1.0, 4.0)), Sampled(5, (4.0,))]


class Off(Says):
    """It says `by` more of class 2 on the rows of the inputs that are named."""

    def __init__(self, named, by=0.5):
        super().__init__()
        self.named, self.by = named, by

    def __call__(self, inputs):
        logits = super().__call__(inputs)
        for row in self.named:
            logits[(inputs == row).all(-1), 2] += self.by
        return logits


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("data", [examples(), in_runs().subset(torch.tensor([7, 2, 5]))], ids=["rows", "runs"])
def test_the_same_teacher_says_what_is_stored(tmp_path, encoding, data):
    data = data.seen_through(Nudge())
    teachers = Ensemble([Says(0), Says(1)])
    targets = write_soft_targets(teachers, data, tmp_path, num_views=2, encoding=encoding, rows_per_shard=16)
    found = recompute(targets, teachers, data, 1000)
    assert found.rows == 2 * 2 * data.num_rows  # teachers, views: all there is
    largest = data.inputs.amax(-1) - data.inputs.amin(-1)
    assert found.largest_difference <= (0 if encoding == Dense("float32") else (largest.max() + 1) * 2**-11)
    assert found.beyond_rounding <= 1e-7


@pytest.mark.parametrize("count", [1, 7, 30])
def test_so_many_rows_are_asked_as_are_wanted(tmp_path, count):
    targets = write_soft_targets(Says(), examples().seen_through(Nudge()), tmp_path, num_views=3)
    teacher = Says()
    assert recompute(targets, teacher, examples().seen_through(Nudge()), count).rows == count
    assert teacher.rows == count


@pytest.mark.parametrize("encoding", [Dense(), Dense("float32"), TopK(7, (4.0,))])
def test_the_largest_difference_is_told_with_its_place(tmp_path, encoding):
    data = examples().seen_through(Nudge())
    targets = write_soft_targets(Says(), data, tmp_path, num_views=3, encoding=encoding, rows_per_shard=16)
    place = data.at(torch.tensor([17]), 2)
    place[0, 2] = place[0, 1] - 5  # not the maximum, before and after
    changed = data.inputs.clone()
    changed[17, 2] = place[0, 2]
    data = type(data)(changed, view=Nudge())
    targets = write_soft_targets(Says(), data, tmp_path / "changed", num_views=3, encoding=encoding, rows_per_shard=16)
    found = recompute(targets, Off(data.at(torch.tensor([17]), 2)), data, 150)
    assert (found.example, found.view) == (17, 2)
    assert found.largest_difference == pytest.approx(0.5, abs=0.01)
    assert found.beyond_rounding == pytest.approx(0.5, abs=0.02)


def test_the_place_in_a_run_is_told_by_the_run(tmp_path):
    data = in_runs()
    targets = write_soft_targets(Says(), data, tmp_path, encoding=Dense("float32"))
    found = recompute(targets, Off([data.inputs[20]], by=-0.5), data, 8)
    assert found.example == 5
    assert found.largest_difference > 0.1


def test_another_teacher_is_told_by_the_difference(tmp_path):
    ensemble = Ensemble([Says(0), Says(1)])
    targets = write_soft_targets(ensemble, examples(), tmp_path)
    swapped = recompute(targets, Ensemble([Says(1), Says(0)]), examples(), 10)
    assert swapped.beyond_rounding > 1
    assert recompute(targets, ensemble, examples(), 10).beyond_rounding < 1e-7


def test_masked_classes_are_equal_where_both_mask_them(tmp_path):
    inputs = examples().inputs.clone()
    inputs[:, 3] = -torch.inf
    data = type(examples())(inputs)
    targets = write_soft_targets(Says(), data, tmp_path, encoding=Dense("float32"))
    assert recompute(targets, Says(), data, 50).largest_difference == 0

    class Unmasking(Says):
        def __call__(self, inputs):
            return super().__call__(inputs).nan_to_num(neginf=-9.0)

    assert recompute(targets, Unmasking(), data, 50).largest_difference == torch.inf


def test_a_net_in_other_batches_is_within_rounding(tmp_path):
    torch.manual_seed(0)
    net = nn.Linear(7, 5)
    targets = write_soft_targets(net, examples(), tmp_path, batch_size=7)
    found = recompute(targets, net, examples(), 20)
    assert found.rows == 20
    assert found.beyond_rounding < 1e-5


@pytest.mark.parametrize("temperature", [1.0, 20.0])
def test_of_many_classes_draws_are_as_near_as_their_logits(tmp_path, temperature):
    class Nearly(Says):
        def __call__(self, inputs):
            return super().__call__(inputs) + 1e-5 * inputs.roll(1, -1)

    data, encoding = examples(8, classes=32_000), Sampled(5, (temperature,))
    found = recompute(write_soft_targets(Says(), data, tmp_path, encoding=encoding), Nearly(), data, 8)
    assert found.largest_difference < 0.01
    assert found.beyond_rounding < 2e-4


def test_of_draws_the_total_tells_of_classes_that_were_not_drawn(tmp_path):
    data = type(examples())(torch.tensor([[9.0, 0, 0, 0]] * 5))
    targets = write_soft_targets(Says(), data, tmp_path, encoding=Sampled(1, (1.0,)))  # draws class 0 in each row
    found = recompute(targets, Off(data.inputs[:1], by=4.0), data, 5)
    before, after = (math.log(1 + 2 * math.exp(-9) + math.exp(each)) for each in (-9, -5))
    assert found.beyond_rounding == found.largest_difference == pytest.approx(after - before, rel=1e-4)


def test_a_subset_is_enough_and_the_choice_is_the_seeds(tmp_path):
    targets = write_soft_targets(Says(), examples(), tmp_path)
    subset = examples().subset(torch.tensor([4, 44]))
    assert recompute(targets, Says(), subset, 5).rows == 2

    class Noting(Says):
        def __call__(self, inputs):
            self.seen = inputs.sum().item()
            return super().__call__(inputs)

    teachers = [Noting() for _ in range(3)]
    for teacher, seed in zip(teachers, (0, 0, 1), strict=True):
        recompute(targets, teacher, examples(), 10, seed=seed)
    assert teachers[0].seen == teachers[1].seen != teachers[2].seen


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"count": 0}, ArgumentError, "the number of rows to recompute must be >= 1, got 0"),
        ({"teacher": Ensemble([Says(), Says()])}, ArgumentError, "has 1 teachers, got 2"),
        ({"transfer_set": examples(seed=1)}, TargetsError, "was written for other data"),
        ({"transfer_set": examples().seen_through(Nudge())}, TargetsError, "was written for another view"),
        ({"teacher": nn.Linear(7, 4)}, ArgumentError, "the teacher must have the store's 7 classes, got 4"),
    ],
)
def test_what_can_not_be_compared_is_refused(tmp_path, change, error, message):
    targets = write_soft_targets(Says(), examples(), tmp_path)
    arguments = {"teacher": Says(), "transfer_set": examples(), "count": 5} | change
    with pytest.raises(error, match=message):
        recompute(targets, **arguments)
