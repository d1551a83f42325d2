"""AN4: from Parquet files, from audio, and every way in which the files can be wrong."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from limbeck import DataError
from limbeck.data import load_an4, load_splits

SAID = {
    "train": {"an4_clstk/fash/an251-fash-b": "YES", "an4_clstk/gmno/cen1-gmno-b": "A YES"},
    "test": {"an4test_clstk/fcaw/an406-fcaw-b": "A"},
}


def write(folder, *, frames=5, said=SAID, dictionary="A  AH\nA(2)  EY\nYES  Y EH S\n"):
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/an4.dic").write_text(dictionary)
    (folder / "etc/an4.ug.lm").write_text("\\data\\\n")
    for split, own in said.items():
        lines = [f"<s> {text} </s> ({key.split('/')[-1]})" for key, text in own.items()]
        (folder / f"etc/an4_{split}.transcription").write_text("\n".join(lines))
        (folder / f"etc/an4_{split}.fileids").write_text("\n".join(own))
        values = [np.arange(13 * 5, dtype=np.float32) + place for place in range(len(own))]
        columns = {"key": list(own), "text": list(own.values()), "num_frames": [frames] * len(own), "mfcc": values}
        parquet.write_table(pa.table(columns), folder / f"{split}.parquet")


def test_utterances_come_from_tables(tmp_path):
    write(tmp_path / "an4")
    found = load_an4(tmp_path)
    assert (len(found.train), len(found.test)) == (2, 1)
    assert found.train.frames.inputs is found.test.frames.inputs
    assert found.train.speakers == ("fash", "gmno", "fcaw")
    assert found.train.transcripts == (("YES",), ("A", "YES"), ("A",))
    assert np.array_equal(found.train.frames_of(1), np.arange(65, dtype=np.float32).reshape(5, 13) + 1)
    assert found.pronunciations == (("A", ("AH",)), ("A", ("EY",)), ("YES", ("Y", "EH", "S")))
    assert found.language_model == "\\data\\\n"


def test_a_mark_before_the_first_letter_is_none_of_it(tmp_path):
    write(tmp_path, dictionary="\ufeffA  AH\r\nA(2)  EY\r\nYES  Y EH S\r\n")
    assert load_an4(tmp_path).pronunciations[0] == ("A", ("AH",))


def test_its_frames_have_a_name_and_splits_and_no_labels(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setenv("LIMBECK_DATA", str(tmp_path))
    for splits in (load_splits("an4"), load_splits(str(tmp_path))):
        assert [len(splits.training), len(splits.test)] == [2, 1]
        assert splits.training.num_rows == 10
        assert splits.training.labels is None


@pytest.mark.parametrize("ending", ["sph", "wav", "raw"])
def test_features_are_computed_from_audio(tmp_path, ending):
    soundfile = pytest.importorskip("soundfile")
    pytest.importorskip("kaldi_native_fbank")
    write(tmp_path)
    for split, own in SAID.items():
        (tmp_path / f"{split}.parquet").unlink()
        for key in own:
            path = tmp_path / "wav" / f"{key}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            wave = (8000 * np.sin(np.arange(3200) / 7)).astype(np.int16)
            if ending == "raw":
                path.write_bytes(wave.tobytes())
            else:
                soundfile.write(path, wave, 16000, format={"sph": "NIST", "wav": "WAV"}[ending])
    found = load_an4(tmp_path)
    assert found.train.frames.run_lengths.tolist() == [20, 20, 20]
    assert found.train.frames.inputs.shape == (60, 13)
    assert found.train.transcripts == (("YES",), ("A", "YES"), ("A",))
    assert [each and each.rate for each in found.test.sounds] == [None, None, 16000]  # tests are listened to
    if ending != "raw":
        soundfile.write(path, wave, 8000, format={"sph": "NIST", "wav": "WAV"}[ending])
        with pytest.raises(DataError, match=f"fcaw-b.{ending}: cepstra up to 6800 Hz need 13600 samples a second"):
            load_an4(tmp_path)
    next((tmp_path / "wav").rglob(f"*gmno-b.{ending}")).unlink()
    with pytest.raises(DataError, match="must hold an4_clstk/gmno/cen1-gmno-b as one of"):
        load_an4(tmp_path)


def test_what_is_wrong_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("LIMBECK_DATA", raising=False)
    with pytest.raises(DataError, match="an4 must be on this machine, no folder was given"):
        load_an4()
    with pytest.raises(DataError, match="must hold etc/an4.dic, it is not there"):
        load_an4(tmp_path)
    write(tmp_path / "frames", frames=4)
    with pytest.raises(DataError, match="fash-b of train.parquet must have 4 frames of 13 finite numbers"):
        load_an4(tmp_path / "frames")
    write(tmp_path / "words", dictionary="A  AH\n")
    with pytest.raises(DataError, match="must have all words, an4_clstk/fash/an251-fash-b says YES"):
        load_an4(tmp_path / "words")
    write(tmp_path / "phones", dictionary="A\n")
    with pytest.raises(DataError, match="a dictionary's line must be a word and its phones, got 'A'"):
        load_an4(tmp_path / "phones")
    write(tmp_path / "folder", said={**SAID, "test": {"an406-fcaw-b": "A"}})
    with pytest.raises(DataError, match="an utterance's key must be SPEAKER/NAME, perhaps in more folders, got 'an406"):
        load_an4(tmp_path / "folder")
    write(tmp_path / "twice", said={**SAID, "test": {"an4_clstk/fash/an251-fash-b": "A"}})
    with pytest.raises(DataError, match="must have each utterance once, an4_clstk/fash/an251-fash-b is there 2 times"):
        load_an4(tmp_path / "twice")
    write(tmp_path / "none", said={**SAID, "test": {}})
    with pytest.raises(DataError, match="test.parquet must have a value of key, text, num_frames, mfcc in each row"):
        load_an4(tmp_path / "none")
    write(tmp_path / "null", said={**SAID, "test": {"an4test_clstk/fcaw/an406-fcaw-b": None}})
    with pytest.raises(DataError, match="test.parquet must have a value of text in each row"):
        load_an4(tmp_path / "null")
    write(tmp_path / "columns")
    words = {name: ["x"] for name in ("key", "text", "num_frames", "mfcc")}
    parquet.write_table(pa.table(words), tmp_path / "columns/train.parquet")
    with pytest.raises(DataError, match="must hold AN4's files"):
        load_an4(tmp_path / "columns")
    parquet.write_table(pa.table({"key": ["x"]}), tmp_path / "columns/train.parquet")
    with pytest.raises(DataError, match="must hold AN4's files"):
        load_an4(tmp_path / "columns")


@pytest.mark.skipif(not Path(os.environ.get("LIMBECK_DATA", "/none"), "an4").is_dir(), reason="no AN4 here")
def test_the_real_one():
    found = load_an4()
    assert (len(found.train), len(found.test)) == (948, 130)
    assert (len(found.train.people), len(found.test.people)) == (74, 10)
    assert found.train.frames.inputs.shape == (289_252, 13)
    assert sum(len(found.test.transcripts[each]) for each in found.test.ids) == 773
