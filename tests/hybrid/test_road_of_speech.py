"""Section 4's road on made speech: who is held out, what is chosen, tables that add up, words that are heard."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_speech import perfect, run_in

import limbeck
from limbeck import ArgumentError, DataError, LimbeckError
from limbeck.acoustic import Heard, Scales, Share, WordErrors
from limbeck.budget import Budget
from limbeck.data import Perturbed, Splice, utterances
from limbeck.hybrid import choosing, findings, lessons, tables
from limbeck.hybrid.hearing import Decoded, decoded, log_probs_of
from limbeck.hybrid.lessons import MeanLogits, budget_for
from limbeck.hybrid.preparing import Corpus, check_speakers, part_of, prepared
from limbeck.models import Dropout
from limbeck.recipes import an4
from limbeck.study import Trial
from limbeck.training import Fitted

pytest.importorskip("kaldi_hmm_gmm")


def test_speakers_held_out_and_tested_teach_nothing(ground):
    parts = (ground.train, ground.held_out, ground.test)
    assert [len(each) for each in parts] == [29, 7, 4]
    assert not set(ground.train.people) & set(ground.held_out.people)
    assert {each.frames.inputs.data_ptr() for each in parts} == {ground.train.frames.inputs.data_ptr()}
    counts = np.bincount(ground.study.train.labels_to_judge(), minlength=len(ground.start.states))
    np.testing.assert_allclose(ground.start.priors, counts / counts.sum(), atol=1e-3)
    assert ground.study.test.at(ground.study.test.ids[:1]).shape[1:] == (3, 13)
    assert [type(own.view) for own in (ground.study.validation, ground.study.test)] == [
        Splice,
        Splice,
    ]  # as it was said
    assert isinstance(ground.study.train.view, Perturbed)


def test_bigrams_are_those_of_who_is_not_held_out(folder, config, ground, tmp_path, monkeypatch):
    def seen(sentences, vocabulary):
        assert sentences == [ground.train.transcripts[each] for each in ground.train.ids]
        assert set(vocabulary) == {"ab", "ba", "cab"}
        raise KeyError("seen")

    monkeypatch.setattr("limbeck.acoustic.bigram_model", seen)
    with pytest.raises(KeyError, match="seen"):
        an4.main(config, replace(run_in(tmp_path, config), data=folder))


def test_each_lesson_is_what_its_setting_says(ground, tmp_path):
    """Students take more epochs and drop no units; on a part's soft targets no label helps, on its labels one stops."""
    own = replace(ground, plan=replace(ground.plan, longer=3, dropout=0.5))
    targets = limbeck.write_soft_targets(own.make_student(), own.study.train, tmp_path, num_views=2)
    student, twin = lessons.student(own, targets, 2.0, 0.1), lessons.twin(own)
    assert (student.budget.epochs, twin.budget.epochs) == (9, 3)
    dropped = [{each.rate for each in arm.make_net().modules() if isinstance(each, Dropout)} for arm in (student, twin)]
    assert dropped == [{0.0}, {0.5}]
    labels, soft = lessons.parts(own, targets, 2.0, seed=1)
    assert (labels.budget.early_stop, soft.budget.early_stop) == (3, None)
    assert labels.budget.epochs == soft.budget.epochs == 10
    assert (soft.objective.temperature, soft.objective.hard_weight) == (2.0, 0.0)
    assert torch.equal(labels.transfer_set.ids, soft.transfer_set.ids)
    assert torch.equal(soft.transfer_set.ids, own.runs.rows_of(part_of(own.runs, 0.3, 1).ids))


def test_words_and_frames_are_counted_by_speaker(ground):
    logits = perfect(ground, ground.test)
    heard = decoded(ground, "uniform", log_probs_of(logits, ground.test), ground.test, Scales(1.0, 0.0))
    assert heard.rate == 0
    assert [each.num_words for each in heard.speakers] == [len(words) for words in ground.test.transcripts[36:]]
    worse = perfect(ground, ground.test, 0.3)
    shares = tables.frame_errors(ground, [logits, worse])
    [right, less] = tables.frames_right(ground, [logits, worse])
    assert right == 1
    assert sum(each.errors for each in shares) == pytest.approx((1 - less) * len(ground.study.labels))
    assert [each.of for each in shares] == [2 * len(ground.test.frames_of(each)) for each in ground.test.ids]
    assert tables.word_shares([heard, heard])[0] == Share(0, 2 * heard.speakers[0].num_words)


def test_a_model_of_language_hears_those_that_it_is_for(ground):
    few = ground.test.ids[:2]
    own = replace(ground, among={"uniform": {*few, ground.train.ids[0]}})
    logits = perfect(own, own.test)
    heard = decoded(own, "uniform", log_probs_of(logits, own.test), own.test, Scales(1.0, 0.0))
    assert list(heard.heard.words) == few
    assert heard.heard.total.num_words == sum(len(own.test.transcripts[each]) for each in few)
    assert ground.meant("uniform", ground.test) is ground.test
    [row] = [row for row in tables.word_rows(own, {"twin": {"uniform": [heard]}}) if row["metric"] == "ratio"]
    seconds = 0.01 * sum(len(own.test.frames_of(each)) for each in few)
    assert row["values"] == [pytest.approx(seconds / heard.heard.seconds)]


def test_scales_are_those_with_the_fewest_held_out_errors(ground, monkeypatch):
    costs = {0.2: 5, 0.5: 3}

    def told(_, language, log_probs, utterances, scales):
        assert utterances is ground.held_out
        count = costs[scales.acoustic] + 2 * abs(scales.insertion_penalty - 1)
        return Decoded(Heard({}, [WordErrors(int(count), 0, 0, 9)], 1.0), [])

    monkeypatch.setattr(choosing, "decoded", told)
    held_out = perfect(ground, ground.held_out)
    baseline = Trial(Fitted(ground.make_net(), [], 0.0), ground.study.test, ground.study.validation)
    vars(baseline)["validation_logits"] = held_out  # as if it had been asked
    assert choosing.chosen_scales(ground, baseline) == {"uniform": Scales(0.5, 1.0, 1.0)}


def test_the_mean_of_logits_is_the_geometric_mean_of_the_ensemble():
    torch.manual_seed(0)
    nets = [torch.nn.Linear(3, 4) for _ in range(3)]
    inputs = torch.randn(5, 3)
    for temperature in (1.0, 4.0):
        told = (MeanLogits(nets)(inputs) / temperature).softmax(1)
        product = torch.stack([(net(inputs) / temperature).softmax(1) for net in nets]).log().mean(0).exp()
        torch.testing.assert_close(told, product / product.sum(1, keepdim=True))
    ensemble = limbeck.Ensemble(nets, mean="geometric")
    torch.testing.assert_close(MeanLogits(nets)(inputs).softmax(1), ensemble(inputs).softmax(1))


def test_a_part_gets_the_same_steps_and_grows_with_its_share(ground):
    small, large = (set(part_of(ground.runs, share, 0).ids.tolist()) for share in (0.1, 0.3))
    assert (len(small), len(large)) == (3, 9)
    assert small < large
    assert budget_for(ground, 0.3).epochs == 10
    assert budget_for(ground, 0.01).epochs == 18
    with pytest.raises(ArgumentError, match="a part must have an utterance"):
        part_of(ground.runs, 0.01, 0)


def test_the_recipe_takes_the_whole_road(folder, config, tmp_path, monkeypatch):
    monkeypatch.setenv("LIMBECK_DATA", str(folder))
    run = run_in(tmp_path, config, seeds=2)
    with run.held():
        result = an4.main(config, run)
    rows = {(row["setting"], row["metric"]): row for row in result.rows}
    for setting in ("teacher", "ensemble", "twin", "student", "twin, 30% labels, early stopping", "student, 30% soft"):
        frames = rows[setting, "frame accuracy"]
        errors = rows[setting, "test errors"]
        assert frames["mean"] == pytest.approx(1 - errors["mean"] / limbeck_rows(run), abs=1e-6)
    assert rows["twin", "frame accuracy"]["paper"] == 0.589
    assert rows["student, n-gram", "WER"]["paper"] == 0.107
    assert rows["student, n-gram", "WER"]["n"] == 2
    words = sum(rows["student, uniform", kind]["values"][0] for kind in tables.KINDS)
    assert rows["student, uniform", "WER"]["values"][0] == pytest.approx(words / 11, abs=0.2)
    assert rows["student, n-gram, audio / decoding", "ratio"]["mean"] > 0
    assert [found.split(":")[0] for found in result.findings[:2]] == [
        "By held-out speakers, for the n-gram model",
        "By held-out speakers, for the uniform model",
    ]
    tried = next(found for found in result.findings if found.startswith("Wrong frames of held-out speakers"))
    assert tried.count("T = ") == 3 + 1
    assert any("of the ensemble's gain" in found or "distilled net" in found for found in result.findings)
    assert "WER" in result.table[0]
    assert result.report.exists()


def limbeck_rows(run):
    """Test frames of a run."""
    from limbeck.conclusion import read_test_set

    return len(read_test_set(run.folder))


@pytest.mark.parametrize(
    ("speakers", "words", "ids", "message"),
    [
        ("abab", (2, 0, 1, 0), range(4), "the test set must have words of each of two .*, got 3 of a, 0 of b"),
        ("aaaa", (2, 2, 1, 1), range(4), "got 6 of a"),
        ("abab", (2, 1, 3, 1), (0, 2, 99), "got 5 of a"),
        ("abab", (2, 1, 3, 1), (), "got none"),
    ],
)
def test_intervals_need_words_of_two_speakers(speakers, words, ids, message):
    frames = np.zeros((1, 2), np.float32)
    said = [utterances.Spoken("u", who, ("x",) * count, frames) for who, count in zip(speakers, words, strict=True)]
    test = utterances.gathered(said, "test set")
    with pytest.raises(DataError, match=message):
        check_speakers(test, ids, "test set")


@pytest.mark.parametrize(
    ("change", "among", "message"),
    [
        ({}, {"uniform": [0]}, "the an4 test set of the uniform model must have words of each of two"),
        ({"fractions": (1e-9,)}, None, "a part must have an utterance"),
        ({"fractions": (0.9999,)}, None, r"the 99\.99% part must take between 1 and"),
    ],
)
def test_what_no_figure_can_come_of_is_told_before_anything_is_made(ground, change, among, message):
    corpus = Corpus(ground.train, ground.test, ground.lexicon, ground.plan.start)
    parts = (ground.train, ground.held_out, ground.test)
    with pytest.raises(LimbeckError, match=message):
        prepared(corpus, parts, {}, replace(ground.plan, **change), ground.study.run, among=among)


def test_gains_are_told_by_sign():
    before, after = [Share(10, 100), Share(20, 100)], [Share(8, 100), Share(18, 100)]
    assert findings._gain_told("Its", before, after) == (
        "Its gain over the baseline: +2.0 points of frame accuracy (95% interval over speakers +2.0 to +2.0)."
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": 1}, r"members must lie in 2\.\.100, got 1"),
        ({"before": 150, "after": 50}, "together below 200"),
        ({"hidden": (0,)}, "hidden must be numbers in"),
        ({"temperatures": ()}, "temperatures must be one or more different ones"),
        ({"temperatures": (0.0,)}, r"temperature must be > 0, from .*, got 0\.0"),
        ({"temperatures": (float("nan"),)}, "temperature must be > 0"),
        ({"temperatures": (1.0, 1.0000001)}, "temperatures must be one or more different ones"),
        ({"acoustic_scales": (0.2, 0.0)}, r"acoustic in 0\.\.10 and not 0.*acoustic=0\.0"),
        ({"prior_scales": (float("inf"),)}, r"prior in 0\.\.10"),
        ({"insertion_penalties": (float("nan"),)}, "insertion_penalty within ±100"),
        ({"views": 10**11}, r"views, longer and most_times must lie in 1\.\.10,000"),
        ({"longer": 10**4, "budget": Budget(epochs=10**6)}, "epochs must be a whole number"),
        ({"hard_weights": (2.0,)}, r"must lie in 0\.\.1"),
        ({"fractions": (0.1, 0.10000001)}, "fractions must be different ones"),
        ({"fractions": (1.0,)}, "fractions must be different ones between 0 and 1"),
        ({"beam": 0.0}, "beam must be > 0"),
    ],
)
def test_a_plan_that_is_wrong_is_told_before_anything(changes, message):
    with pytest.raises(ArgumentError, match=message):
        replace(an4.An4(), **changes).check()
