"""FSDD: recordings as utterances, strings made of them, and what is refused."""

import numpy as np
import pytest

from limbeck import ArgumentError, DataError
from limbeck.data import connected, isolated, load_fsdd, load_splits, read_recordings
from limbeck.data.fsdd import DIGITS
from limbeck.data.utterances import gathered

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("kaldi_native_fbank")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "fsdd/recordings").mkdir(parents=True)
    for digit in (0, 7):
        for speaker in ("ann", "bob"):
            for number in (4, 5):
                wave = np.sin(np.arange(800 + 80 * number) * (digit + 1) / 20).astype(np.float32) / 2
                soundfile.write(tmp_path / "fsdd/recordings" / f"{digit}_{speaker}_{number}.wav", wave, 8000)
    return tmp_path


def test_recordings_are_utterances_of_one_word(folder):
    train, test = load_fsdd(folder)
    assert [train.keys[each] for each in train.ids] == ["0_ann_5", "0_bob_5", "7_ann_5", "7_bob_5"]
    assert [test.keys[each] for each in test.ids] == ["0_ann_4", "0_bob_4", "7_ann_4", "7_bob_4"]
    assert [train.transcripts[each] for each in train.ids] == [("zero",), ("zero",), ("seven",), ("seven",)]
    assert train.frames_of(train.ids[0]).shape == (15, 40)
    assert train.people == ("ann", "bob")
    recordings = {each.name: each.audio for each in read_recordings(folder)}
    for each in (*train.ids, *test.ids):
        np.testing.assert_array_equal(test.sounds[each].samples, recordings[test.keys[each]].samples)
    splits = load_splits(str(folder / "fsdd"))
    assert [len(splits.training), len(splits.test)] == [4, 4]


def test_strings_are_joined_recordings_of_one_speaker(folder):
    recordings = [each for each in read_recordings(folder) if not each.is_test]
    made = connected(recordings, count=12, digits=(2, 3), pause_s=(0.1, 0.1), seed=3)
    assert "made by joining" in made.frames.name
    assert {len(words) for words in made.transcripts} == {2, 3}
    assert {word for words in made.transcripts for word in words} == {DIGITS[0], DIGITS[7]}
    assert {key.split("-")[2] for key in made.keys} == {"ann", "bob"}
    expected = [15 * len(words) + 10 * (len(words) + 1) for words in made.transcripts]  # 0.15 s a digit, 0.1 s a pause
    assert made.frames.run_lengths.tolist() == expected
    assert [len(sound.samples) // 80 for sound in made.sounds] == expected
    again = connected(recordings, count=12, digits=(2, 3), pause_s=(0.1, 0.1), seed=3)
    assert again.frames.fingerprint == made.frames.fingerprint
    other = connected(recordings, count=1, num_filters=20, named="spare")
    assert other.keys[0].startswith("spare-0-")
    assert other.frames.inputs.shape[1] == 20


def test_sets_are_taken_apart_and_put_together(folder):
    recordings = read_recordings(folder)
    single = isolated(recordings)
    few = single.subset([1, 6], "few")
    assert [each.key for each in few.spoken()] == ["0_ann_5", "7_bob_4"]
    both = gathered([*few.spoken(), *connected(recordings, count=1).spoken()], "both")
    assert both.transcripts[:2] == (("zero",), ("seven",))
    np.testing.assert_array_equal(both.frames_of(1), single.frames_of(6))
    assert both.sounds[1] == single.sounds[6]


def test_names_may_have_any_letters(folder):
    for path in list((folder / "fsdd/recordings").glob("*_ann_*")):
        path.rename(path.with_name(path.name.replace("ann", "Zoë K.").replace(".wav", ".WAV")))
    train, test = load_fsdd(folder)
    assert train.people == test.people == ("Zoë K.", "bob")


def test_what_is_wrong_is_told(folder, tmp_path, monkeypatch):
    monkeypatch.delenv("LIMBECK_DATA", raising=False)
    with pytest.raises(DataError, match="fsdd must be on this machine"):
        load_fsdd()
    with pytest.raises(DataError, match="must hold recordings/0_SPEAKER_0.wav"):
        load_fsdd(tmp_path / "none")
    recordings = read_recordings(folder)
    with pytest.raises(ArgumentError, match="count must be >= 1"):
        connected(recordings, count=0)
    with pytest.raises(ArgumentError, match="pause_s must lie in"):
        connected(recordings, count=1, pause_s=(0.3, 0.1))
    soundfile.write(folder / "fsdd/recordings/0_ann_6.wav", np.zeros(100, np.float32), 16000)
    with pytest.raises(DataError, match="must have 8000 samples a second"):
        load_fsdd(folder)
    soundfile.write(folder / "fsdd/recordings/0_ann_6.wav", np.zeros(30, np.float32), 8000)
    with pytest.raises(DataError, match="0_ann_6.wav must be long enough for a frame, it has 30 samples"):
        load_fsdd(folder)
    (folder / "fsdd/recordings/0_ann_6.wav").rename(folder / "fsdd/recordings/x.wav")
    with pytest.raises(DataError, match="must be named DIGIT_SPEAKER_NUMBER.wav"):
        load_fsdd(folder)
