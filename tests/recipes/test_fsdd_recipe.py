"""The recipe of spoken digits: parts that don't mix, two tasks, one front end."""

from dataclasses import replace

import numpy as np
import pytest
from made_speech import write_fsdd

from limbeck import ArgumentError, DataError
from limbeck.data import read_recordings
from limbeck.data.audio import Audio
from limbeck.data.filterbanks import filterbanks
from limbeck.recipes import fsdd
from limbeck.recipes.fsdd import CONNECTED, ISOLATED, Fsdd

pytest.importorskip("kaldi_native_fbank")
pytest.importorskip("soundfile")

CONFIG = replace(Fsdd().smoke(), held_out=1, strings=(12, 4, 3))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_fsdd(folder / "fsdd")
    return read_recordings(folder)


def test_strings_are_of_their_own_parts_recordings(recordings, monkeypatch):
    drawn = []
    monkeypatch.setattr("limbeck.data.connected", lambda own, **options: drawn.append(own) or made(own, **options))
    made = fsdd.limbeck.data.fsdd.connected
    *parts, among = fsdd.parted(recordings, CONFIG)
    assert [{each.number for each in own} for own in drawn] == [{6, 7}, {5}, {0}]
    assert [len(each) for each in parts] == [40 + 12, 20 + 4, 20 + 3]
    assert [each.frames.name for each in parts] == ["fsdd training set", "held-out recordings", "fsdd test set"]
    train, held_out, test = (set(each.ids) for each in parts)
    assert not train & held_out | train & test | held_out & test
    assert among[ISOLATED] | among[CONNECTED] == train | held_out | test
    for number, part in enumerate(parts):
        for each in part.ids:
            single = len(part.transcripts[each]) == 1
            assert (each in among[ISOLATED], each in among[CONNECTED]) == (single, not single)
            assert part.keys[each].startswith(f"made{number}-") is not single
    again = fsdd.parted(recordings, CONFIG)
    assert again[0].frames.fingerprint == parts[0].frames.fingerprint


def test_features_are_normalised_by_the_training_frames(recordings):
    from limbeck.hybrid.front import Front

    train, _, test, _ = fsdd.parted(recordings, CONFIG)
    front = Front.fitted(train, 8000, CONFIG)
    seen = front.normalised(train)
    own = np.concatenate([seen.frames_of(each) for each in seen.ids])
    np.testing.assert_allclose(own.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(own.std(0), 1, atol=1e-4)
    [recording] = [each for each in recordings if each.name == "3_bob_0"]
    windows = front.windows(recording.audio, "3_bob_0")
    frames = front.normalised(test).frames_of(test.keys.index("3_bob_0"))
    np.testing.assert_allclose(windows.at(windows.ids)[:, CONFIG.before], frames, atol=1e-6)
    with_slopes = Front.fitted(train, 8000, replace(CONFIG, slopes=True))
    assert with_slopes.windows(recording.audio, "").at(windows.ids).shape[2] == 3 * 40


def test_loudness_and_digital_silence_tell_nothing(recordings):
    from limbeck.hybrid.front import LOWEST, levelled

    sound = recordings[3].audio.samples
    frames = filterbanks(Audio(sound, 8000))
    even = levelled(frames)
    np.testing.assert_allclose(levelled(filterbanks(Audio(sound / 8, 8000))), even, atol=1e-3)
    assert np.sort(frames.mean(1))[-5] == pytest.approx(float((frames - even)[even > LOWEST].max()), abs=1e-4)
    silent = levelled(filterbanks(Audio(np.concatenate([sound, np.zeros(4000, np.float32)]), 8000)))
    np.testing.assert_allclose(silent[: len(frames) - 2], even[:-2], atol=1e-4)
    assert (silent[-40:] == LOWEST).all()
    assert levelled(frames[:3]).shape == (3, 40)


@pytest.mark.parametrize(
    "changes", [{"held_out": 0}, {"held_out": 41}, {"strings": (10, 0, 10)}, {"strings": (10**11, 1, 1)}]
)
def test_a_plan_that_is_wrong_is_told(changes):
    with pytest.raises(ArgumentError, match=r"held_out must lie in 1\.\.40 and strings in 1\.\.100,000"):
        replace(Fsdd(), **changes).check()
    with pytest.raises(ArgumentError, match="voices must be none where features are not cepstra"):
        replace(Fsdd(), voices=(1.0,)).check()


@pytest.mark.parametrize(
    ("left", "message"),
    [
        (lambda each: each.digit != 3, "fsdd training set must have recordings of each digit, there are none of three"),
        (lambda each: each.number < 6, "fsdd training set must have .*, there are none of zero, one, two"),
        (lambda each: each.number != 5, "held-out recordings must have recordings of each digit"),
        (lambda each: (each.number, each.digit) != (0, 9), "fsdd test set must have .* none of nine"),
    ],
)
def test_half_a_corpus_is_told(recordings, left, message):
    with pytest.raises(DataError, match=message):
        fsdd.parted([each for each in recordings if left(each)], CONFIG)
