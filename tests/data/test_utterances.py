"""Utterances: held-out speakers, normalisation, and what is refused."""

import numpy as np
import pytest
import torch

from limbeck import ArgumentError
from limbeck.data.utterances import STILL, Spoken, gathered

LENGTHS = {"a1": 5, "b1": 3, "a2": 4, "c1": 6, "b2": 2, "d1": 3}


def some(features=2):
    random = np.random.default_rng(0)
    spoken = [
        Spoken(key, key[0], (key.upper(),), random.normal(3, 2, (length, features)).astype(np.float32))
        for key, length in LENGTHS.items()
    ]
    return gathered(spoken, "some")


def test_they_lie_one_after_the_other():
    found = some()
    assert len(found) == 6
    assert found.people == ("a", "b", "c", "d")
    assert found.frames.run_lengths.tolist() == list(LENGTHS.values())
    assert np.array_equal(found.frames_of(2), found.frames.inputs[8:12].numpy())
    assert found.frames.origin_of(8) == "a2, frame 1"
    assert found.transcripts[3] == ("C1",)


def test_speakers_are_held_out_whole_and_the_same_ones_for_a_seed():
    found = some()
    rest, held = found.hold_out(2, seed=1)
    assert not set(rest.people) & set(held.people)
    assert len(held.people) == 2
    assert sorted([*rest.ids, *held.ids]) == found.ids
    assert found.hold_out(2, seed=1)[1].ids == held.ids
    assert {found.hold_out(1, seed=seed)[1].people for seed in range(20)} == {("a",), ("b",), ("c",), ("d",)}
    assert rest.frames.inputs is found.frames.inputs
    assert held.whole().ids == found.ids
    for number in (0, 4):
        with pytest.raises(ArgumentError, match=r"speakers held out must lie in 1\.\.3"):
            found.hold_out(number)


def test_each_speakers_frames_have_mean_0_and_deviation_1():
    normalised = some().normalised("speaker")
    for speaker in "abcd":
        own = np.concatenate([normalised.frames_of(each) for each in normalised.of_speakers({speaker}, "own").ids])
        np.testing.assert_allclose(own.mean(0), 0, atol=1e-6)
        np.testing.assert_allclose(own.std(0), 1, rtol=1e-5)


def test_all_frames_are_moved_by_what_those_of_the_set_say():
    found = some()
    part = found.of_speakers({"a", "c"}, "part")
    normalised = part.normalised("all")
    own = np.concatenate([normalised.frames_of(each) for each in part.ids])
    np.testing.assert_allclose(own.mean(0), 0, atol=1e-6)
    raw = np.concatenate([found.frames_of(each) for each in part.ids]).astype(np.float64)
    expected = (found.frames_of(1) - raw.mean(0)) / raw.std(0)
    np.testing.assert_allclose(normalised.frames_of(1), expected, rtol=1e-5)


def test_a_feature_that_does_not_move_stays_finite():
    still = gathered([Spoken("s", "s", (), np.ones((4, 1), np.float32))], "still").normalised()
    assert still.frames.inputs.abs().max() < STILL


def test_changed_frames_are_changed_utterance_by_utterance():
    found = some()
    turned = found.changed(lambda frames: frames[::-1])
    assert np.array_equal(turned.frames_of(3), found.frames_of(3)[::-1])


def test_what_is_refused():
    found = some()
    with pytest.raises(ArgumentError, match="must have the same features, got \\[2, 3\\]"):
        gathered([Spoken("x", "x", (), np.zeros((2, n), np.float32)) for n in (2, 3)], "mixed")
    with pytest.raises(ArgumentError, match="the mixed must have utterances, got none"):
        gathered([], "mixed")
    with pytest.raises(ArgumentError, match="must be 6, one a run, got \\[5, 6, 6, 6\\]"):
        type(found)(found.frames, found.keys[1:], found.speakers, found.transcripts)
    doubled = type(found.frames)(found.frames.inputs.double(), run_lengths=torch.tensor([23]))
    with pytest.raises(ArgumentError, match="must be runs of float32 frames"):
        type(found)(doubled, ("x",), ("x",), ((),))
