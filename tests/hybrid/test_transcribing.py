"""Files of tones through a finished run: words, times, confidence, and what is refused."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_speech import tones, write_fsdd

from limbeck import ArgumentError, DataError, RunError
from limbeck.acoustic import Lexicon, monophones
from limbeck.acoustic.paths import BestPath
from limbeck.budget import Budget, StartBudget
from limbeck.hybrid.transcriber import KEPT, load_transcriber
from limbeck.hybrid.transcribing import Listener, least_frames, phone_probs
from limbeck.progress import Progress
from limbeck.recipes import fsdd
from limbeck.runs import Run
from limbeck.tensor_files import load_tensors, save_tensors

for package in ("kaldi_hmm_gmm", "soundfile", "onnxscript"):
    pytest.importorskip(package)
soundfile = pytest.importorskip("soundfile")
LIMBECK = Path(sys.executable).with_name("limbeck")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fsdd")
    write_fsdd(folder / "data/fsdd")
    config = replace(
        fsdd.Fsdd().smoke(),
        held_out=1,
        strings=(25, 4, 4),
        before=2,
        after=2,
        hidden=(48,),
        start=StartBudget(60, 4, 100, 1, 60, 2),
        budget=Budget(epochs=8, batch_size=4, learning_rate=1e-2, precision="32-true"),
        drawn="utterances",
        dropout=0.0,
        pace=0.0,
        views=1,
        longer=1,
        beam=16.0,
    )
    own = Run("fsdd", config, folder / "run", 1, folder / "data", Progress(), "limbeck run fsdd", folder, ship=True)
    with own.held():
        result = fsdd.main(config, own)
    rows = {(row["setting"], row["metric"]): row["values"] for row in result.rows}
    assert rows["student, isolated", "WER"][0] < 0.1
    assert rows["student, connected", "WER"][0] < 0.1
    assert "paper's" not in " ".join(result.table[0])
    return folder / "run"


def spoken(path, digits=(7, 3, 0), rate=8000):
    """A file of digits; and the seconds at which each recording begins."""
    random = np.random.default_rng(5)
    parts = [tones(digit, random) for digit in digits]
    pauses = [random.normal(0, 1e-3, 800).astype(np.float32) for _ in parts]
    soundfile.write(path, np.concatenate([each for pair in zip(pauses, parts, strict=True) for each in pair]), rate)
    lengths = [len(pause) + len(part) for pause, part in zip(pauses, parts, strict=True)]
    return np.cumsum([0, *lengths]) / 8000


def test_words_are_heard_when_they_are_said(run, tmp_path):
    edges = spoken(tmp_path / "a.wav")
    heard = Listener(run).transcript(tmp_path / "a.wav")
    assert heard.text == "seven three zero"
    assert heard.seconds == pytest.approx(edges[-1])
    for word, begin, end in zip(heard.words, edges, edges[1:], strict=False):
        assert begin + 0.1 < word.start < begin + 0.18  # the pause, and a recording's own beginning
        assert end - 0.07 < word.end <= end
        assert 0.5 < word.confidence <= 1
    alone = Listener(run, "isolated").transcript(tmp_path / "a.wav")
    assert len(alone.words) == 1
    with pytest.raises(ArgumentError, match="language must be one of isolated, connected, got 'n-gram'"):
        Listener(run, "n-gram")


def test_the_verb_prints_and_goes_on_after_a_file_that_is_none(run, tmp_path):
    spoken(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_text("no sound")
    command = [LIMBECK, "transcribe", run, "a.wav", "b.wav", "a.wav", "c.wav"]
    told = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=tmp_path)
    assert told.returncode == 2
    first, second = json.loads(told.stdout)
    assert first == second
    assert first["file"] == "a.wav"
    assert first["text"] == "seven three zero"
    assert [each["word"] for each in first["words"]] == ["seven", "three", "zero"]
    assert first["words"][0].keys() == {"word", "start", "end", "confidence"}
    assert told.stderr.splitlines() == [
        "error: files must be heard, these were not:",
        "b.wav must be an audio file: Format not recognised.",
        "c.wav must be there, it can't be read: No such file or directory",
    ]


def test_no_word_ends_after_its_file(run, tmp_path):
    sound = tones(7, np.random.default_rng(0))
    ends = {}
    for cut in range(40, 80, 5):  # the last frame, of 80 samples, is told of from half of it on
        soundfile.write(tmp_path / "a.wav", sound[: -400 - cut], 8000)
        heard = Listener(run, "isolated").transcript(tmp_path / "a.wav")
        ends[cut] = heard.seconds - heard.words[-1].end
    assert min(ends.values()) >= 0


def wave(path, *shape, rate=8000, scale=0.0):
    soundfile.write(path, np.random.default_rng(0).normal(0, 1, shape) * scale, rate)


def truncated(path):
    spoken(path)
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b""), "must hold sound, it is empty"),
        (lambda path: path.write_bytes(b"RIFF\x00\x00"), "must be an audio file"),
        (lambda path: path.write_text("words"), "must be an audio file: Format not recognised"),
        (truncated, "must be whole"),
        (lambda path: wave(path, 0), "must hold sound, it has no samples"),
        (lambda path: wave(path, 8000, 2), "must have one channel, it has 2"),
        (lambda path: spoken(path, rate=16000), "must have 8000 samples a second, it has 16000"),
        (lambda path: wave(path, 30, scale=0.1), "must be long enough for"),
        (lambda path: wave(path, 300, scale=0.1), "must be long enough for a word, it has 0.04 s"),
        (
            lambda path: wave(path, 8000),
            "must hold speech, its loudest 25 ms must be above -60 dB of full scale, got quite silent",
        ),
        (
            lambda path: wave(path, 8000, scale=1e-4),
            "must hold speech, its loudest 25 ms must be above -60 dB of full scale, got -7",
        ),
        (lambda path: path.mkdir(), "must be there, it can't be read: Is a directory"),
    ],
)
def test_files_that_hold_no_word_are_refused(run, tmp_path, write, message):
    path = tmp_path / "x.wav"
    write(path)
    with pytest.raises(DataError) as told:
        Listener(run).transcript(path)
    assert message in told.value.message
    assert "\n" not in told.value.message


def test_a_run_without_a_transcriber_is_told(run, tmp_path):
    with pytest.raises(RunError, match=f"has no {KEPT}"):
        load_transcriber(tmp_path)
    shutil.copy(run / KEPT, tmp_path)
    with pytest.raises(RunError, match="student.onnx is missing, or not the file that the run shipped"):
        load_transcriber(tmp_path)
    (tmp_path / "student.onnx").write_bytes((run / "student-int8.onnx").read_bytes())
    with pytest.raises(RunError, match="student.onnx is missing, or not the file that the run shipped"):
        load_transcriber(tmp_path)
    tensors, told = load_tensors(run / KEPT)
    save_tensors(tmp_path / KEPT, tensors, {**told, "format": 9})
    with pytest.raises(RunError, match="must have format 1, it has 9"):
        load_transcriber(tmp_path)
    save_tensors(tmp_path / KEPT, tensors, {name: each for name, each in told.items() if name != "scales"})
    with pytest.raises(RunError, match="is damaged: KeyError: 'scales'"):
        load_transcriber(tmp_path)
    done = subprocess.run([LIMBECK, "transcribe", tmp_path, "a.wav"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "run.json" in done.stderr


def test_a_words_confidence_is_that_of_its_phones():
    states = monophones(3)
    probs = np.array([[0.5, 0.2, 0.1, 0.2, 0, 0, 0, 0, 0], [0.1, 0, 0, 0.3, 0.4, 0, 0, 0, 0.2]], np.float32)
    np.testing.assert_allclose(phone_probs(BestPath(np.array([1, 3]), [], 0.0), probs, states), [0.8, 0.7], rtol=1e-6)
    certain = np.full((1, 9), 1 / 3, np.float32) * np.float32(1.0001)
    assert phone_probs(BestPath(np.array([0]), [], 0.0), certain, states).tolist() == [1]
    assert least_frames(Lexicon((("x", ("P", "Q")), ("x", ("P",))))) == 3
