"""Several teachers in one store: each asked once, added later, averaged on reading, fused where that is wanted."""

import json
import sys
from dataclasses import replace

import pytest
import torch
from stores import Nudge, Says, examples, files_of, in_runs, less_maximum
from torch.testing import assert_close

from limbeck import ArgumentError, Ensemble, SoftTargets, TargetsError, distillation_loss, write_soft_targets
from limbeck.divergence import MixedTargets
from limbeck.targets import Dense, Sampled, TopK, fuse
from limbeck.targets.manifest import Manifest

EXACT = Dense("float32")
ALL = torch.arange(50)


def three(folder, encoding=EXACT, mean="arithmetic", weights=(1, 2, 5), data=None):
    teachers = Ensemble([Says(turn) for turn in range(3)], mean, weights)
    return write_soft_targets(teachers, data or examples(), folder, encoding=encoding, rows_per_shard=16)


def mean_probs(temperature, mean="arithmetic", weights=(1, 2, 5), inputs=None):
    """The members' mean distribution, written down once more in float64."""
    inputs = examples().inputs if inputs is None else inputs
    log_probs = torch.stack([(inputs.double().roll(turn, -1) / temperature).log_softmax(-1) for turn in range(3)])
    shares = (torch.tensor(weights).double() / sum(weights))[:, None, None]
    return (shares * log_probs.exp()).sum(0) if mean == "arithmetic" else (shares * log_probs).sum(0).softmax(-1)


def probs_of(targets, temperature, ids=ALL):
    return (targets.logits(ids, temperature=temperature).double() / temperature).softmax(-1)


@pytest.mark.parametrize("encoding", [EXACT, TopK(3, (1.0, 4.0)), Sampled(5, (1.0, 4.0))])
def test_a_teacher_is_added_and_the_first_is_not_asked_again(tmp_path, encoding):
    first, second = Says(), Says(1)
    write_soft_targets(first, examples(), tmp_path, encoding=encoding, rows_per_shard=16)
    before = files_of(tmp_path / "teacher-0")
    first.rows = 0
    both = write_soft_targets(second, examples(), tmp_path, encoding=encoding, add=True, rows_per_shard=16)
    assert (first.rows, second.rows) == (0, 52)
    assert files_of(tmp_path / "teacher-0") == before
    assert (both.num_members, both.weights) == (2, (1.0, 1.0))
    for member, turn in enumerate((0, 1)):
        alone = write_soft_targets(Says(turn), examples(), tmp_path / f"alone {turn}", encoding=encoding)
        ours, theirs = both.columns(member, ALL), alone.columns(0, ALL)
        assert all(ours[name].tobytes() == theirs[name].tobytes() for name in theirs)


def test_added_teachers_are_averaged_as_an_ensemble(tmp_path):
    for turn in range(3):
        targets = write_soft_targets(Says(turn), examples(), tmp_path / "one by one", encoding=EXACT, add=turn > 0)
    for temperature in (1.0, 4.0):
        assert_close(probs_of(targets, temperature), mean_probs(temperature, weights=(1, 1, 1)), rtol=1e-5, atol=1e-6)
    together = three(tmp_path / "together", weights=None)
    assert_close(probs_of(targets, 4.0), probs_of(together, 4.0), rtol=0, atol=0)


def test_adding_a_teacher_that_is_there_changes_nothing(tmp_path):
    three(tmp_path)
    before = files_of(tmp_path)
    again = Says(1)
    write_soft_targets(again, examples(), tmp_path, encoding=EXACT, add=True, rows_per_shard=16)
    assert again.rows == 2
    assert files_of(tmp_path) == before


def test_adding_a_teacher_twice_adds_what_is_lacking(tmp_path):
    write_soft_targets(Says(1), examples(), tmp_path, encoding=EXACT)
    targets = write_soft_targets(Ensemble([Says(1), Says(1)]), examples(), tmp_path, encoding=EXACT, add=True)
    assert targets.num_members == 2
    assert files_of(tmp_path / "teacher-0") == files_of(tmp_path / "teacher-1")


def test_adding_to_nothing_begins_a_store(tmp_path):
    targets = write_soft_targets(Says(), examples(), tmp_path, encoding=EXACT, add=True)
    assert torch.equal(targets.logits(ALL, temperature=1.0), less_maximum(examples().inputs))


def test_a_teacher_is_not_added_by_accident_nor_to_another_making(tmp_path):
    write_soft_targets(Says(), examples(), tmp_path)
    with pytest.raises(TargetsError, match="teacher: one there, another here") as caught:
        write_soft_targets(Says(1), examples(), tmp_path)
    assert "add this teacher to those there with add=True (limbeck soften --add)" in caught.value.hint
    for change, message in (
        ({"encoding": EXACT}, "encoding: "),
        ({"transfer_set": examples(seed=1)}, r"\(data: one there, another here"),
        ({"num_views": 2}, "views: 1 there, 2 here"),
    ):
        with pytest.raises(TargetsError, match=message):
            write_soft_targets(
                **({"teacher": Says(1), "transfer_set": examples(), "folder": tmp_path} | change), add=True
            )
    assert SoftTargets.open(tmp_path).num_members == 1


def test_an_addition_that_was_killed_goes_on(tmp_path):
    three(tmp_path / "whole", weights=None)
    options = {"encoding": EXACT, "rows_per_shard": 16, "batch_size": 8}
    write_soft_targets(Ensemble([Says(0), Says(1)]), examples(), tmp_path / "killed", **options)
    with pytest.raises(KeyboardInterrupt):
        write_soft_targets(Says(2, dies_after=40), examples(), tmp_path / "killed", add=True, **options)
    with pytest.raises(TargetsError, match="is not finished: 10 of 12 shards are written"):
        SoftTargets.open(tmp_path / "killed")
    rest = Says(2)
    write_soft_targets(rest, examples(), tmp_path / "killed", add=True, **options)
    assert rest.rows == 2 + 50 - 32
    assert files_of(tmp_path / "killed" / "teacher-2") == files_of(tmp_path / "whole" / "teacher-2")
    SoftTargets.open(tmp_path / "killed").verify()


@pytest.mark.parametrize("row", [0, 40], ids=["at once", "after two shards"])
def test_a_store_is_whole_without_an_addition_that_is_refused(tmp_path, row):
    class Odd(Says):
        def __call__(self, inputs):
            odd = (inputs == examples().inputs[row]).all(-1, keepdim=True)
            return super().__call__(inputs).masked_fill(odd, torch.nan)

    options = {"encoding": EXACT, "rows_per_shard": 16}
    before = write_soft_targets(Ensemble([Says(0), Says(1)]), examples(), tmp_path, **options).fingerprint
    files = files_of(tmp_path)
    with pytest.raises(TargetsError, match=f"row {row} of the transfer set: a teacher's logits must have a finite max"):
        write_soft_targets(Ensemble([Odd(2), Says(3)]), examples(), tmp_path, add=True, **options)
    assert SoftTargets.open(tmp_path).fingerprint == before
    assert files_of(tmp_path) == files
    assert write_soft_targets(Says(4), examples(), tmp_path, add=True, **options).num_members == 3


@pytest.mark.parametrize("after", [[], [4]], ids=["nobody", "another"])
def test_who_writes_a_teacher_that_was_taken_out_writes_nothing(tmp_path, after):
    options = {"encoding": EXACT, "rows_per_shard": 16}
    write_soft_targets(Says(0), examples(), tmp_path, **options)

    class Beside(Says):
        """While it is asked, the store loses it, and may get another."""

        lost = False

        def __call__(self, inputs):
            there = Manifest.load(tmp_path)
            if len(there.members) == 2 and not self.lost:
                self.lost = True
                replace(there, members=there.members[:1]).save(tmp_path)
                for number in after:
                    write_soft_targets(Says(number), examples(), tmp_path, add=True, **options)
            return super().__call__(inputs)

    with pytest.raises(TargetsError, match="has lost teacher 2 while it was asked: another writer of it was refused"):
        write_soft_targets(Beside(2), examples(), tmp_path, add=True, **options)
    targets = SoftTargets.open(tmp_path)
    assert targets.num_members == 1 + len(after)
    targets.verify()


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
@pytest.mark.parametrize("temperature", [1.0, 5.0])
def test_the_mean_is_chosen_on_reading(tmp_path, mean, temperature):
    targets = three(tmp_path)
    found = targets.averaged(mean, (3, 1, 4))
    assert_close(probs_of(found, temperature), mean_probs(temperature, mean, (3, 1, 4)), rtol=1e-5, atol=1e-6)
    assert_close(probs_of(targets, temperature), mean_probs(temperature), rtol=1e-5, atol=1e-6)
    own = targets.averaged(mean)
    assert_close(probs_of(own, temperature), mean_probs(temperature, mean), rtol=1e-5, atol=1e-6)
    even = targets.averaged(mean, (1, 1, 1))
    assert_close(probs_of(even, temperature), mean_probs(temperature, mean, (1, 1, 1)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("encoding", [EXACT, TopK(3, (4.0,)), Sampled(5, (4.0,))])
@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_a_teacher_of_weight_0_is_left_out_and_its_files_unread(tmp_path, encoding, mean):
    targets = three(tmp_path, encoding)
    alone = write_soft_targets(Says(1), examples(), tmp_path / "alone", encoding=encoding).at(ALL, temperature=4.0)
    found = targets.averaged(mean, (0, 2, 0))
    for turn in (0, 2):
        for path in (tmp_path / f"teacher-{turn}").iterdir():
            path.unlink()
    found = found.at(ALL, temperature=4.0)
    assert type(found) is type(alone)
    for name, value in vars(alone).items():
        assert_close(vars(found)[name], value, rtol=0, atol=0)


@pytest.mark.parametrize(("weights"), [(1, 2), (1, -1, 1), (0, 0, 0), (1, float("nan"), 1)])
def test_weights_that_are_none_are_refused(tmp_path, weights):
    with pytest.raises(ArgumentError, match="weights must be 3 numbers >= 0, not all 0, got"):
        three(tmp_path).averaged(weights=weights)


@pytest.mark.usefixtures("shapes_unchecked")
def test_another_mean_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="mean must be 'arithmetic' or 'geometric', got 'harmonic'"):
        three(tmp_path).averaged("harmonic")


def test_parts_of_rows_are_mixed_by_their_shares(tmp_path):
    found = three(tmp_path, TopK(7, (4.0,))).at(ALL, temperature=4.0)
    assert isinstance(found, MixedTargets)
    assert list(found.shares) == [1 / 8, 2 / 8, 5 / 8]
    z = examples(seed=3).inputs.requires_grad_()
    distillation_loss(z, found, temperature=4.0).sum().backward()
    expected = 4 * ((z.detach().double() / 4).softmax(-1) - mean_probs(4.0))
    assert_close(z.grad.double(), expected, rtol=1e-3, atol=2e-3)  # float16


@pytest.mark.parametrize("encoding", [TopK(3, (4.0,)), Sampled(5, (4.0,))])
def test_a_geometric_mean_of_parts_is_refused(tmp_path, encoding):
    targets = three(tmp_path, encoding, mean="geometric")
    with pytest.raises(ArgumentError, match="a geometric mean needs every class's logit of every teacher") as caught:
        targets.at(ALL, temperature=4.0)
    assert "use the arithmetic mean, or fuse dense targets" in caught.value.hint
    assert isinstance(targets.averaged("arithmetic").at(ALL, temperature=4.0), MixedTargets)


def test_mean_and_weights_are_part_of_the_fingerprint(tmp_path):
    targets = three(tmp_path)
    read = [
        targets,
        targets.averaged("geometric", (1, 2, 5)),
        targets.averaged("arithmetic", (1, 2, 6)),
        targets.averaged("arithmetic", (1, 2, 0)),
    ]
    assert len({each.fingerprint for each in read}) == 4
    assert targets.averaged("arithmetic", (1, 2, 5)).fingerprint == targets.fingerprint
    assert targets.averaged("arithmetic", (2, 4, 10)).fingerprint == targets.fingerprint
    assert SoftTargets.open(tmp_path).fingerprint == targets.fingerprint


def test_the_same_teacher_twice_has_two_columns_and_counts_twice(tmp_path):
    twice = Ensemble([Says(0), Says(1), Says(0)])
    targets = write_soft_targets(twice, examples(), tmp_path, encoding=EXACT, rows_per_shard=16)
    assert targets.num_members == 3
    assert files_of(tmp_path / "teacher-0") == files_of(tmp_path / "teacher-2")
    each = [(examples().inputs.double().roll(turn, -1) / 2).softmax(-1) for turn in (0, 1)]
    assert_close(probs_of(targets, 2.0), 2 / 3 * each[0] + 1 / 3 * each[1], rtol=1e-5, atol=1e-6)
    targets.verify()
    again = Says(0)
    write_soft_targets(Ensemble([again, Says(1), again]), examples(), tmp_path, encoding=EXACT, rows_per_shard=16)
    assert again.rows == 4


def test_each_teachers_accuracy_is_told(tmp_path):
    labelled = examples(labels=examples().inputs.argmax(-1))
    targets = three(tmp_path, data=labelled)
    assert targets.manifest.members[0].accuracy == 1.0
    assert targets.manifest.members[1].accuracy < 0.5
    assert three(tmp_path / "unlabelled").manifest.members[0].accuracy is None


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_a_fused_arithmetic_mean_serves_the_temperature_it_was_made_at(tmp_path, temperature):
    targets = three(tmp_path / "three").averaged("arithmetic", (3, 1, 4))
    fused = fuse(targets, tmp_path / "fused", temperature=temperature, encoding=Dense("float32", (temperature,)))
    assert fused.num_members == 1
    assert_close(probs_of(fused, temperature), mean_probs(temperature, weights=(3, 1, 4)), rtol=1e-5, atol=1e-6)
    with pytest.raises(ArgumentError, match=f"serve temperature {temperature:g}, got 2"):
        fused.at(ALL, temperature=2.0)
    fused.check(examples(), 7)


def test_a_fused_geometric_mean_serves_every_temperature(tmp_path):
    targets = three(tmp_path / "three", mean="geometric")
    fused = fuse(targets, tmp_path / "fused", temperature=3.0, encoding=EXACT)
    for temperature in (0.5, 1.0, 20.0):
        assert_close(probs_of(fused, temperature), mean_probs(temperature, "geometric"), rtol=1e-4, atol=1e-6)
    other = fuse(targets, tmp_path / "other", temperature=7.0, encoding=EXACT)
    assert files_of(other.folder) == files_of(fused.folder)


def test_by_default_a_mean_is_kept_in_float16(tmp_path):
    targets = three(tmp_path / "three")
    assert fuse(targets, tmp_path / "a", temperature=4).encoding == Dense("float16", (4.0,))
    assert fuse(targets.averaged("geometric"), tmp_path / "g", temperature=4).encoding == Dense("float16")


def test_a_mean_can_be_kept_in_part(tmp_path):
    targets = three(tmp_path / "three")
    fused = fuse(targets, tmp_path / "fused", temperature=4.0, encoding=TopK(3, (4.0,)))
    found, probs = fused.at(ALL, temperature=4.0), mean_probs(4.0)
    assert torch.equal(found.classes, probs.topk(3).indices)
    assert_close(found.log_tail.exp().double(), 1 - probs.topk(3).values.sum(-1), rtol=1e-4, atol=1e-6)
    geometric = fuse(targets.averaged("geometric"), tmp_path / "g", temperature=4.0, encoding=TopK(3, (1.0, 4.0)))
    tail = 1 - mean_probs(1.0, "geometric").topk(3).values.sum(-1)
    assert_close(geometric.at(ALL, temperature=1.0).log_tail.exp().double(), tail, rtol=1e-4, atol=1e-6)
    drawn = fuse(targets, tmp_path / "s", temperature=4.0, encoding=Sampled(4, (4.0,))).at(ALL, temperature=4.0)
    assert_close(drawn.log_probs.double(), probs.log().gather(-1, drawn.classes), rtol=2e-3, atol=2e-3)


def test_views_runs_and_subsets_are_fused_row_by_row(tmp_path):
    data = in_runs().subset(torch.tensor([7, 2, 5])).seen_through(Nudge())
    ensemble = Ensemble([Says(turn) for turn in range(3)], weights=(1, 2, 5))
    targets = write_soft_targets(ensemble, data, tmp_path / "three", num_views=2, encoding=EXACT, rows_per_shard=5)
    fused = fuse(targets, tmp_path / "fused", temperature=4.0, encoding=Dense("float32", (4.0,)))
    assert (tmp_path / "fused" / "examples.arrow").exists()
    fused.check(data, 7)
    for number in range(2):
        found = fused.logits(torch.tensor([5, 7]), number, temperature=4.0)
        expected = mean_probs(4.0, inputs=data.at(torch.tensor([5, 7]), number))
        assert_close((found.double() / 4).softmax(-1), expected, rtol=1e-5, atol=1e-6)


def test_a_fusing_that_was_killed_goes_on(tmp_path, monkeypatch):
    module = sys.modules["limbeck.targets.fuse"]  # the package's name for it is the function's
    monkeypatch.setattr(module, "default_rows_per_shard", lambda *_: 16)
    monkeypatch.setattr(module, "ROWS", 5)
    targets = three(tmp_path / "three")
    whole = fuse(targets, tmp_path / "whole", temperature=4.0)
    real, asked = module.put_shard, []

    def dying(*arguments):
        asked.append(arguments[2])
        if len(asked) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(module, "put_shard", dying)
    with pytest.raises(KeyboardInterrupt):
        fuse(targets, tmp_path / "killed", temperature=4.0)
    with pytest.raises(TargetsError, match="is not finished: 2 of 4 shards are written"):
        SoftTargets.open(tmp_path / "killed")
    asked.append("the fourth")
    fuse(targets, tmp_path / "killed", temperature=4.0)
    assert asked == [0, 1, 2, "the fourth", 2, 3]
    assert files_of(tmp_path / "killed") == files_of(whole.folder)


def test_another_mean_is_not_fused_over_one(tmp_path):
    targets = three(tmp_path / "three")
    fuse(targets, tmp_path / "fused", temperature=4.0)
    before = files_of(tmp_path / "fused")
    for other in (targets.averaged("arithmetic", (1, 1, 2)), targets.averaged("geometric")):
        with pytest.raises(TargetsError, match="holds soft targets of something else"):
            fuse(other, tmp_path / "fused", temperature=4.0)
    with pytest.raises(TargetsError, match="holds soft targets of something else"):
        fuse(targets, tmp_path / "fused", temperature=2.0)
    with pytest.raises(TargetsError, match="holds soft targets of something else"):
        fuse(targets, targets.folder, temperature=4.0)
    assert files_of(tmp_path / "fused") == before


@pytest.mark.parametrize("encoding", [Dense(temperatures=(2.0,)), TopK(3, (4.0, 1.0)), Sampled(2, (1.0,))])
def test_an_arithmetic_mean_must_declare_its_temperature_alone(tmp_path, encoding):
    targets = three(tmp_path / "three")
    with pytest.raises(
        ArgumentError, match="serves the temperature it was made at, 4, the encoding declares"
    ) as caught:
        fuse(targets, tmp_path / "fused", temperature=4.0, encoding=encoding)
    assert caught.value.hint == "declare temperatures=(4,)"


def test_what_can_not_be_fused_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="fusing needs every class's logit, .* keeps a part of them"):
        fuse(three(tmp_path / "part", TopK(3, (4.0,))), tmp_path / "fused", temperature=4.0)
    with pytest.raises(ArgumentError, match="temperature must be > 0"):
        fuse(three(tmp_path / "whole"), tmp_path / "fused", temperature=0.0)
    fused = fuse(three(tmp_path / "whole"), tmp_path / "fused", temperature=4.0)
    with pytest.raises(ArgumentError, match="serve temperature 4, got 2"):
        fuse(fused, tmp_path / "again", temperature=2.0)
    assert json.loads((tmp_path / "fused" / "manifest.json").read_bytes())["encoding"]["temperatures"] == [4.0]
