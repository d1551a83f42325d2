"""Labels mean the same in all files, whatever each file alone would be taken for."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from limbeck import DataError
from limbeck.data import Columns, load_splits


def read(folder, train, test, **columns):
    for name, labels in (("train", train), ("test", test)):
        (folder / f"{name}.csv").write_text("x,label\n" + "".join(f"{n},{label}\n" for n, label in enumerate(labels)))
    said = []
    splits = load_splits(str(folder), Columns(**columns), say=said.append)
    return splits.training.class_names, splits.training.labels.tolist(), splits.test.labels.tolist(), said


@pytest.mark.parametrize(
    ("train", "test", "classes", "numbers"),
    [
        (["01", "02", "x"], ["01"], ("01", "02", "x"), ([0, 1, 2], [0])),
        (["01", "02"], ["02"], ("01", "02"), ([0, 1], [1])),
        (["True", "False"], ["False"], ("False", "True"), ([1, 0], [0])),
        (["1.0", "2.0", "10."], ["10", "1"], ("1", "2", "10"), ([0, 1, 2], [2, 0])),
        (["1", "2"], ["2.00"], ("1", "2"), ([0, 1], [1])),
        (["1", "x", "2.0"], ["2.0"], ("1", "2.0", "x"), ([0, 2, 1], [1])),
        (["9" * 5000, "1"], ["1"], ("1", "9" * 5000), ([1, 0], [0])),
        (["inf", "few"], ["inf"], ("few", "inf"), ([1, 0], [1])),
    ],
)
def test_labels_are_as_they_are_written_in_all_files(tmp_path, train, test, classes, numbers):
    assert read(tmp_path, train, test)[:3] == (classes, *numbers)


@pytest.mark.parametrize("classes", [("False", "True"), ("02", "01"), ("2.0", "1.0")])
def test_classes_may_be_given_as_they_are_written(tmp_path, classes):
    assert read(tmp_path, classes[::-1], classes, classes=classes)[:3] == (classes, [1, 0], [0, 1])


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (
            ["01", "02"],
            ["1"],
            "train.csv, column 'label': a class must be written in one way in all files, '01' and '1'",
        ),
        (["True", "False"], ["true"], "in one way in all files, 'True' and 'true' are both there"),
        (["1", "2"], ["1.5"], "test.csv, column 'label': labels must be text or whole numbers, row 1 is '1.5'"),
        (["1", "inf"], ["1"], "train.csv, .*: labels must be text or whole numbers, row 2 is 'inf'"),
        (["1", "1e300"], ["1"], "labels must be text or whole numbers, row 2 is '1e300'"),
        (["1", "2"], ["2", "NA"], "test.csv, column 'label': a label must be there, row 2 is 'NA'\n\nhint: take out"),
    ],
)
def test_what_would_be_two_classes_or_none_is_refused(tmp_path, train, test, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, train, test)


def test_a_class_called_na_is_one_among_texts_and_told(tmp_path):
    classes, train, _, said = read(tmp_path, ["EU", "NA", "a"], ["A"], classes=("EU", "NA", "A", "a"))
    assert (classes, train, len(said)) == (("EU", "NA", "A", "a"), [0, 1, 3], 2)
    classes, train, _, said = read(tmp_path, ["EU", "NA"], ["NA"])
    assert (classes, train) == (("EU", "NA"), [0, 1])
    assert "label: 'NA' is taken for a class, not for a label that is missing" in said


@pytest.mark.parametrize("value", [float("inf"), 1e300, 1e30, -1e17])
def test_floats_that_are_no_numbers_of_classes_are_refused(tmp_path, value):
    pq.write_table(pa.table({"x": [1, 2], "label": [1.0, value]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"labels must be text or whole numbers, row 2 is"):
        load_splits(str(tmp_path / "t.parquet"))


def test_dates_are_no_labels(tmp_path):
    pq.write_table(pa.table({"x": [1], "label": pa.array([0], pa.date32())}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="labels must be text or whole numbers, the column is date32"):
        load_splits(str(tmp_path / "t.parquet"))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_labels_that_are_not_utf8_are_named(tmp_path, kind):
    broken = pa.array([b"a", b"b", b"\xffb"]).view(pa.string())
    pq.write_table(pa.table({"x": [1, 2, 3], "label": broken.cast(kind)}), tmp_path / "t.parquet")
    message = r"t.parquet, column 'label': texts must be in UTF-8, row 3 is b'\\xffb'\n\nhint: write the file again"
    with pytest.raises(DataError, match=message):
        load_splits(str(tmp_path / "t.parquet"), Columns())


def test_texts_that_are_no_labels_may_be_anything(tmp_path):
    broken = pa.array([b"a", b"b", b"\xffb"]).view(pa.string())
    pq.write_table(pa.table({"x": [1, 2, 3], "note": broken, "label": ["a", "b", "b"]}), tmp_path / "t.parquet")
    assert load_splits(str(tmp_path / "t.parquet"), Columns()).training.column_names == ("x",)
