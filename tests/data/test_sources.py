"""Reading data sets: the real files where they are there, and every way in which files can be wrong."""

import os

import numpy as np
import pytest
import torch

from limbeck import DataError
from limbeck.data import load_arrays, load_data, load_letters

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


def test_rows_of_arrays_are_named_by_their_file(tmp_path):
    np.save(tmp_path / "inputs.npy", np.zeros((40, 2), np.float32))
    _, cut = load_arrays(tmp_path).split(5)
    row = int(cut.ids[2])
    assert cut.origin_of(row) == f"{tmp_path}/inputs.npy, row {row + 1}"


def test_pickles_in_arrays_are_never_read(tmp_path):
    np.save(tmp_path / "inputs.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"must be an array of numbers in numpy's format"):
        load_arrays(tmp_path)


@pytest.mark.parametrize("labels", [np.array([0, -2]), np.array([2**64 - 1, 0], np.uint64), np.array([0, 2**40])])
def test_labels_of_arrays_that_are_none_of_any_class_are_refused(tmp_path, labels):
    np.save(tmp_path / "inputs.npy", np.zeros((2, 3)))
    np.save(tmp_path / "labels.npy", labels)
    with pytest.raises(
        DataError, match=r"labels.npy must hold labels in -1..2147483647, got .*\n\nhint: -1 stands for"
    ):
        load_arrays(tmp_path)


def test_a_class_has_one_name_of_its_own(tmp_path):
    np.save(tmp_path / "inputs.npy", np.zeros((2, 3)))
    (tmp_path / "classes.txt").write_text("cat\ndog\ncat\n")
    with pytest.raises(DataError, match=r"classes.txt must be a class name a line, each once, 'cat' is there twice"):
        load_arrays(tmp_path)
    (tmp_path / "classes.txt").write_text("cat\ndog\n", "utf-8-sig")
    assert load_arrays(tmp_path).class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("tables/tabel.csv", "did you mean tables/table.csv?"),
        ("tables/tabel", "did you mean tables/table.csv?"),
        ("wine.csv", "the folder you stand in is "),
        ("nowhere/table.parquet", "the folder you stand in is "),
    ],
)
def test_a_mistyped_path_is_not_asked_of_the_hub(source, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("limbeck.data.sources.read_hub", lambda *_: pytest.fail("asked over the network"))
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "table.csv").write_text("a,label\n1,x\n")
    with pytest.raises(DataError, match=f"there is no file or folder {source}") as raised:
        load_data(source)
    assert hint in str(raised.value)
