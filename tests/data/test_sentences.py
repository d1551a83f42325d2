"""CLINC150: words of a sentence, one source for three splits, and every way in which the files can be wrong."""

import json
import os
from pathlib import Path

import pytest
import torch

from limbeck import ArgumentError, DataError
from limbeck.data import load_clinc150, load_splits
from limbeck.data.sentences import DOMAINS, FILE

INTENTS = [f"intent{number}" for number in range(150)]
EACH = {"train": 100, "val": 20, "test": 30}


def write(folder, *, change=lambda full, domains: None):
    """Files of CLINC150's form: sentence k of an intent is 'please INTENT times k'."""
    full = {
        split: [[f"please {name} times{k}", name] for name in INTENTS for k in range(n)] for split, n in EACH.items()
    }
    full["oos_val"] = [["what is it", "oos"]]
    domains = {f"domain{d}": INTENTS[15 * d : 15 * d + 15] for d in range(10)}
    change(full, domains)
    (folder / FILE).write_text(json.dumps(full))
    (folder / DOMAINS).write_text(json.dumps(domains))


def test_a_sentence_is_told_by_its_words_and_pairs_of_words(tmp_path):
    (tmp_path / "clinc150").mkdir()
    write(tmp_path / "clinc150")
    told = load_clinc150(tmp_path, words=400)
    assert [len(part) for part in (told.train, told.validation, told.test)] == [15_000, 3_000, 4_500]
    assert told.train.inputs is told.test.inputs
    assert not torch.isin(told.test.ids, told.train.ids).any()
    first = told.train.at(told.train.ids[:1])
    assert (first.dtype, first.shape, int(first.max())) == (torch.uint8, (1, 400), 1)
    assert int(first.sum()) >= 3  # please, intent0, 'please intent0'; 'times0' and its pair where there is room
    labels = told.train.labels_to_judge()
    assert told.train.class_names == tuple(sorted(INTENTS))
    assert [told.train.class_names[label] for label in labels[::100][:3]] == ["intent0", "intent1", "intent2"]
    assert labels.bincount().tolist() == [100] * 150
    assert told.domains[told.train.class_names.index("intent149")] == "domain9"
    again = load_clinc150(tmp_path / "clinc150", words=400)
    assert again.train.fingerprint == told.train.fingerprint


def test_they_have_a_name_and_splits_of_their_own(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setenv("LIMBECK_DATA", str(tmp_path))
    named, found = load_splits("clinc150"), load_splits(str(tmp_path))
    for splits in (named, found):
        assert splits.validation is not None
        assert splits.test is not None
        assert [len(part) for part in (splits.training, splits.validation, splits.test)] == [15_000, 3_000, 4_500]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda full, _: full.pop("val"), "KeyError: 'val'"),
        (lambda full, _: full["test"].pop(), r"must hold .* got .*'test': 4499"),
        (lambda full, _: full.update(train=7), "TypeError"),
        (lambda full, _: full["train"][0].__setitem__(1, "other"), "got .* of 151"),
        (lambda _, domains: domains.pop("domain3"), "each in a domain"),
    ],
)
def test_files_that_are_not_clinc150s_are_refused(tmp_path, change, message):
    write(tmp_path, change=change)
    with pytest.raises(DataError, match=message):
        load_clinc150(tmp_path)


def test_what_is_missing_is_said_with_the_way_to_it(tmp_path, monkeypatch):
    monkeypatch.delenv("LIMBECK_DATA", raising=False)
    with pytest.raises(DataError, match=f"must hold {FILE}") as told:
        load_clinc150(tmp_path)
    assert "domains.json" in str(told.value)
    with pytest.raises(DataError, match="no folder was given"):
        load_clinc150()
    (tmp_path / FILE).write_text("{")
    with pytest.raises(DataError, match="must hold CLINC150's two files"):
        load_clinc150(tmp_path)
    with pytest.raises(ArgumentError, match=r"words must lie in 1\.\.100,000, got 0"):
        load_clinc150(tmp_path, words=0)


REAL = Path(os.environ.get("LIMBECK_DATA") or "nowhere")


@pytest.mark.skipif(
    not any((REAL / place / FILE).is_file() for place in ("clinc150", ".")),
    reason="needs CLINC150: LIMBECK_DATA names the folder that holds data_full.json and domains.json",
)
def test_the_real_sentences():
    told = load_clinc150()
    assert told.train.labels_to_judge().bincount().tolist() == [100] * 150
    assert sorted(set(told.domains))[:2] == ["auto_and_commute", "banking"]
    assert 5 < told.train.at(told.train.ids).float().sum(1).mean() < 30
