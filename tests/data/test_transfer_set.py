"""The one form of a data set: ids stay, subsets and splits are repeatable, fingerprints bind."""

import pytest
import torch
from torch.testing import assert_close

from limbeck import ArgumentError, TransferSet
from limbeck.data import load_digits


def numbers(count=20, labelled=True):
    return TransferSet(torch.arange(count).float()[:, None], torch.arange(count) % 3 if labelled else None)


def test_a_subset_keeps_its_ids_and_its_source():
    subset = numbers().subset(torch.tensor([3, 7]))
    assert len(subset) == 2
    assert_close(subset.at(subset.ids), torch.tensor([[3.0], [7.0]]))
    assert_close(subset.labels_at(subset.ids), torch.tensor([0, 1]))
    assert subset.fingerprint == numbers().fingerprint
    assert subset.labels_fingerprint != numbers().labels_fingerprint


def test_a_split_is_the_same_for_the_same_seed_and_leaves_nothing_out():
    rest, cut = numbers().split(5, seed=1)
    again = numbers().split(5, seed=1)[1]
    other = numbers().split(5, seed=2)[1]
    assert (len(rest), len(cut)) == (15, 5)
    assert torch.equal(cut.ids, again.ids)
    assert not torch.equal(cut.ids, other.ids)
    assert sorted([*rest.ids.tolist(), *cut.ids.tolist()]) == list(range(20))


def test_fingerprint_sees_every_value_and_the_shape():
    changed = torch.arange(20).float()[:, None]
    changed[19] += 1e-6 * 64
    prints = {
        numbers().fingerprint,
        TransferSet(changed).fingerprint,
        TransferSet(torch.arange(20).float()).fingerprint,
        TransferSet(torch.arange(20)[:, None]).fingerprint,
    }
    assert len(prints) == 4
    assert numbers(labelled=False).fingerprint == numbers().fingerprint


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TransferSet(torch.zeros(0, 2)), "has no examples"),
        (
            lambda: TransferSet(torch.zeros(3, 2), torch.zeros(2).long()),
            r"labels must be whole numbers of shape \(3,\)",
        ),
        (lambda: TransferSet(torch.zeros(3, 2), torch.zeros(3)), "labels must be whole numbers"),
        (lambda: TransferSet(torch.zeros(3, 2), ids=torch.tensor([3])), r"0..2, got torch.int64 of shape \(1,\)"),
        (
            lambda: TransferSet(torch.zeros(3, 2), ids=torch.tensor([], dtype=torch.int64)),
            r"0..2, got torch.int64 of shape \(0,\)",
        ),
        (lambda: TransferSet(torch.zeros(3, 2), ids=torch.tensor([1, 1])), "ids must differ, 1 of 2 are there twice"),
        (lambda: TransferSet(torch.zeros(3, 2), ids=torch.zeros(2, 2).long()), "got torch.int64 of shape"),
        (lambda: TransferSet(torch.tensor(1.0)), r"inputs must be a dense tensor .* got torch.float32 of shape \(\)"),
        (lambda: TransferSet(torch.eye(2).to_sparse()), "inputs must be a dense tensor"),
        (lambda: TransferSet([[1.0]]), "inputs must be a dense tensor .* got list"),
        (lambda: TransferSet(torch.zeros(2, 2), [0, 1]), "labels must be whole numbers .* got list"),
        (lambda: TransferSet(torch.zeros(2, 2), class_names=(0, 1)), "class names must be text"),
        (
            lambda: TransferSet(torch.zeros(2, 2), torch.tensor([0, 5])).check_classes(3),
            r"must lie in 0\.\.2, got 0\.\.5",
        ),
        (lambda: TransferSet(torch.zeros(2, 2), class_names=("a",)).check_classes(3), "must have 3 class names, got 1"),
        (lambda: numbers().split(0), "must take between 1 and 19 examples, got 0"),
        (lambda: numbers().split(20), "must take between 1 and 19 examples, got 20"),
        (lambda: numbers().subset(torch.tensor([20])), "a subset's ids must be ids of the transfer set"),
        (lambda: numbers().subset(torch.tensor([], dtype=torch.int64)), "at least one example, got 0"),
    ],
)
@pytest.mark.usefixtures("shapes_unchecked")
def test_refuses(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_digits_are_split_the_same_way_each_time():
    train, test = load_digits()
    assert (len(train), len(test)) == (900, 897)
    assert train.inputs.shape == (1797, 1, 8, 8)
    assert train.inputs.dtype == torch.uint8
    assert int(train.inputs.max()) == 16
    assert not set(train.ids.tolist()) & set(test.ids.tolist())
    counts = torch.bincount(test.labels_at(test.ids))
    assert counts.min() >= 86
    assert torch.equal(load_digits()[1].ids, test.ids)
