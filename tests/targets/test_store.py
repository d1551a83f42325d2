"""The soft-target store: what is written is what is read, and only for what it was made from."""

import json

import numpy as np
import pytest
import torch
from stores import Nudge, Says, examples
from torch import nn
from torch.testing import assert_close

from limbeck import ArgumentError, Ensemble, RunError, SoftTargets, TargetsError, TransferSet, write_soft_targets
from limbeck.data import Jitter
from limbeck.targets import Dense
from limbeck.teachers import predict


def images(count=50, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return TransferSet(torch.randint(0, 256, (count, 1, 4, 4), dtype=torch.uint8, generator=generator))


class Net(nn.Module):
    def __init__(self, seed=0, classes=3):
        super().__init__()
        self.linear = nn.Linear(16, classes)
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
        self._calls = 0  # private: it changes with every question, and is no part of what the net is

    def forward(self, inputs):
        self._calls += 1
        return self.linear(inputs.flatten(1).float() / 255)


@pytest.fixture
def store(tmp_path):
    return write_soft_targets(Net(), images(), tmp_path / "targets", rows_per_shard=16, batch_size=8)


@pytest.mark.parametrize("encoding", ["float16", "float32"])
def test_what_is_read_is_what_the_teacher_said(tmp_path, encoding):
    targets = write_soft_targets(Net(), images(), tmp_path, encoding=Dense(encoding), rows_per_shard=16)
    ids = torch.tensor([49, 0, 17, 16, 15])
    expected = predict(Net(), images(), ids=ids)
    expected = expected - expected.max(-1, keepdim=True).values
    tolerance = {"float16": 2e-3, "float32": 0}[encoding]
    assert_close(targets.logits(ids, temperature=4.0), expected, rtol=tolerance, atol=0)


def test_rows_are_zero_copy_views_of_the_mapped_file(store):
    rows = store._shard(0, 0)
    assert rows.shape == (16,)
    assert rows.dtype.itemsize == 3 * 2
    assert not rows.flags.owndata
    assert not rows.flags.writeable


def test_float16_keeps_the_most_probable_class():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20_000, 10, generator=generator)
    logits[:, 1] = logits[:, 0] + 1e-6 * torch.rand(20_000, generator=generator)  # nearly tied
    stored = Dense().known_logits(Dense().encode(logits, torch.arange(len(logits))))[0]
    assert (stored.argmax(-1) == logits.argmax(-1)).all()
    assert (stored.max(-1).values == 0).all()


def test_masked_and_huge_logits_are_kept():
    stored = Dense().encode(torch.tensor([[0.0, -torch.inf, -1e30], [3e38, -3e38, 0.0]]), torch.arange(2))["logits"]
    assert stored.tolist() == [[0.0, -np.inf, -65504.0], [0.0, -np.inf, -65504.0]]


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_refuses_logits_that_are_no_numbers(value):
    with pytest.raises(TargetsError, match="must have a finite maximum in each row, got"):
        Dense().encode(torch.tensor([[0.0, 1.0], [0.0, value]]), torch.arange(2))


def test_a_row_that_is_refused_is_named(tmp_path):
    rows = torch.zeros(600, 2)
    rows[500] = torch.nan
    data = TransferSet(rows, origins=[f"t.csv, row {row + 1}" for row in range(600)])
    with pytest.raises(
        TargetsError, match=r"t.csv, row 501: a teacher's logits must have a finite maximum in each row"
    ):
        write_soft_targets(torch.nn.Identity(), data.subset(data.ids[3:]), tmp_path)


def test_a_subset_is_addressed_by_its_ids(tmp_path):
    subset = images().subset(torch.tensor([40, 3, 7]))
    targets = write_soft_targets(Net(), subset, tmp_path, encoding=Dense("float32"))
    whole = predict(Net(), images())
    whole = whole - whole.max(-1, keepdim=True).values
    assert_close(targets.logits(torch.tensor([7, 40]), temperature=1.0), whole[[7, 40]])
    with pytest.raises(TargetsError, match=r"no soft targets for 1 of 2 examples \(the first: example 8\)"):
        targets.logits(torch.tensor([7, 8]), temperature=1.0)
    with pytest.raises(TargetsError, match=r"no soft targets for 47 of 50 examples"):
        targets.check(images())


def test_each_view_has_its_rows(tmp_path):
    jittered = images().seen_through(Jitter(1))
    targets = write_soft_targets(Net(), jittered, tmp_path, num_views=3, encoding=Dense("float32"), rows_per_shard=16)
    for number in range(3):
        expected = predict(Net(), jittered, number=number)
        expected = expected - expected.max(-1, keepdim=True).values
        assert_close(targets.logits(jittered.ids, number, temperature=1.0), expected)
    with pytest.raises(ArgumentError, match=r"view must lie in 0\.\.2, got 3"):
        targets.logits(jittered.ids, 3, temperature=1.0)


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_an_ensemble_is_averaged_at_the_temperature_of_reading(tmp_path, mean):
    nets = [Net(seed) for seed in range(3)]
    ensemble = Ensemble(nets, mean, weights=[1, 2, 5])
    targets = write_soft_targets(ensemble, images(), tmp_path, encoding=Dense("float32"))
    each = torch.stack([predict(net, images()) for net in nets]).double()
    weights = torch.tensor([1, 2, 5]).double()[:, None, None] / 8
    for temperature in (1.0, 5.0):
        log_probs = (each / temperature).log_softmax(-1)
        mixed = (weights * log_probs.exp()).sum(0) if mean == "arithmetic" else (weights * log_probs).sum(0).softmax(-1)
        found = (targets.logits(images().ids, temperature=temperature) / temperature).softmax(-1)
        assert_close(found.double(), mixed, rtol=1e-5, atol=1e-6)
    assert_close(targets.logits(images().ids, temperature=1.0).softmax(-1), ensemble(images().inputs).softmax(-1))


def test_a_killed_writer_goes_on_at_the_first_missing_shard(tmp_path, store):
    dying = Net()

    def die(module, inputs):
        if module._calls == 6:  # the question for the classes, two batches of 8 a shard, then in the third shard
            raise KeyboardInterrupt

    dying.register_forward_pre_hook(die)
    options = {"rows_per_shard": 16, "batch_size": 8}
    with pytest.raises(KeyboardInterrupt):
        write_soft_targets(dying, images(), tmp_path / "killed", **options)
    with pytest.raises(TargetsError, match="is not finished"):
        SoftTargets.open(tmp_path / "killed")
    net = Net()
    resumed = write_soft_targets(net, images(), tmp_path / "killed", **options)
    assert net._calls == 1 + 3  # the question, then two batches of the third shard and the last one's two rows
    assert resumed.fingerprint == store.fingerprint
    for number in range(4):
        name = f"teacher-0/{number:05d}.arrow"
        assert (resumed.folder / name).read_bytes() == (store.folder / name).read_bytes()


def test_a_shard_that_went_missing_is_written_again(store):
    path = store.folder / "teacher-0" / "00001.arrow"
    whole = path.read_bytes()
    path.unlink()
    write_soft_targets(Net(), images(), store.folder, rows_per_shard=16, batch_size=8).verify()
    assert path.read_bytes() == whole


def test_a_view_told_with_a_tuple_is_the_same_after_json(tmp_path):
    class Sized(Jitter):
        def spec(self):
            return {"name": "sized", "size": (1, 2)}

    data = images().seen_through(Sized(1))
    write_soft_targets(Net(), data, tmp_path).check(data)
    write_soft_targets(Net(), data, tmp_path)


def test_a_finished_store_is_not_written_again(store):
    net = Net()
    again = write_soft_targets(net, images(), store.folder, rows_per_shard=16, batch_size=8)
    assert net._calls == 1
    assert again.fingerprint == store.fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"teacher": Net(1)}, r"soft targets of something else \(teacher"),
        ({"transfer_set": images(seed=1)}, r"something else \(data"),
        ({"transfer_set": images().subset(torch.arange(49))}, r"something else \((examples|num_examples)"),
        ({"transfer_set": images().seen_through(Jitter(1))}, r"something else \(view: \{'name': 'plain'\} there"),
        ({"num_views": 2}, r"something else \(views: 1 there, 2 here\)"),
        ({"encoding": Dense("float32")}, r"something else \(encoding: .*float16.* there, .*float32.* here\)"),
        ({"teacher": Net(classes=4)}, r"something else \(classes: 3 there, 4 here\)"),
    ],
)
def test_a_store_is_never_written_over_by_another(store, change, message):
    made = {"teacher": Net(), "transfer_set": images(), "folder": store.folder, "rows_per_shard": 16} | change
    with pytest.raises(TargetsError, match=message):
        write_soft_targets(**made)
    SoftTargets.open(store.folder).verify()


@pytest.mark.parametrize(
    ("transfer_set", "num_classes", "message"),
    [
        (images(seed=1), 3, "was written for other data: its source has fingerprint"),
        (images().seen_through(Jitter(1)), 3, "was written for another view: {'name': 'plain'}, the transfer set"),
        (images(), 4, "has 3 classes, the student has 4"),
    ],
)
def test_a_store_refuses_what_it_was_not_made_for(store, transfer_set, num_classes, message):
    with pytest.raises(TargetsError, match=message):
        store.check(transfer_set, num_classes)


def test_a_store_accepts_a_subset_of_what_it_was_made_for(store):
    store.check(images().subset(torch.tensor([5, 6])), 3)


def test_every_flipped_bit_is_detected(store):
    generator = np.random.default_rng(0)
    files = [store.folder / "manifest.json", *sorted(store.folder.glob("teacher-0/*.arrow"))]
    for path in files:
        whole = path.read_bytes()
        for bit in generator.choice(len(whole) * 8, 60, replace=False):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << (bit % 8)
            path.write_bytes(damaged)
            with pytest.raises(TargetsError, match=r"damaged|no soft targets|must have the format"):
                SoftTargets.open(store.folder).verify()
        path.write_bytes(whole)
    SoftTargets.open(store.folder).verify()


def test_damage_is_found_on_the_first_read_and_a_missing_shard_named(store):
    path = store.folder / "teacher-0" / "00001.arrow"
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    opened = SoftTargets.open(store.folder)
    assert opened.logits(torch.tensor([0]), temperature=1.0).shape == (1, 3)  # in a shard that is whole
    with pytest.raises(TargetsError, match="00001.arrow is damaged: its checksum is not the manifest's"):
        opened.logits(torch.tensor([20]), temperature=1.0)
    path.unlink()
    with pytest.raises(TargetsError, match="00001.arrow is missing"):
        SoftTargets.open(store.folder).verify()


def test_damaged_ids_are_detected(tmp_path):
    subset = images().subset(torch.tensor([4, 9]))
    targets = write_soft_targets(Net(), subset, tmp_path)
    path = tmp_path / "examples.arrow"
    whole = path.read_bytes()
    for bit in np.random.default_rng(0).choice(len(whole) * 8, 200, replace=False):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        with pytest.raises(TargetsError, match="examples.arrow is missing or damaged"):
            SoftTargets.open(tmp_path).logits(subset.ids, temperature=1.0)
    path.write_bytes(whole)
    targets.verify()
    path.unlink()
    with pytest.raises(TargetsError, match="examples.arrow is missing or damaged"):
        targets.verify()


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(TargetsError, match="holds no soft targets: there is no manifest.json"):
        SoftTargets.open(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps([1]))
    with pytest.raises(TargetsError, match="is damaged"):
        SoftTargets.open(tmp_path)


def test_an_unwritable_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        write_soft_targets(Net(), images(), tmp_path / "file" / "targets")


@pytest.mark.parametrize("name", ["num_views", "batch_size", "rows_per_shard"])
def test_refuses_numbers_below_one(tmp_path, name):
    with pytest.raises(ArgumentError, match=f"{name} must be a whole number >= 1, got 0"):
        write_soft_targets(Net(), images(), tmp_path, **{name: 0})


def test_refuses_more_views_than_anybody_sees(tmp_path):
    with pytest.raises(ArgumentError, match="num_views must lie in 1..10,000, got 100,000,000,000\n\nhint: a student"):
        write_soft_targets(Net(), images(), tmp_path, num_views=10**11)


def test_refuses_teachers_of_other_shapes(tmp_path):
    with pytest.raises(ArgumentError, match=r"must return logits of one shape .*\(2, 3\), \(2, 4\)"):
        write_soft_targets(Ensemble([Net(), Net(classes=4)]), images(), tmp_path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda logits: logits[:5], r"got \(5, 3\) for 8 inputs"),
        (lambda logits: logits.numpy(), "got ndarray for 8 inputs"),
        (lambda logits: logits[:, :2], r"must return 3 classes each time, got 2"),
    ],
)
def test_a_teacher_that_changes_its_output_leaves_no_shard(tmp_path, spoil, message):
    class Fickle(Net):
        def forward(self, inputs):
            logits = super().forward(inputs)
            return logits if len(inputs) == 2 else spoil(logits)

    with pytest.raises(ArgumentError, match=message):
        write_soft_targets(Fickle(), images(), tmp_path, batch_size=8)
    assert not list(tmp_path.rglob("*.arrow"))


def test_a_callable_teacher_says_what_it_is(tmp_path):
    def teacher(inputs):
        return inputs.flatten(1)[:, :3].float()

    with pytest.raises(ArgumentError, match="must have a `fingerprint`"):
        write_soft_targets(teacher, images(), tmp_path)
    teacher.fingerprint = "first three pixels, 1"
    targets = write_soft_targets(teacher, images(), tmp_path, encoding=Dense("float32"))
    found = targets.logits(torch.tensor([2]), temperature=1.0)
    expected = images().inputs[2].flatten()[:3].float()
    assert_close(found[0], expected - expected.max())


def test_teaching_is_in_evaluation_mode_and_leaves_the_mode_alone(tmp_path):
    net = nn.Sequential(Net(), nn.Dropout(0.9)).train()
    targets = write_soft_targets(net, images(), tmp_path, encoding=Dense("float32"))
    expected = predict(Net(), images())
    assert_close(targets.logits(images().ids, temperature=1.0), expected - expected.max(-1, keepdim=True).values)
    assert net.training


def test_the_first_views_of_a_store_are_a_store_of_fewer(tmp_path):
    data = examples().seen_through(Nudge())
    whole = write_soft_targets(Says(), data, tmp_path / "four", num_views=4)
    two = whole.first_views(2)
    assert (two.num_views, whole.num_views) == (2, 4)
    assert torch.equal(two.logits(data.ids, 1, temperature=2.0), whole.logits(data.ids, 1, temperature=2.0))
    with pytest.raises(ArgumentError, match=r"view must lie in 0\.\.1, got 2"):
        two.logits(data.ids, 2, temperature=2.0)
    assert len({two.fingerprint, whole.first_views(1).fingerprint, whole.fingerprint}) == 3
    assert whole.first_views(4).fingerprint == whole.fingerprint
    assert two.averaged("geometric").num_views == 2
    for count in (0, 3):
        with pytest.raises(ArgumentError, match=rf"views must lie in 1\.\.2, got {count}"):
            two.first_views(count)
