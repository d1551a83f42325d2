"""Examples that are runs of rows: the frames of an utterance are drawn, held out and addressed together."""

import itertools
from dataclasses import replace

import pytest
import stopping
import torch
from stores import Nudge, Says, in_runs, less_maximum
from torch.testing import assert_close

from limbeck import ArgumentError, Budget, Ensemble, TargetsError, TransferSet, fit, write_soft_targets
from limbeck.data import Jitter
from limbeck.models import MLP
from limbeck.targets import Dense, Sampled, TopK
from limbeck.teachers import predict
from limbeck.training import clock, loop
from limbeck.training.objectives import FromSoftTargets

LENGTHS = (3, 1, 4, 1, 5, 9, 2, 6)
FIRST = (0, 3, 4, 8, 9, 14, 23, 25)


def rows_of(*ids):
    return list(itertools.chain.from_iterable(range(FIRST[i], FIRST[i] + LENGTHS[i]) for i in ids))


def runs(**fields):
    return in_runs(LENGTHS, **fields)


def labelled():
    return runs(labels=torch.arange(31) % 7)


def test_a_run_is_its_consecutive_rows():
    data = labelled()
    assert (len(data), data.num_rows, data.ids.tolist()) == (8, 31, list(range(8)))
    for ids in ([0], [1], [7, 0], [5, 2, 2, 1], list(range(8)), []):
        asked = torch.tensor(ids, dtype=torch.int64)
        assert data.rows_of(asked).tolist() == rows_of(*ids)
        assert torch.equal(data.at(asked), data.inputs[rows_of(*ids)])
        assert data.labels_at(asked).tolist() == [row % 7 for row in rows_of(*ids)]


def test_rows_without_runs_are_the_ids():
    data = TransferSet(torch.zeros(4, 2))
    assert data.rows_of(torch.tensor([3, 1])).tolist() == [3, 1]
    assert data.num_rows == 4


def test_a_subset_of_runs_keeps_their_rows():
    subset = labelled().subset(torch.tensor([6, 2]))
    assert (len(subset), subset.num_rows) == (2, 6)
    assert subset.rows_of(subset.ids).tolist() == rows_of(6, 2)
    assert subset.fingerprint == runs().fingerprint
    with pytest.raises(ArgumentError, match="a subset's ids must be ids of the transfer set"):
        subset.subset(torch.tensor([0]))


def test_a_split_takes_whole_runs():
    rest, cut = runs().split(3, seed=4)
    assert (len(rest), len(cut)) == (5, 3)
    assert rest.num_rows + cut.num_rows == 31
    assert sorted([*rest.rows_of(rest.ids).tolist(), *cut.rows_of(cut.ids).tolist()]) == list(range(31))
    with pytest.raises(ArgumentError, match="must take between 1 and 7 examples, got 8"):
        runs().split(8)


def test_views_are_those_of_the_rows():
    images = TransferSet(torch.randint(1, 256, (31, 1, 5, 5)).byte(), run_lengths=torch.tensor(LENGTHS), view=Jitter(2))
    single = TransferSet(images.inputs, view=Jitter(2))
    assert torch.equal(images.at(torch.tensor([5, 0]), 3), single.at(torch.tensor(rows_of(5, 0)), 3))


def test_the_fingerprint_tells_where_runs_begin():
    prints = {
        runs().fingerprint,
        TransferSet(runs().inputs).fingerprint,
        in_runs((1, 3, *LENGTHS[2:])).fingerprint,
        in_runs((1,) * 31).fingerprint,
    }
    assert len(prints) == 4
    assert in_runs([int(length) for length in LENGTHS]).fingerprint == runs().fingerprint
    short = replace(runs(), run_lengths=torch.tensor(LENGTHS, dtype=torch.int32))
    assert short.fingerprint == runs().fingerprint


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (torch.tensor([30]), "run_lengths must add up to the 31 rows of the source, got 30"),
        (torch.tensor([31, 0]), r"run_lengths must be whole numbers >= 1, one an example, got torch.int64 of shape"),
        (torch.tensor([32, -1]), "run_lengths must be whole numbers >= 1"),
        (torch.tensor([31.0]), "run_lengths must be whole numbers >= 1, one an example, got torch.float32"),
        (
            torch.tensor([[31]]),
            r"run_lengths must be whole numbers >= 1, one an example, got torch.int64 of shape \(1, 1\)",
        ),
        (torch.tensor([], dtype=torch.int64), "run_lengths must be whole numbers >= 1"),
        ([31], "run_lengths must be whole numbers >= 1, one an example, got list"),
    ],
)
@pytest.mark.usefixtures("shapes_unchecked")
def test_lengths_that_do_not_fit_are_refused(lengths, message):
    with pytest.raises(ArgumentError, match=message):
        TransferSet(runs().inputs, run_lengths=lengths)


@pytest.mark.usefixtures("shapes_unchecked")
def test_labels_are_one_a_row_and_ids_one_a_run():
    with pytest.raises(ArgumentError, match=r"labels must be whole numbers of shape \(31,\)"):
        runs(labels=torch.zeros(8, dtype=torch.int64))
    with pytest.raises(ArgumentError, match=r"ids must be one or more examples of the source, 0\.\.7"):
        runs(ids=torch.tensor([8]))


@pytest.mark.parametrize("ids", [None, [7, 2, 5, 0]])
def test_a_store_gives_a_runs_rows_one_after_the_other(tmp_path, ids):
    data = runs().seen_through(Nudge())
    data = data if ids is None else data.subset(torch.tensor(ids))
    targets = write_soft_targets(
        Says(), data, tmp_path, num_views=3, encoding=Dense("float32"), rows_per_shard=10, batch_size=4
    )
    assert targets.manifest.num_rows == 3 * data.num_rows
    for asked in ([5], [0, 7], [7, 5, 2, 0, 5]):
        for number in range(3):
            expected = less_maximum(data.at(torch.tensor(asked), number))
            assert torch.equal(targets.logits(torch.tensor(asked), number, temperature=1.0), expected)
    targets.check(data)
    if ids is not None:
        with pytest.raises(TargetsError, match=r"no soft targets for 1 of 2 examples \(the first: example 3\)"):
            targets.at(torch.tensor([5, 3]), temperature=1.0)


@pytest.mark.parametrize("encoding", [TopK(3, (4.0,)), Sampled(5, (4.0,))])
def test_rows_of_runs_are_kept_in_part(tmp_path, encoding):
    ensemble = Ensemble([Says(0), Says(1)])
    targets = write_soft_targets(ensemble, runs(), tmp_path / "runs", encoding=encoding, rows_per_shard=10)
    rows = TransferSet(runs().inputs)
    single = write_soft_targets(ensemble, rows, tmp_path / "rows", encoding=encoding)
    for member in range(2):
        ours = targets.columns(member, torch.tensor([5, 0]))
        theirs = single.columns(member, torch.tensor(rows_of(5, 0)))
        assert all((ours[name] == theirs[name]).all() for name in theirs)
    assert len(targets.at(torch.tensor([5, 0]), temperature=4.0)) == 12


def test_a_store_of_runs_is_not_one_of_rows(tmp_path):
    targets = write_soft_targets(Says(), runs(), tmp_path)
    with pytest.raises(TargetsError, match="was written for other data"):
        targets.check(TransferSet(runs().inputs))
    with pytest.raises(TargetsError, match="something else"):
        write_soft_targets(Says(), in_runs((1, 3, *LENGTHS[2:])), tmp_path)


def test_accuracy_and_predictions_are_those_of_rows(tmp_path):
    data = runs(labels=runs().inputs.argmax(-1)).subset(torch.tensor([6, 2]))
    assert write_soft_targets(Says(), data, tmp_path).manifest.members[0].accuracy == 1.0
    assert torch.equal(predict(Says(), data), data.inputs[rows_of(6, 2)])


BUDGET = Budget(epochs=3, batch_size=8, learning_rate=3e-2, precision="32-true")


def student():
    torch.manual_seed(0)
    return MLP([7, 16, 7])


@pytest.mark.parametrize("encoding", [Dense(), TopK(4, (2.0,)), Sampled(4, (2.0,))])
def test_a_student_learns_from_runs(tmp_path, encoding):
    data = in_runs(LENGTHS * 12).seen_through(Nudge())
    targets = write_soft_targets(Says(2), data, tmp_path, num_views=2, encoding=encoding)
    fitted = fit(student(), data, objective=FromSoftTargets(targets, 2.0, 0.0), budget=replace(BUDGET, epochs=12))
    said, wanted = predict(fitted.net, data), predict(Says(2), data)
    assert (said.argmax(-1) == wanted.argmax(-1)).float().mean() > 0.8
    assert (predict(student(), data).argmax(-1) == wanted.argmax(-1)).float().mean() < 0.5
    assert fitted.history[-1]["loss"] < 0.3 * fitted.history[0]["loss"]


def test_the_loss_is_a_mean_over_rows_not_runs(tmp_path):
    data = runs(labels=torch.arange(31) % 7)
    fitted = fit(student(), data, budget=replace(BUDGET, epochs=1, learning_rate=1e-30, batch_size=3))
    expected = torch.nn.functional.cross_entropy(student()(data.inputs), data.labels)
    assert_close(fitted.history[0]["loss"], expected.item(), rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("encoding", "window"), [(Dense(), None), (TopK(4, (2.0,)), 20), (Sampled(4, (2.0,)), None)], ids=repr
)
@pytest.mark.parametrize("stop_after", [3, 12, 13])
def test_stopped_on_runs_it_ends_with_the_same_bits(tmp_path, monkeypatch, encoding, window, stop_after):
    data = in_runs(LENGTHS * 12, labels=torch.arange(31 * 12) % 7).seen_through(Nudge())
    targets = write_soft_targets(
        Ensemble([Says(0), Says(2)]), data, tmp_path / "targets", num_views=2, encoding=encoding
    )
    objective = FromSoftTargets(targets, 2.0, 0.2)
    monkeypatch.setattr(clock, "CHECKPOINT_EVERY_S", 0.0)
    monkeypatch.setattr(loop, "BLOCK", 5)
    budget = replace(BUDGET, shuffle_window=window)

    def training(folder):
        return fit(student(), data, objective=objective, budget=budget, folder=tmp_path / folder)

    expected = training("whole")

    with monkeypatch.context() as patch:
        stopping.stop_after(patch, stop_after)
        with pytest.raises(stopping.Stopped):
            training("stopped")
    resumed = training("stopped")
    for ours, theirs in zip(resumed.net.parameters(), expected.net.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert resumed.history == expected.history
