"""Damage: whatever bit of a store is flipped, it is detected on opening, on the first read, or by `verify`."""

import itertools
import re

import numpy as np
import pytest
import torch
from stores import Nudge, Says, examples, in_runs

from limbeck import Ensemble, SoftTargets, TargetsError, write_soft_targets
from limbeck.targets import Dense, Sampled, TopK

ENCODINGS = [Dense(), Dense("float32", (0.1 + 0.2, 1e-05)), TopK(3, (1.0, 4.0)), Sampled(4, (1.0, 1e-05))]
DATA = {
    "rows": examples,
    "a subset": lambda: examples().subset(torch.tensor([49, 3, 20, *range(30, 45)])),
    "runs": lambda: in_runs(labels=torch.arange(31) % 7),
}
FLIPS = 150


def store_of(folder, encoding, data):
    teachers = Ensemble([Says(0), Says(2), Says(3)], weights=(0.1, 0.2, 0.7))
    data = data.seen_through(Nudge())
    return write_soft_targets(teachers, data, folder, num_views=2, encoding=encoding, rows_per_shard=32), data


def flipped(path, bit):
    damaged = bytearray(path.read_bytes())
    damaged[bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(damaged)


def read_all(folder, data):
    targets = SoftTargets.open(folder)
    temperature = (targets.encoding.temperatures or (1.0,))[0]
    return [targets.at(data.ids, number, temperature=temperature) for number in range(2)]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_every_flipped_bit_is_detected(tmp_path, encoding, data):
    _, data = store_of(tmp_path, encoding, DATA[data]())
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock")
    sizes = np.array([path.stat().st_size * 8 for path in files])
    ends = sizes.cumsum()
    anywhere = np.random.default_rng(len(repr(encoding))).choice(ends[-1], FLIPS, replace=False)
    each_file = (ends - sizes // 2).tolist()
    for turn, place in enumerate(itertools.chain(anywhere, each_file, each_file)):
        which = int(np.searchsorted(ends, place, side="right"))
        bit = int(place - (ends[which] - sizes[which]))
        flipped(files[which], bit)
        with pytest.raises(TargetsError, match=r"damaged|must have the format|no soft targets|not finished"):
            read_all(tmp_path, data) if turn % 2 else SoftTargets.open(tmp_path).verify()
        flipped(files[which], bit)
    SoftTargets.open(tmp_path).verify()
    read_all(tmp_path, data)


def test_every_single_bit_of_a_manifest_but_its_hashes_counts(tmp_path):
    write_soft_targets(Says(), examples(3), tmp_path, encoding=Sampled(4, (1e-05, 0.1 + 0.2)))
    path = tmp_path / "manifest.json"
    whole = path.read_bytes()
    assert b"0.30000000000000004" in whole and b"1e-05" in whole  # a bit away from what reads as the same number
    hashes = [range(*found.span()) for found in re.finditer(rb"[0-9a-f]{64}", whole)]
    places = [place for place in range(len(whole)) if not any(place in each for each in hashes)]
    for bit in (8 * place + bit for place in places for bit in range(8)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        with pytest.raises(TargetsError, match="damaged|must have the format"):
            SoftTargets.open(tmp_path)


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_files_that_were_cut_are_detected(tmp_path, cut):
    _, data = store_of(tmp_path, TopK(3, (1.0,)), in_runs())
    for path in (path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"):
        whole = path.read_bytes()
        path.write_bytes(whole[:cut])
        with pytest.raises(TargetsError, match="damaged"):
            read_all(tmp_path, data)
        path.write_bytes(whole + b"\0")
        with pytest.raises(TargetsError, match="damaged"):
            SoftTargets.open(tmp_path).verify()
        path.write_bytes(whole)
    read_all(tmp_path, data)


def test_a_shard_in_anothers_place_is_detected(tmp_path):
    _, data = store_of(tmp_path, Dense(), examples())
    first, second = (tmp_path / f"teacher-{member}" / "00000.arrow" for member in (0, 1))
    first.write_bytes(second.read_bytes())
    with pytest.raises(TargetsError, match="teacher-0/00000.arrow is damaged"):
        read_all(tmp_path, data)


def test_verify_looks_again_at_what_was_read_before(tmp_path):
    targets, data = store_of(tmp_path, Dense(), in_runs())
    targets.logits(data.ids, temperature=1.0)
    for path in (tmp_path / "teacher-2" / "00000.arrow", tmp_path / "examples.arrow"):
        flipped(path, 2000)
        with pytest.raises(TargetsError, match=f"{path.name} is .*damaged"):
            targets.verify()
        flipped(path, 2000)
    targets.verify()
