"""Reading data sets: the real files where they are there, and every way in which files can be wrong."""

import gzip
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from limbeck import DataError
from limbeck.data import load_arrays, load_letters, load_mnist
from limbeck.data.idx import read_idx
from limbeck.data.sources import MNIST_FILES, arrays_of


def real_mnist():
    folder = os.environ.get("LIMBECK_DATA")
    if not folder:
        pytest.skip("LIMBECK_DATA is not set: the real MNIST is not at hand")
    return Path(folder)


def write_idx(path, array, magic=b"\0\0\x08"):
    head = magic + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    data = head + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch):
    """Four files of the right form with a few digits in them."""
    sizes = {"train": 20, "test": 10}
    files = {split: (images, labels, sizes[split]) for split, (images, labels, _) in MNIST_FILES.items()}
    monkeypatch.setattr("limbeck.data.sources.MNIST_FILES", files)
    for images, labels, count in files.values():
        write_idx(tmp_path / f"{images}.gz", np.arange(count * 784, dtype=np.uint8).reshape(count, 28, 28))
        write_idx(tmp_path / labels, np.arange(count, dtype=np.uint8) % 10)
    return tmp_path


def test_the_real_mnist_is_read():
    train, test = load_mnist(real_mnist())
    assert train.inputs.shape == (60_000, 1, 28, 28)
    assert test.inputs.shape == (10_000, 1, 28, 28)
    assert torch.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.inputs.float().mean().item() == pytest.approx(33.3184, abs=1e-3)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_gzipped_and_plain_files_in_the_folder_or_in_mnist_below_it(tiny_mnist, tmp_path, monkeypatch):
    train, test = load_mnist(tiny_mnist)
    assert (len(train), len(test)) == (20, 10)
    assert train.inputs[1, 0, 0, 0] == 784 % 256
    assert train.labels.tolist() == [*range(10), *range(10)]
    outer = tmp_path / "outer"
    outer.mkdir()
    (outer / "mnist").symlink_to(tiny_mnist)
    monkeypatch.setenv("LIMBECK_DATA", str(outer))
    assert load_mnist(None)[0].fingerprint == train.fingerprint


def test_a_missing_folder_and_missing_files_are_named(tiny_mnist):
    with pytest.raises(
        DataError, match=r"the data folder must exist, got .*/nowhere\n\nhint: give the folder with --data"
    ):
        load_mnist(tiny_mnist / "nowhere")
    (tiny_mnist / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte \(or .gz\) not found"):
        load_mnist(tiny_mnist)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data[:-1], "must hold 20 values, it holds 19"),
        (lambda data: data + b"\0", "must hold 20 values, it holds 21"),
        (lambda data: data[:6], "ends inside its header, after 6 bytes"),
        (lambda data: b"", "must be an IDX file of unsigned bytes, it begins with"),
        (lambda data: b"\x89PNG" + data[4:], "must be an IDX file of unsigned bytes, it begins with 89504e47"),
        (lambda data: data[:7] + b"\x15" + data[8:], r"must have the shape \(20,\), got \(21,\)"),
        (lambda data: data[:-1] + b"\x0a", "must hold labels 0..9, got 10"),
    ],
)
def test_corrupt_files_are_named(tiny_mnist, spoil, message):
    path = tiny_mnist / "train-labels-idx1-ubyte"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=f"train-labels-idx1-ubyte {message}"):
        load_mnist(tiny_mnist)


def test_a_cut_gzip_is_named(tmp_path):
    path = tmp_path / "labels.gz"
    write_idx(path, np.arange(100, dtype=np.uint8))
    assert read_idx(path, (100,)).tolist() == list(range(100))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"labels.gz can't be read"):
        read_idx(path, (100,))
    path.write_bytes(b"not gzip at all")
    with pytest.raises(DataError, match=r"labels.gz can't be read"):
        read_idx(path, (100,))


def test_offline_the_way_out_is_told(monkeypatch):
    import datasets

    def offline(name):
        raise ConnectionError("Couldn't reach the hub\nand more")

    monkeypatch.delenv("LIMBECK_DATA", raising=False)
    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(
        DataError, match="could not be read from the hub: Couldn't reach the hub\n\nhint: give the folder"
    ):
        load_mnist(None)


def test_without_the_package_the_way_out_is_told(monkeypatch):
    monkeypatch.delenv("LIMBECK_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        DataError, match=r"needs the package datasets\n\nhint: pip install 'limbeck\[hub\]', or give the folder"
    ):
        load_mnist(None)


def test_a_hub_data_set_becomes_tensors():
    from datasets import ClassLabel, Dataset, Features, Image

    pixels = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    from PIL import Image as Picture

    rows = {"image": [Picture.fromarray(image) for image in pixels], "label": [3, 7]}
    split = Dataset.from_dict(rows, features=Features({"image": Image(), "label": ClassLabel(num_classes=10)}))
    images, labels = arrays_of(split)
    assert (images.numpy() == pixels).all()
    assert labels.tolist() == [3, 7]


LETTERS = "T,2,8,3,5,1,8,13,0,6,6,10,8,0,8,0,8"


@pytest.mark.parametrize("header", ["", "Letter,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n"])
def test_letters_are_read_with_and_without_a_header(tmp_path, header):
    row = LETTERS + "\n"
    (tmp_path / "letter-recognition.data").write_text(header + row * 20_000)
    train, test = load_letters(tmp_path)
    assert (len(train), len(test)) == (16_000, 4_000)
    assert train.inputs[0].tolist() == [2, 8, 3, 5, 1, 8, 13, 0, 6, 6, 10, 8, 0, 8, 0, 8]
    assert train.class_names[train.labels[0]] == "T"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "letters must be 20000 rows"),
        (LETTERS, "letters must be 20000 rows of 16 numbers"),
        ((LETTERS.replace("T,", "AB,") + "\n") * 20_000, "more than a letter"),
        ((LETTERS.replace(",8,", ",x,") + "\n") * 20_000, "must hold rows of a letter and 16 whole numbers"),
        ((LETTERS.replace(",8,", ",16,") + "\n") * 20_000, "letters must be 20000 rows of 16 numbers 0..15"),
    ],
)
def test_letters_that_are_none_are_refused(tmp_path, text, message):
    (tmp_path / "letter-recognition.data").write_text(text)
    with pytest.raises(DataError, match=message):
        load_letters(tmp_path)


def test_arrays_are_mapped_even_where_they_are_larger_than_memory(tmp_path):
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    rows = 2 * memory // 2**20
    np.lib.format.open_memmap(tmp_path / "inputs.npy", "w+", np.uint8, (rows, 2**20)).flush()  # a file of holes
    data = load_arrays(tmp_path)
    assert data.inputs.shape == (rows, 2**20)
    assert int(data.at(torch.tensor([rows - 1])).sum()) == 0


def test_pickles_in_arrays_are_never_read(tmp_path):
    np.save(tmp_path / "inputs.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"must be an array of numbers in numpy's format"):
        load_arrays(tmp_path)
