"""The one form of a data set: ids stay, subsets and splits are repeatable, fingerprints bind."""

import re

import pytest
import torch
from torch.testing import assert_close

from limbeck import ArgumentError, TransferSet
from limbeck.data import load_digits
from limbeck.training.objectives import FromLabels


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


def test_only_the_asked_for_keep_their_labels():
    data = numbers()
    partly = data.labelled_only(torch.tensor([7, 3]))
    assert partly.labels_at(partly.ids).tolist() == [-1] * 3 + [0] + [-1] * 3 + [1] + [-1] * 12
    assert partly.labels_at(torch.tensor([3, 4])).tolist() == [0, -1]
    assert torch.equal(partly.ids, data.ids)
    assert partly.fingerprint == data.fingerprint
    assert partly.labels_fingerprint != data.labels_fingerprint
    assert data.labels.tolist() == numbers().labels.tolist()


def test_only_labels_that_are_there_are_kept():
    twice = numbers().labelled_only(torch.tensor([7, 3])).labelled_only(torch.tensor([7, 8]))
    assert twice.labelled().ids.tolist() == [7]


def test_a_set_is_partly_labelled_where_a_row_of_its_own_has_no_label():
    partly = numbers().labelled_only(torch.arange(10))
    assert partly.partly_labelled
    assert not partly.subset(torch.tensor([2, 9])).partly_labelled
    assert partly.subset(torch.tensor([2, 10])).partly_labelled
    assert not numbers().partly_labelled
    assert not numbers(labelled=False).partly_labelled


def test_the_labelled_part_keeps_its_order_and_its_labels():
    partly = numbers().labelled_only(torch.tensor([3, 7, 11])).subset(torch.tensor([11, 4, 3]))
    labelled = partly.labelled()
    assert labelled.ids.tolist() == [11, 3]
    assert labelled.labels_at(labelled.ids).tolist() == [2, 0]
    assert not labelled.partly_labelled


@pytest.mark.parametrize("whole", [numbers(), numbers().labelled_only(torch.arange(20))])
def test_a_set_of_which_no_row_lacks_what_others_have_is_its_own_labelled_part(whole):
    assert whole.labelled() is whole


def test_of_a_set_without_labels_no_part_is_labelled():
    with pytest.raises(ArgumentError, match="labels must be there, the transfer set has none"):
        numbers(labelled=False).labelled()


def test_only_own_examples_keep_their_labels():
    with pytest.raises(ArgumentError, match="ids that keep their labels must be ids of the transfer set"):
        numbers().subset(torch.arange(5)).labelled_only(torch.tensor([7]))


def test_of_runs_those_are_labelled_whose_rows_all_are():
    lengths = torch.tensor([3, 1, 4, 2])
    labels = torch.tensor([0, 1, 2, 0, 1, -1, 0, 1, 2, 0])
    data = TransferSet(torch.arange(10.0)[:, None], labels, run_lengths=lengths)
    labelled = data.labelled()
    assert (labelled.ids.tolist(), labelled.num_rows) == ([0, 1, 3], 6)
    assert labelled.labels_at(labelled.ids).tolist() == [0, 1, 2, 0, 2, 0]
    assert data.subset(torch.tensor([3, 2, 0])).labelled().ids.tolist() == [3, 0]
    fewer = data.labelled_only(torch.tensor([0, 2]))
    assert fewer.labels.tolist() == [0, 1, 2, -1, 1, -1, 0, 1, -1, -1]
    assert fewer.labelled().ids.tolist() == [0]


@pytest.mark.parametrize("high", [-1, 2])
def test_rows_without_a_label_are_refused_where_they_are_not_allowed(high):
    data = TransferSet(torch.zeros(3, 1), torch.tensor([-1, high, high]))
    data.check_classes(3, partly_labelled=True)
    message = rf"must lie in 0\.\.2, got -1\.\.{high}\n\nhint: a set to judge on has a label for each row"
    with pytest.raises(ArgumentError, match=message):
        data.check_classes(3)


@pytest.mark.parametrize("label", [-2, 3])
def test_no_other_number_outside_the_classes_stands_for_no_label(label):
    data = TransferSet(torch.zeros(3, 1), torch.tensor([0, label, 1]))
    with pytest.raises(ArgumentError, match=r"labels of the transfer set must lie in -1\.\.2, got ") as refused:
        data.check_classes(3, partly_labelled=True)
    assert refused.value.hint is None
    with pytest.raises(ArgumentError, match=r"must lie in 0\.\.2, got [-0-9.]+$"):
        data.check_classes(3)


def test_training_on_labels_needs_a_label_for_each_row():
    partly = numbers().labelled_only(torch.arange(10))
    message = "needs a label for each row, the transfer set has rows without\n\nhint: train on transfer_set.labelled()"
    with pytest.raises(ArgumentError, match=re.escape(message)):
        FromLabels().check(partly)
    FromLabels().check(partly.labelled())


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
        (lambda: TransferSet(torch.zeros(2, 2), origins=["a"]), "origins must be one for each of the 2 rows, got 1"),
        (
            lambda: TransferSet(torch.zeros(2, 2), column_names=("a",)),
            r"column names must be one for each number of a row, got 1 for rows of shape \(2,\)",
        ),
        (
            lambda: TransferSet(torch.zeros(2, 2), torch.tensor([0, 5])).check_classes(3),
            r"must lie in 0\.\.2, got 0\.\.5",
        ),
        (lambda: TransferSet(torch.zeros(2, 2), class_names=("a",)).check_classes(3), "must have 3 class names, got 1"),
        (lambda: numbers().split(0), "must take between 1 and 19 examples, got 0"),
        (lambda: numbers().split(20), "must take between 1 and 19 examples, got 20"),
        (lambda: numbers().subset(torch.tensor([20])), "a subset's ids must be ids of the transfer set"),
        (lambda: numbers().subset(torch.tensor([], dtype=torch.int64)), "at least one example, got 0"),
        (
            lambda: numbers(labelled=False).labelled_only(torch.tensor([0])),
            "labels to keep must be there, the transfer set has none",
        ),
        (
            lambda: numbers().labelled_only(torch.arange(5)).subset(torch.arange(5, 9)).labelled(),
            "a subset of the transfer set must have at least one example, got 0",
        ),
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


def test_a_set_on_another_device_says_the_same():
    data = TransferSet(torch.arange(12.0).reshape(6, 2), torch.arange(6) % 3).subset(torch.tensor([4, 1]))
    moved = data.on("cpu")
    assert torch.equal(moved.at(moved.ids), data.at(data.ids))
    assert torch.equal(moved.labels_at(moved.ids), torch.tensor([1, 1]))
    away = data.on("meta")  # a device that holds no numbers
    assert away.inputs.device.type == away.labels.device.type == "meta"
    assert away.inputs_at(torch.tensor([4, 1])).shape == (2, 2)
    assert away.labels_of(torch.tensor([4, 1])).shape == (2,)
    assert data.fingerprint == data.on("cpu").fingerprint
