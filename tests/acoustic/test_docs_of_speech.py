"""The program of docs/speech.md runs, and what it makes is what it says."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from made_speech import FEATURES, LEXICON, made_utterances
from pyarrow import parquet

for package in ("kaldi_hmm_gmm", "kaldi_decoder", "kaldilm"):
    pytest.importorskip(package)

DOCS = Path(__file__).parents[2] / "docs/speech.md"
BLOCK = re.compile(r"<!-- this block runs in the tests -->\n```python\n(.*?)```", re.DOTALL)


def write(folder, count):
    """Made speech in AN4's form."""
    (folder / "etc").mkdir(parents=True)
    named = [f"{word}  {' '.join(phones)}" for word, phones in LEXICON.pronunciations]
    (folder / "etc/an4.dic").write_text("\n".join(named).replace("cab  C B", "cab(2)  C B"))
    (folder / "etc/an4.ug.lm").write_text("")
    utterances, _ = made_utterances(count)
    for split, ids in (("train", range(4, count)), ("test", range(4))):
        frames = [np.pad(utterances.frames_of(each), ((0, 0), (0, 13 - FEATURES))).ravel() for each in ids]
        columns = {
            "key": [f"made/{utterances.speakers[each]}/{each}" for each in ids],
            "text": [" ".join(utterances.transcripts[each]) for each in ids],
            "num_frames": [len(each) // 13 for each in frames],
            "mfcc": frames,
        }
        parquet.write_table(pa.table(columns), folder / f"{split}.parquet")


def test_the_program_runs(tmp_path, monkeypatch):
    write(tmp_path / "an4", 30)
    monkeypatch.setenv("LIMBECK_DATA", str(tmp_path))
    [program] = BLOCK.findall(DOCS.read_text("utf-8"))
    made = {}
    exec(program, made)
    start, labelled = made["start"], made["labelled"]
    assert len(start.states) <= 30
    assert labelled.has_labels
    assert not labelled.partly_labelled
    assert len(start.alignments) == 30
    acoustic = __import__("limbeck").acoustic
    scores = {}
    for each in made["test"].ids:  # a net that is never wrong: the truth of the alignment
        states = start.alignments[each]
        log_probs = np.full((len(states), len(start.states)), -9.0, np.float32)
        log_probs[np.arange(len(states)), states] = 0
        scores[each] = acoustic.frame_scores(log_probs, start.priors, acoustic.Scales(1.0, 0.0))
    heard = acoustic.hear(made["graph"], scores, made["test"], made["lexicon"])
    assert heard.total.count == 0
