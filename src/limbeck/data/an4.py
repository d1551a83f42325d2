"""AN4, CMU's census data (1991): letters, digits and control words, 74 speakers to train on and 10 to test on.

Its features, 13 cepstra at 100 frames a second, come in Parquet files; from a folder of its audio (`wav`, as .sph,
.wav or .raw) they are computed here.
"""

import os
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from limbeck.data.audio import AUDIO, Audio, read_audio
from limbeck.data.filterbanks import CEPSTRA, cepstra
from limbeck.data.images import ENVIRONMENT
from limbeck.data.utterances import Frames, Spoken, Utterances, Words, gathered
from limbeck.errors import DataError

SPLITS = ("train", "test")
LEXICON, LANGUAGE_MODEL = "etc/an4.dic", "etc/an4.ug.lm"
ORIGIN = "http://www.speech.cs.cmu.edu/databases/an4"
HINT = (
    f"give the folder with --data DIR or {ENVIRONMENT}: it holds etc and either train.parquet and test.parquet "
    f"(columns key, text, num_frames, mfcc) or wav, the audio of {ORIGIN}"
)
LINE = re.compile(r"(?P<words>.*)\((?P<name>[^()]+)\)\s*")
MARKS = {"<s>", "</s>", "<sil>"}


class An4(NamedTuple):
    """Both splits of one source, the pronunciations of its words, and its own language model."""

    train: Utterances
    test: Utterances
    pronunciations: tuple[tuple[str, Words], ...]
    """(word, phones), in the dictionary's order; a word may have several."""
    language_model: str
    """ARPA's form."""


def load_an4(folder: str | Path | None = None) -> An4:
    """Return AN4's utterances as frames of 13 cepstra, with its dictionary and language model.

    `folder`, or else the environment's LIMBECK_DATA, holds the files, itself or in a folder `an4`.

    Raises:
        DataError: a file is missing or not what it should be, or there is audio and no package to read it.
    """
    import pyarrow as pa

    place = _place(folder)
    try:
        spoken = {split: _from_tables(place, split) if _has_tables(place) else _heard(place, split) for split in SPLITS}
        pronunciations = read_pronunciations(_text(place / LEXICON))
        language_model = _text(place / LANGUAGE_MODEL)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:  # the last of a column that can't be cast
        raise DataError(f"{place} must hold AN4's files: {type(error).__name__}: {error}", HINT) from error
    times = Counter(each.key for own in spoken.values() for each in own)
    twice = [key for key, count in times.items() if count > 1]
    if twice:
        raise DataError(f"{place} must have each utterance once, {twice[0]} is there {times[twice[0]]} times", HINT)
    known = {word for word, _ in pronunciations}
    for each in (each for own in spoken.values() for each in own):
        if not known.issuperset(each.words):
            lacking = sorted(set(each.words) - known)
            raise DataError(f"{place / LEXICON} must have all words, {each.key} says {', '.join(lacking)}", HINT)
    both = gathered([*spoken["train"], *spoken["test"]], "an4")
    count = len(spoken["train"])
    train = both.subset(range(count), "an4 training set")
    test = both.subset(range(count, len(both)), "an4 test set")
    return An4(train, test, pronunciations, language_model)


def read_pronunciations(text: str) -> tuple[tuple[str, Words], ...]:
    r"""Return a CMU dictionary's (word, phones): a word a line, WORD(2) for its second pronunciation.

    Raises:
        ValueError: a line has no phones.

    >>> read_pronunciations("A  AH\nA(2)  EY\nAND  AE N D")
    (('A', ('AH',)), ('A', ('EY',)), ('AND', ('AE', 'N', 'D')))
    """
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, *phones = line.split()
        if not phones:
            raise ValueError(f"a dictionary's line must be a word and its phones, got {line!r}")
        found.append((re.sub(r"\(\d+\)$", "", word), tuple(phones)))
    return tuple(found)


def holds_an4(folder: Path) -> bool:
    """Return whether a folder is AN4's."""
    return (folder / LEXICON).is_file()


def _has_tables(place: Path) -> bool:
    return (place / "train.parquet").exists()


def _place(folder: str | Path | None) -> Path:
    chosen = folder or os.environ.get(ENVIRONMENT)
    if not chosen:
        raise DataError("an4 must be on this machine, no folder was given", HINT)
    place = next((place for place in (Path(chosen) / "an4", Path(chosen)) if holds_an4(place)), None)
    if place is None:
        raise DataError(f"{chosen} must hold {LEXICON}, it is not there", HINT)
    return place


def _from_tables(place: Path, split: str) -> list[Spoken]:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"key": pa.string(), "text": pa.string(), "num_frames": pa.int64(), "mfcc": pa.list_(pa.float32())}
    schema = pa.schema(kinds)
    table = parquet.read_table(place / f"{split}.parquet", columns=schema.names)
    lacking = [name for name in schema.names if table[name].null_count or not len(table)]
    if lacking:
        raise ValueError(f"{split}.parquet must have a value of {', '.join(lacking)} in each row")
    table = table.cast(schema)
    columns = (table[name].to_pylist() for name in ("key", "text", "num_frames"))
    values = table["mfcc"].combine_chunks()
    starts, numbers = values.offsets.to_numpy(), values.values.to_numpy().astype(np.float32)
    spoken = []
    for place_in, (key, text, count) in enumerate(zip(*columns, strict=True)):
        frames = numbers[starts[place_in] : starts[place_in + 1]]
        if len(frames) != count * CEPSTRA or not count or not np.isfinite(frames).all():
            raise DataError(f"{key} of {split}.parquet must have {count} frames of {CEPSTRA} finite numbers", HINT)
        spoken.append(Spoken(key, _speaker(key), tuple(text.split()), frames.reshape(-1, CEPSTRA)))
    return spoken


def _heard(place: Path, split: str) -> list[Spoken]:
    keys = _text(place / "etc" / f"an4_{split}.fileids").split()
    said = dict(map(_line, _text(place / "etc" / f"an4_{split}.transcription").splitlines()))
    spoken = []
    for key in keys:
        paths = [place / "wav" / f"{key}{ending}" for ending in AUDIO]
        path = next((path for path in paths if path.exists()), None)
        if path is None:
            raise DataError(f"{place / 'wav'} must hold {key} as one of {', '.join(AUDIO)}, it is not there", HINT)
        sound = read_audio(path)
        listened_to = sound if split == "test" else None  # all of it takes hundreds of megabytes
        spoken.append(Spoken(key, _speaker(key), said[key.rpartition("/")[2]], _cepstra(sound, path), listened_to))
    return spoken


def _cepstra(sound: Audio, path: Path) -> Frames:
    try:
        return cepstra(sound)
    except DataError as error:
        raise DataError(f"{path}: {error.message}", error.hint) from error


def _text(path: Path) -> str:
    return path.read_text("utf-8-sig")  # editors of some systems leave a mark before the first letter


def _line(line: str) -> tuple[str, Words]:
    """Return the name and the words of one line of a transcription."""
    match = LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"a transcription's line must be words and a name in brackets, got {line!r}")
    return match["name"], tuple(word for word in match["words"].split() if word not in MARKS)


def _speaker(key: str) -> str:
    """Return who speaks: the folder of the file.

    Raises:
        ValueError: it lies in none.

    >>> _speaker("an4_clstk/fash/an251-fash-b")
    'fash'
    """
    folders = key.split("/")[:-1]
    if not folders:
        raise ValueError(f"an utterance's key must be SPEAKER/NAME, perhaps in more folders, got {key!r}")
    return folders[-1]
