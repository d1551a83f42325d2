"""The program of docs/speech.md runs, and what it makes is what it says."""

import re
from pathlib import Path

import numpy as np
import pytest
from made_speech import write_an4

for package in ("kaldi_hmm_gmm", "kaldi_decoder", "kaldilm"):
    pytest.importorskip(package)

DOCS = Path(__file__).parents[2] / "docs/speech.md"
BLOCK = re.compile(r"<!-- this block runs in the tests -->\n```python\n(.*?)```", re.DOTALL)


def test_the_program_runs(tmp_path, monkeypatch):
    write_an4(tmp_path / "an4", 30)
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
