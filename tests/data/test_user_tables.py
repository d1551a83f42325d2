"""Anybody's own tables: what is guessed of their columns, what they become, and in which ways they can be wrong."""

import gzip
from pathlib import PurePath

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
import torch

from limbeck import ArgumentError, DataError
from limbeck.data import Columns, load_data, load_splits
from limbeck.data.splits import evenly, split_told

FLOWERS = "id,width,height,colour,class\n1,1.5,2,red,rose\n2,3,-4e1,blue,lily\n3,0,1,red,aster\n4,5,5,red,rose\n"


def read(path, **columns):
    said = []
    return load_splits(str(path), Columns(**columns), say=said.append), said


def test_a_csv_file_is_guessed_and_told(tmp_path):
    (tmp_path / "flowers.csv").write_text(FLOWERS)
    splits, said = read(tmp_path / "flowers.csv")
    train = splits.training
    assert train.inputs.dtype == torch.float32
    assert train.inputs.tolist() == [[1.5, 2], [3, -40], [0, 1], [5, 5]]
    assert train.class_names == ("aster", "lily", "rose")
    assert train.labels.tolist() == [2, 1, 0, 2]
    assert (splits.validation, splits.test, train.name) == (None, None, "flowers.csv training set")
    assert train.column_names == ("width", "height")
    assert said == [
        "inputs: 2 columns, 'width', 'height'; left out: 'id', 'colour'",
        "label: column 'class', 3 classes: aster, lily, rose",
    ]


def test_columns_and_classes_may_be_given(tmp_path):
    (tmp_path / "flowers.csv").write_text(FLOWERS)
    classes = ("tulip", "rose", "lily", "aster")
    train = read(tmp_path / "flowers.csv", inputs=("height", "id"), label="class", classes=classes)[0].training
    assert train.inputs.tolist() == [[2, 1], [-40, 2], [1, 3], [5, 4]]
    assert (train.class_names, train.labels.tolist()) == (classes, [1, 2, 3, 1])
    unlabelled, said = read(tmp_path / "flowers.csv", unlabelled=True)
    assert unlabelled.training.labels is None
    assert unlabelled.training.inputs.shape == (4, 2)
    assert said[0] == "labels: none are used (--unlabelled)"


def test_labels_that_only_a_test_set_has_are_not_used_and_told(tmp_path):
    (tmp_path / "train.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "test.csv").write_text("a,b,label\n1,2,x\n")
    splits, said = read(tmp_path)
    assert (splits.training.labels, splits.test.labels, splits.test.inputs.tolist()) == (None, None, [[1, 2]])
    assert "labels: column 'label' of the test set is not used, the training set has none" in said


@pytest.mark.parametrize(
    ("kind", "values", "names", "numbers"),
    [
        (pa.int64(), [10, 9, 10, -1], ("-1", "9", "10"), [2, 1, 2, 0]),
        (pa.float64(), [2.0, 1.0, 2.0, 3.0], ("1", "2", "3"), [1, 0, 1, 2]),
        (pa.bool_(), [True, False, True, True], ("false", "true"), [1, 0, 1, 1]),
        (pa.dictionary(pa.int8(), pa.string()), ["b", "a", "b", "10"], ("10", "a", "b"), [2, 1, 2, 0]),
        (pa.large_string(), ["010", "9", "9", "9"], ("010", "9"), [0, 1, 1, 1]),
    ],
)
def test_labels_of_any_kind_become_classes_in_order(tmp_path, kind, values, names, numbers):
    table = pa.table({"x": [1, 2, 3, 4], "Target": pa.array(values, kind)})
    pq.write_table(table, tmp_path / "t.parquet")
    train = read(tmp_path / "t.parquet")[0].training
    assert (train.class_names, train.labels.tolist()) == (names, numbers)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("packed", [False, True])
def test_csv_of_any_delimiter_packed_or_not(tmp_path, delimiter, packed):
    text = '\ufeffx,y "a" ü,label\n1,2.5,"a\nb"\n3,4,c\n'.replace(",", delimiter).replace('y "a" ü', '"y ""a"" ü"')
    path = tmp_path / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    splits, said = read(path)
    assert splits.training.inputs.tolist() == [[1, 2.5], [3, 4]]
    assert splits.training.class_names == ("a\nb", "c")
    assert "inputs: 2 columns, 'x', 'y \"a\" ü'" in said[0]


def test_a_header_of_running_numbers_is_one(tmp_path):
    (tmp_path / "t.csv").write_text("0,1,label\n5,6,a\n7,8,b\n")
    assert read(tmp_path / "t.csv")[0].training.inputs.tolist() == [[5, 6], [7, 8]]


def write_arrow(path, table, *, stream):
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as sink, make(sink, table.schema) as writer:
        writer.write_table(table)


@pytest.mark.parametrize("form", ["parquet", "stream", "file"])
def test_lists_are_rows_and_files_give_the_splits(tmp_path, form):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(9, 3)).astype(np.float32)
    table = pa.table({"text": ["t"] * 9, "length": range(9), "vector": rows.tolist(), "label": list("abcabcabc")})
    parts = {"train-00000-of-00002": (0, 3), "train-00001-of-00002": (3, 3), "dev": (6, 2), "test": (8, 1)}
    for name, (start, count) in parts.items():
        if form == "parquet":
            pq.write_table(table.slice(start, count), tmp_path / f"{name}.parquet")
        else:
            write_arrow(tmp_path / f"{name}.arrow", table.slice(start, count), stream=form == "stream")
    (tmp_path / "README.md").write_text("mine")
    splits, said = read(tmp_path)
    np.testing.assert_array_equal(splits.training.inputs.numpy(), rows[:6])
    np.testing.assert_array_equal(splits.validation.inputs.numpy(), rows[6:8])
    np.testing.assert_array_equal(splits.test.inputs.numpy(), rows[8:])
    assert splits.test.class_names == splits.training.class_names == ("a", "b", "c")
    assert splits.test.labels.tolist() == [2]
    assert splits.test.column_names == ()
    suffix = "parquet" if form == "parquet" else "arrow"
    assert splits.training.origin_of(4) == f"{tmp_path}/train-00001-of-00002.{suffix}, row 2"
    assert list(splits.validation.origins) == [f"{tmp_path}/dev.{suffix}, row {row}" for row in (1, 2)]
    assert said[:2] == [
        "left out: 1 file that is none of the tables: README.md",
        "inputs: column 'vector'; left out: 'text', 'length'",
    ]
    torch.testing.assert_close(load_data(str(tmp_path), "validation").inputs, splits.validation.inputs)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (pa.list_(pa.list_(pa.uint8())), torch.uint8),
        (pa.list_(pa.list_(pa.int16(), 3), 2), torch.float32),
        (pa.large_list(pa.large_list(pa.float64())), torch.float32),
    ],
)
def test_lists_of_lists_keep_their_shape(tmp_path, kind, dtype):
    values = np.arange(24).reshape(4, 2, 3)
    column = pa.chunked_array([pa.array(values[:1].tolist(), kind), pa.array(values[1:].tolist(), kind)])
    pq.write_table(pa.table({"pixels": column}), tmp_path / "t.parquet")
    splits, said = read(tmp_path / "t.parquet")
    assert splits.training.inputs.dtype == dtype
    assert splits.training.inputs.tolist() == values.tolist()
    assert splits.training.labels is None
    assert said[0] == "labels: none are used (no column is called label, labels, class, target, y; --label names one)"


WRONG = [
    ("", {}, "t.csv must hold a table, it is empty"),
    ("x,label\n", {}, "t.csv must have at least one row, it has none"),
    ("x,label\n1,a\n2\n", {}, "t.csv can't be read: CSV parse error: Expected 2 columns, got 1"),
    ("x,x,label\n1,2,a\n", {}, "columns must have different names, 'x' is there twice"),
    ("T,2,8,3,5,1\nA,1,2,3,4,5\n", {}, "the first line must name the columns, it holds numbers: T,2,8,3,5,1"),
    ("x,label\n1,a\n,b\n", {}, "t.csv, column 'x': a value must be there, row 2 is empty"),
    ("x,label\n1,a\n2,b\nnan,b\n", {}, "t.csv, column 'x': a value must be there, row 3 is empty"),
    ("x,label\n1,a\ninf,b\n", {}, "t.csv, column 'x': values must be finite in float32, row 2 is inf"),
    ("x,label\n1,a\n1e39,b\n", {}, "values must be finite in float32, row 2 is 1e.39"),
    ("x,label\n1,a\n2,b\nn.a.,b\n", {}, "t.csv, column 'x': inputs must be numbers, row 3 is 'n.a.'"),
    ("x,z,label\n1,red,a\n2,blue,b\n", {"inputs": ("z",)}, "column 'z': inputs must be numbers, row 1 is 'red'"),
    ("z,label\nred,a\n", {}, r"must have inputs: a column of images, .*; it has z \(string\), label \(string\)"),
    ("x,label\n1,a\n2,\n", {}, "t.csv, column 'label': a label must be there, row 2 is empty"),
    ("x,label\n1,1.5\n2,2\n", {}, "column 'label': labels must be text or whole numbers, row 1 is '1.5'"),
    ("x,label\n1,a\n2,a\n", {}, "labels must be of two classes or more, there is only 'a'"),
    ("x,label,y\n1,a,b\n", {}, "the label may be any of label, y\n\nhint: say which with --label"),
    ("x,label\n1,a\n", {"label": "kind"}, "must have the column 'kind', it has x, label"),
    ("x,label\n1,a\n", {"inputs": ("x", "label")}, "the label can't be an input too, 'label' is both"),
    ("x,z,label\n1,2,a\n", {"inputs": ("x", "z", "x")}, "inputs must be different columns, 'x' is named twice"),
    ("x,label\n1,a\n2,b\n", {"classes": ("a", "c")}, "labels must be of the 2 classes a, c, row 2 is 'b'"),
    ("x,label\n1,a\n2,b\n", {"classes": ("a", "a")}, "classes must differ, got a, a"),
]


@pytest.mark.parametrize(("text", "columns", "message"), WRONG)
def test_what_is_wrong_is_said_with_file_column_and_row(tmp_path, text, columns, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "t.csv", **columns)


RAGGED = [
    ([[1, 2], [3]], "t.parquet, column 'v': lists must have one length, 2; in row 2 it is 1"),
    ([[1, 2], None], "lists must have one length, 2; in row 2 it is empty"),
    (pa.array([[], []], pa.list_(pa.float32())), "lists must have one length, at least 1; in row 1 it is empty"),
    ([[1, 2], [3, None]], "values must be there and finite in float32, value 2 of row 2 is empty"),
    ([[1.0, 2], [float("nan"), 1]], "values must be there and finite in float32, value 1 of row 2 is nan"),
    ([[[1], [2]], [[3], [4, 5]]], "lists must have one length, 1; in row 2 it is 2"),
]


@pytest.mark.parametrize(("lists", "message"), RAGGED)
def test_ragged_lists_are_refused(tmp_path, lists, message):
    pq.write_table(pa.table({"v": lists, "label": ["a", "b"]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=message):
        read(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train.csv": "x,label\n1,a\n2,b\n", "test.csv": "x,label\n1,c\n"}, r"of the 2 classes a, b, row 1 is 'c'"),
        ({"train.csv": "x,label\n1,a\n2,b\n", "test.csv": "x\n1\n"}, "test.csv must have the columns of the training"),
        ({"train.csv": "x,label\n1,a\n2,b\n", "rest.csv": "x,label\n1,a\n"}, "rest.csv does not"),
        ({"test.csv": "x,label\n1,a\n"}, "must hold training data, it holds test alone"),
        ({"train_test.csv": "x,label\n1,a\n"}, "a file must belong to one split, train_test.csv tells of test and tr"),
        ({"a.csv": "x\n1\n", "b.parquet": ""}, "must hold tables of one kind, it holds .csv and .parquet"),
        ({"a.parquet": "x\n1\n"}, "a.parquet can't be read"),
        ({"a.arrow": "x\n1\n"}, "a.arrow can't be read"),
        ({"a.txt": "x\n1\n"}, "must hold tables .*, images, inputs.npy, or the files of mnist or"),
    ],
)
def test_folders_of_tables_that_are_wrong(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


@pytest.mark.parametrize(
    ("cells", "others", "told"),
    [
        (("1", "0"), ("true", "false"), "here they are true or false, in .*train.csv they are not"),
        (("true", "false"), ("3", "0.5"), "here they are no truth values, in .*train.csv they are"),
    ],
)
def test_truth_in_one_file_is_no_number_in_another(tmp_path, cells, others, told):
    for name, own in (("train", cells), ("test", others)):
        (tmp_path / f"{name}.csv").write_text(
            "x,label\n" + "".join(f"{cell},{'ab'[n]}\n" for n, cell in enumerate(own))
        )
    message = f"test.csv, column 'x': inputs must be of one kind in all files, {told}"
    with pytest.raises(DataError, match=message):
        read(tmp_path)
    (tmp_path / "test.csv").write_text((tmp_path / "train.csv").read_text())
    assert read(tmp_path)[0].test.inputs.tolist() == [[1], [0]]


def test_widths_must_agree_over_files(tmp_path):
    for name, width in (("train", 2), ("test", 3)):
        pq.write_table(pa.table({"v": [[1.0] * width] * 2, "label": ["a", "b"]}), tmp_path / f"{name}.parquet")
    with pytest.raises(DataError, match=r"test.parquet: rows must have the shape of those of .*, \(2,\), got \(3,\)"):
        read(tmp_path)


def test_types_must_agree_over_files(tmp_path):
    for name, kind in (("train", pa.uint8()), ("test", pa.int64())):
        rows = pa.array([[1, 2], [3, 4]], pa.list_(kind))
        pq.write_table(pa.table({"v": rows, "label": ["a", "b"]}), tmp_path / f"{name}.parquet")
    with pytest.raises(
        DataError, match=r"test.parquet: rows must be of the type of those of .*, torch.uint8, got torch.f"
    ):
        read(tmp_path)


@pytest.mark.parametrize("column", [pa.array([2**63, 1], pa.uint64()), pa.array([[2**60], [1]], pa.list_(pa.int64()))])
def test_numbers_beyond_float64_are_refused_in_any_column(tmp_path, column):
    pq.write_table(pa.table({"v": column, "label": ["a", "b"]}), tmp_path / "t.parquet")
    with pytest.raises(
        DataError, match=r"t.parquet, column 'v': whole numbers must lie in -2\^53..2\^53, there is one"
    ):
        read(tmp_path / "t.parquet")


def test_columns_of_what_has_none_and_splits_that_are_not_there(tmp_path):
    (tmp_path / "t.csv").write_text(FLOWERS)
    with pytest.raises(ArgumentError, match="columns and classes are those of tables"):
        load_data("digits", columns=Columns(label="y"))
    with pytest.raises(ArgumentError, match=r"digits must have the split, it has training, test, got 'validation'"):
        load_data("digits", "validation")
    with pytest.raises(ArgumentError, match=r"t.csv has no splits, got 'test'"):
        load_data(str(tmp_path / "t.csv"), "test")
    with pytest.raises(DataError, match=r"owner/name|did you mean digits"):
        load_data("digit")


def test_splits_that_are_missing_are_cut_and_told(tmp_path):
    lines = ["x,label", *(f"{row},{'rare' if row % 20 == 0 else 'often'}" for row in range(200))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    splits, _ = read(tmp_path / "t.csv")
    said = []
    whole = splits.cut(say=said.append)
    assert [len(each) for each in (whole.training, whole.validation, whole.test)] == [144, 16, 40]
    assert whole.cut_test
    shares = [int((each.labels_at(each.ids) == 1).sum()) for each in (whole.test, whole.validation)]
    assert shares == [2, 1]
    assert len(torch.cat([whole.training.ids, whole.validation.ids, whole.test.ids]).unique()) == 200
    cut = "rows of the t.csv training set are cut off for it, each class in proportion"
    assert said == [f"no test set is there: 40 of 200 {cut}", f"no validation set is there: 16 of 160 {cut}"]
    assert torch.equal(splits.cut().test.ids, whole.test.ids)
    assert not torch.equal(splits.cut(1).test.ids, whole.test.ids)
    assert not load_splits("digits").cut().cut_test


def test_an_even_cut_has_each_class_to_within_one_row():
    data = load_data("digits")
    rest, cut = evenly(data, 100, 3, "cut")
    counts = torch.bincount(cut.labels_at(cut.ids), minlength=10).double()
    expected = torch.bincount(data.labels_at(data.ids), minlength=10) * 100 / len(data)
    assert (counts - expected).abs().max() < 1
    assert (len(rest), len(cut), cut.name) == (len(data) - 100, 100, "cut")
    with pytest.raises(ArgumentError, match=r"the cut must take between 1 and 899 examples, got 900"):
        evenly(data, 900, 0, "cut")


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("training.csv", "training"),
        ("data/validation-00000-of-00001.parquet", "validation"),
        ("val/part0.parquet", "validation"),
        ("my_dev.csv.gz", "validation"),
        ("TEST.parquet", "test"),
        ("latest.csv", None),
        ("devices.csv", None),
    ],
)
def test_names_tell_of_splits(path, split):
    assert split_told(PurePath(path)) == split


def test_tables_behind_links_are_read_and_hidden_ones_are_not(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "part.csv").write_text("x,label\n1,a\n2,b\n")
    (tmp_path / "own" / ".ipynb_checkpoints").mkdir(parents=True)
    (tmp_path / "own" / ".ipynb_checkpoints" / "part.csv").write_text("x,label\n3,c\n")
    (tmp_path / "own" / "train").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "own" / "test.csv").symlink_to(tmp_path / "elsewhere" / "part.csv")
    splits, _ = read(tmp_path / "own")
    assert (splits.training.inputs.tolist(), splits.training.class_names) == ([[1], [2]], ("a", "b"))
    assert len(splits.test) == 2


@pytest.mark.parametrize(
    ("header", "offered"),
    [
        ("x,lettr,note", "--label lettr?"),
        ("x,note,the class", "--label 'the class'?"),
        ("x,targets,kind", "--label targets or kind?"),
        ("x,note,y_", "--label y_?"),
        ("lable,note,text", "--label lable?"),
    ],
)
def test_where_no_label_is_guessed_columns_that_may_be_it_are_offered(tmp_path, header, offered):
    cells = {"x": "1", "lable": "3", "targets": "2"}
    rows = [
        ",".join(
            cells.get(name, f"w{row}" if name in ("note", "text") else "ab"[row % 2]) for name in header.split(",")
        )
        for row in range(8)
    ]
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]))
    _, said = read(tmp_path / "t.csv")
    assert said[0] == f"labels: none are used (no column is called label, labels, class, target, y; {offered})"
