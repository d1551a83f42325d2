"""CLINC150: short sentences to a voice assistant, 150 intents in ten domains (Larson et al. 2019, EMNLP).

A sentence is told by which of the training sentences' commonest words and pairs of words are in it: 0 or 1 each, so the
same everywhere. What it asks for is its class. Sentences outside all intents are left out.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from limbeck.data.images import ENVIRONMENT
from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError, DataError

FILE, DOMAINS = "data_full.json", "domains.json"
SPLITS = {"train": ("training", 15_000), "val": ("validation", 3_000), "test": ("test", 4_500)}
INTENTS, MOST_WORDS = 150, 100_000
ORIGIN = "https://github.com/clinc/oos-eval"
HINT = f"give the folder with --data DIR or {ENVIRONMENT}: it holds {FILE} and {DOMAINS} of {ORIGIN} (folder data)"


class Sentences(NamedTuple):
    """The three splits of one source, and the domain of each class."""

    train: TransferSet
    validation: TransferSet
    test: TransferSet
    domains: tuple[str, ...]


def load_clinc150(folder: str | Path | None = None, words: int = 3000) -> Sentences:
    """Return CLINC150's sentences as uint8 (examples, words), 1 for each of the commonest words that is in it.

    `folder`, or else the environment's LIMBECK_DATA, holds data_full.json and domains.json, itself or in a folder
    `clinc150`. There is no download: the files are in a repository.

    Args:
        folder: where the files are.
        words: how many words and pairs of neighbouring words are told apart, the commonest in the training sentences.

    Raises:
        DataError: a file is missing or not what it should be.
        ArgumentError: `words` outside 1..100,000.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    if not 1 <= words <= MOST_WORDS:
        raise ArgumentError(f"words must lie in 1..{MOST_WORDS:,}, got {words}")
    told, domain_of = _read(_place(folder))
    names = tuple(sorted(domain_of))
    vectorizer = CountVectorizer(binary=True, ngram_range=(1, 2), max_features=words)
    vectorizer.fit(sentence for sentence, _ in told["train"])
    every: list[tuple[str, str]] = [pair for split in SPLITS for pair in told[split]]
    counts: Any = vectorizer.transform(sentence for sentence, _ in every)
    labels = torch.tensor([names.index(intent) for _, intent in every])
    source = TransferSet(torch.from_numpy(counts.astype(np.uint8).toarray()), labels, names, name="clinc150")
    ends = np.cumsum([count for _, count in SPLITS.values()]).tolist()
    parts = zip(SPLITS.values(), ends, strict=True)
    train, validation, test = (
        source.subset(torch.arange(end - count, end), f"clinc150 {name} set") for (name, count), end in parts
    )
    return Sentences(train, validation, test, tuple(domain_of[name] for name in names))


def _place(folder: str | Path | None) -> Path:
    chosen = folder or os.environ.get(ENVIRONMENT)
    if not chosen:
        raise DataError("clinc150 must be on this machine, no folder was given", HINT)
    places = (Path(chosen) / "clinc150", Path(chosen))
    place = next((place for place in places if (place / FILE).is_file()), None)
    if place is None:
        raise DataError(f"{chosen} must hold {FILE}, it is not there", HINT)
    return place


def _read(place: Path) -> tuple[dict[str, list[tuple[str, str]]], dict[str, str]]:
    """Return each split's (sentence, intent), and each intent's domain."""
    try:
        full, domains = (json.loads((place / name).read_text("utf-8")) for name in (FILE, DOMAINS))
        domain_of = {intent: domain for domain, intents in domains.items() for intent in intents}
        told = {split: [(str(sentence), intent) for sentence, intent in full[split]] for split in SPLITS}
        counts = {split: len(own) for split, own in told.items()}
        intents = {intent for own in told.values() for _, intent in own}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{place} must hold CLINC150's two files: {type(error).__name__}: {error}", HINT) from error
    due = {split: count for split, (_, count) in SPLITS.items()}
    if counts != due or len(domain_of) != INTENTS or intents != set(domain_of):
        raise DataError(
            f"clinc150 must hold {due} sentences of {INTENTS} intents, each in a domain, got {counts} of "
            f"{len(intents)}",
            HINT,
        )
    return told, domain_of
