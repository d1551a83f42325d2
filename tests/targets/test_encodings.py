"""Each encoding through a store and back: what is kept, in how many bytes, and for which temperatures."""

import json

import numpy as np
import pytest
import torch
from stores import Nudge, Says, examples, files_of, less_maximum
from torch.testing import assert_close

from limbeck import ArgumentError, TransferSet, write_soft_targets
from limbeck.divergence import DenseTargets, SampledTargets, TopKTargets
from limbeck.targets import Dense, Encoding, Sampled, TopK
from limbeck.targets.encoding import encoding_of
from limbeck.training import FromSoftTargets

ENCODINGS = [
    Dense(),
    Dense("float32"),
    Dense("float32", (4.0,)),
    TopK(3, (1.0, 4.0)),
    TopK(7, (2.5,)),
    Sampled(5, (1.0, 4.0)),
    Sampled(1, (20.0,), seed=9),
]


def test_float32_comes_back_to_the_bit(tmp_path):
    targets = write_soft_targets(Says(), examples(), tmp_path, encoding=Dense("float32"), rows_per_shard=16)
    ids = torch.tensor([49, 0, 17, 16, 15, 0])
    found = targets.at(ids, temperature=3.0)
    assert isinstance(found, DenseTargets)
    assert torch.equal(found.logits, less_maximum(examples().inputs[ids]))


def test_float16_comes_back_rounded_once_less_the_maximum(tmp_path):
    targets = write_soft_targets(Says(), examples(), tmp_path, rows_per_shard=16)
    found = targets.at(torch.arange(50), temperature=3.0).logits
    assert torch.equal(found, less_maximum(examples().inputs).half().float())
    assert torch.equal(found.argmax(-1), examples().inputs.argmax(-1))


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_top_k_comes_back_with_the_tail_of_its_temperature(tmp_path, temperature):
    targets = write_soft_targets(Says(), examples(), tmp_path, encoding=TopK(3, (1.0, 4.0)), rows_per_shard=16)
    ids = torch.tensor([49, 0, 17, 16, 15])
    found = targets.at(ids, temperature=temperature)
    logits = examples().inputs[ids].double()
    assert isinstance(found, TopKTargets)
    assert torch.equal(found.classes, logits.topk(3).indices)
    assert_close(found.logits.double(), less_maximum(logits).topk(3).values, rtol=2**-11, atol=1e-7)
    outside = (logits / temperature).softmax(-1).scatter(-1, found.classes, 0).sum(-1)
    assert_close(found.log_tail.double(), outside.log(), rtol=1e-5, atol=1e-6)


def test_the_tail_of_all_classes_is_nothing(tmp_path):
    found = write_soft_targets(Says(), examples(), tmp_path, encoding=TopK(7, (1.0,))).at(
        torch.arange(50), temperature=1.0
    )
    assert found.log_tail.isneginf().all()


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_sampled_comes_back_with_exact_probabilities(tmp_path, temperature):
    targets = write_soft_targets(Says(), examples(), tmp_path, encoding=Sampled(5, (1.0, 4.0)), rows_per_shard=16)
    ids = torch.tensor([49, 0, 17, 16, 15])
    found = targets.at(ids, temperature=temperature)
    assert isinstance(found, SampledTargets)
    kept = less_maximum(examples().inputs[ids]).half().double()
    each = torch.stack([(kept / t).log_softmax(-1) for t in (1.0, 4.0)])
    log_probs = each[0 if temperature == 1 else 1].gather(-1, found.classes)
    proposal = each.exp().mean(0).gather(-1, found.classes)
    assert_close(found.log_probs.double(), log_probs, rtol=1e-5, atol=1e-5)
    assert_close(found.weights.double(), log_probs.exp() / (5 * proposal), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("classes", "expected"), [(1, "u1"), (2, "u1"), (256, "u1"), (257, "u2"), (65_536, "u2"), (65_537, "u4")]
)
@pytest.mark.parametrize("encoding", [TopK(1, (1.0,)), Sampled(1, (1.0,))])
def test_classes_are_kept_in_the_narrowest_integer_that_holds_them(tmp_path, encoding, classes, expected):
    assert encoding.columns(classes)["classes"] == (np.dtype(expected), 1)
    peaks = torch.zeros(2, classes)
    peaks[1, -1] = 1000.0
    targets = write_soft_targets(Says(), TransferSet(peaks), tmp_path, encoding=encoding)
    stored = targets.columns(0, torch.tensor([1]))["classes"]
    assert (stored.dtype, stored.tolist()) == (np.dtype(expected), [[classes - 1]])
    assert targets.at(torch.tensor([1]), temperature=1.0).classes.tolist() == [[classes - 1]]


def test_the_top_20_of_1000_classes_take_90_bytes_a_row(tmp_path):
    write_soft_targets(Says(), examples(4000, 1000), tmp_path, encoding=TopK(20, (1.0, 4.0)))
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert size / 4000 <= 90
    assert size / 4000 >= 20 * (2 + 2) + 2 * 4


def test_more_than_all_classes_are_refused_before_the_teacher_works(tmp_path):
    teacher = Says()
    with pytest.raises(ArgumentError, match="k must not exceed the 7 classes, got 8"):
        write_soft_targets(teacher, examples(), tmp_path, encoding=TopK(8, (1.0,)))
    assert teacher.rows == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("encoding", [TopK(3, (1.0, 4.0)), Sampled(3, (1.0, 4.0)), Dense(temperatures=(1.0, 4.0))])
def test_a_temperature_that_was_not_declared_is_refused(tmp_path, encoding):
    targets = write_soft_targets(Says(), examples(), tmp_path, encoding=encoding)
    for refused in (
        lambda: targets.at(torch.tensor([0]), temperature=2.0),
        lambda: targets.logits(torch.tensor([0]), temperature=2.0),
        lambda: FromSoftTargets(targets, 2.0, 0.0),
        lambda: targets.check_temperature(2.0),
    ):
        with pytest.raises(ArgumentError, match="these soft targets serve temperature 1, 4, got 2"):
            refused()
    assert len(targets.at(torch.tensor([0]), temperature=4)) == 1
    assert FromSoftTargets(targets, 4.0, 0.0).temperature == 4.0


@pytest.mark.parametrize("encoding", [TopK(3, (1.0,)), Sampled(3, (1.0,))])
def test_logits_of_all_classes_are_refused_where_a_part_is_kept(tmp_path, encoding):
    targets = write_soft_targets(Says(), examples(), tmp_path, encoding=encoding)
    assert not targets.tells_all
    with pytest.raises(ArgumentError, match="logits of all classes need a dense store, .* keeps a part of them"):
        targets.logits(torch.tensor([0]), temperature=1.0)


@pytest.mark.parametrize(
    ("encoding", "told"), [(Dense(), True), (Dense(temperatures=(1.0, 4.0)), True), (Dense(temperatures=(4.0,)), False)]
)
def test_a_dense_store_that_serves_1_tells_all(tmp_path, encoding, told):
    assert write_soft_targets(Says(), examples(), tmp_path, encoding=encoding).tells_all == told


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_spec_says_all_of_an_encoding(encoding):
    assert isinstance(encoding, Encoding)
    assert encoding_of(encoding.spec()) == encoding
    assert encoding_of(json.loads(json.dumps(encoding.spec()))) == encoding


@pytest.mark.parametrize(
    "spec", [{}, {"name": "dense", "k": 1}, {"name": "top_k"}, {"name": "zip", "k": 1}, {"name": "sampled", "k": 3}]
)
def test_a_spec_of_something_else_is_refused(spec):
    with pytest.raises(ArgumentError, match="an encoding must be one of dense, top_k, sampled, got"):
        encoding_of(spec)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense("float64"), "a dense encoding must be one of float16, float32, got 'float64'"),
        (lambda: TopK(0, (1.0,)), "k must be a whole number >= 1, got 0"),
        (lambda: TopK(2.0, (1.0,)), r"k must be a whole number >= 1, got 2\.0"),
        (lambda: TopK(True, (1.0,)), "k must be a whole number >= 1, got True"),
        (lambda: Sampled(0, (1.0,)), "samples must be a whole number in 1..65536, got 0"),
        (lambda: TopK(2, ()), r"temperatures must be 1 to 100 numbers > 0, got \(\)"),
        (lambda: TopK(2, 4.0), r"temperatures must be 1 to 100 numbers > 0, got 4\.0"),
        (lambda: Sampled(2, tuple(range(1, 102))), "temperatures must be 1 to 100 numbers > 0"),
        (lambda: Sampled(2, (0.0,)), "temperature must be > 0"),
        (lambda: Dense(temperatures=(4.0, 4)), r"temperatures must differ, got \(4\.0, 4\)"),
    ],
)
@pytest.mark.usefixtures("shapes_unchecked")
def test_encodings_that_can_not_be_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_row_is_kept_the_same_however_it_is_batched_and_sharded(tmp_path, encoding):
    data = examples().seen_through(Nudge())
    stores = [
        write_soft_targets(
            Says(), data, tmp_path / str(batch_size), num_views=2, encoding=encoding, batch_size=batch_size, **options
        )
        for batch_size, options in ((1024, {}), (7, {"rows_per_shard": 16}), (1, {"rows_per_shard": 33}))
    ]
    for number in range(2):
        first, *others = (store.columns(0, data.ids, number) for store in stores)
        for other in others:
            assert {name: values.tobytes() for name, values in first.items()} == {
                name: values.tobytes() for name, values in other.items()
            }


def test_draws_change_with_the_seed_the_row_and_the_view(tmp_path):
    same = TransferSet(torch.full((200, 30), -1.0), view=Nudge())
    stores = [
        write_soft_targets(Says(), same, tmp_path / str(seed), num_views=2, encoding=Sampled(2, (1.0,), seed))
        for seed in (0, 1)
    ]
    drawn = [store.columns(0, same.ids, number)["classes"] for store in stores for number in (0, 1)]
    assert len({classes.tobytes() for classes in drawn}) == 4
    assert len(np.unique(drawn[0], axis=0)) == 15  # two systematic draws of 30 classes alike lie 15 apart


def test_every_class_can_be_drawn_and_a_masked_one_never_is(tmp_path):
    row = torch.tensor([-torch.inf, 0.0, -1.0, -torch.inf, -2.0, -torch.inf])
    data = TransferSet(row.expand(3000, -1))
    targets = write_soft_targets(Says(), data, tmp_path, encoding=Sampled(2, (1.0, 5.0)))
    found = targets.at(data.ids, temperature=1.0)
    assert found.classes.unique().tolist() == [1, 2, 4]
    assert found.weights.isfinite().all()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_written_twice_it_is_the_same_files(tmp_path, encoding):
    for name in ("first", "second"):
        write_soft_targets(Says(), examples(), tmp_path / name, encoding=encoding, rows_per_shard=20)
    assert files_of(tmp_path / "first") == files_of(tmp_path / "second")


@pytest.mark.usefixtures("shapes_unchecked")
def test_what_is_no_encoding_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="encoding must be Dense, TopK or Sampled of limbeck.targets, got 'dense'"):
        write_soft_targets(Says(), examples(), tmp_path, encoding="dense")
