"""CSV files as people and programs write them: what is read as it is meant, and what is refused with a way out."""

import pytest

from limbeck import DataError
from limbeck.data import Columns, load_splits


def read(path, **columns):
    said = []
    return load_splits(str(path), Columns(**columns), say=said.append), said


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_any_of_three_ways(tmp_path, end):
    (tmp_path / "t.csv").write_bytes(end.join(["x,label", "1,a", "2,b", ""]).encode())
    train = read(tmp_path / "t.csv")[0].training
    assert (train.inputs.tolist(), train.class_names) == ([[1], [2]], ("a", "b"))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_empty_lines_before_the_names_are_none(tmp_path, end):
    (tmp_path / "t.csv").write_bytes(end.join(["", "", "x;label", "1;01", "2;02", ""]).encode())
    train = read(tmp_path / "t.csv")[0].training
    assert (train.inputs.tolist(), train.class_names) == ([[1], [2]], ("01", "02"))


def test_spaces_around_names_and_labels_are_none_of_theirs(tmp_path):
    (tmp_path / "train.csv").write_text("x, width , label\n1, 3, a\n2, 4, b\n")
    (tmp_path / "test.csv").write_text("x,width,label\n5,6,a \n")
    splits, said = read(tmp_path)
    assert said[0] == "inputs: 2 columns, 'x', 'width'"
    assert (splits.training.class_names, splits.test.labels.tolist()) == (("a", "b"), [0])
    assert read(tmp_path, label="label", inputs=("width",))[0].test.inputs.tolist() == [[6]]
    (tmp_path / "test.csv").write_text("x, x ,label\n5,6,a\n")
    with pytest.raises(DataError, match="columns must have different names, 'x' is there twice"):
        read(tmp_path)


def test_a_header_that_is_none_is_said(tmp_path):
    (tmp_path / "t.csv").write_text(f"x,{'label' * 40_000}\n1,a\n")
    with pytest.raises(DataError, match=r"t.csv can't be read: its first line is none of names: field larger than"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("text", "encoding", "message"),
    [
        (
            "x,label\n1,a\n2,b\n",
            "utf-16",
            "t.csv must be in UTF-8, it may be in UTF-16\n\nhint: write it in UTF-8: .*-f utf-16",
        ),
        (
            "größe,label\n1,a\n2,b\n",
            "latin1",
            "t.csv must be in UTF-8, its first line is not\n\nhint: .*iconv -f latin1",
        ),
        (
            "x,label\n1,a\n2,bé\n",
            "latin1",
            r"column 'label': texts must be in UTF-8, row 2 is b'b\\xe9'\n\nhint: .*latin1",
        ),
        (
            "x,note,label\n1,é,a\n2,,b\n",
            "latin1",
            r"column 'note': texts must be in UTF-8, row 1 is b'\\xe9'\n\nhint: ",
        ),
    ],
)
def test_what_is_not_in_utf8_is_refused_with_the_way_to_make_it_so(tmp_path, text, encoding, message):
    (tmp_path / "t.csv").write_text(text, encoding)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "t.csv")


def test_delimiters_in_quoted_names_are_none(tmp_path):
    (tmp_path / "t.csv").write_text('"a, in, cm";"b ""x"", y, z";label\n1;2;a\n3;4;b\n')
    assert read(tmp_path / "t.csv")[0].training.column_names == ("a, in, cm", 'b "x", y, z')


def test_a_quote_that_is_not_closed_is_told_in_a_line(tmp_path):
    (tmp_path / "t.csv").write_text('x,label\n1,"a\n' + "2,b\n" * 500)
    with pytest.raises(
        DataError, match="(?s)there is only .*look for a quote that is opened and not closed"
    ) as refused:
        read(tmp_path / "t.csv")
    assert len(str(refused.value)) < 400
    (tmp_path / "t.csv").write_text('x,label\n1,"a\n2,b"\n' + "2,b\n" * 500 + '3,"c\n' + "2,b\n" * 500)
    assert all(len(line) < 400 for line in read(tmp_path / "t.csv")[1])
    (tmp_path / "t.csv").write_text("x,label\n1,a\n2,b," + "b" * 1000 + "\n")
    with pytest.raises(DataError, match="t.csv can't be read: CSV parse error") as refused:
        read(tmp_path / "t.csv")
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("cells", "row"),
    [(("1,5", "2,25"), 1), (("5%", "7 %"), 1), (("1", "2", "3,5"), 3), (("1.234,5", "2"), 1), (("$5", "6"), 1)],
)
def test_numbers_that_are_written_otherwise_are_refused_with_the_way_to_write_them(tmp_path, cells, row):
    (tmp_path / "t.csv").write_text("x;label\n" + "".join(f"{cell};{'ab'[n % 2]}\n" for n, cell in enumerate(cells)))
    with pytest.raises(
        DataError, match=rf"inputs must be numbers, row {row} is '.*\n\nhint: write numbers alone, with"
    ):
        read(tmp_path / "t.csv")


def test_texts_that_are_no_numbers_are_left_out_and_one_among_numbers_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("x;place;label\n1;5a;a\n2;12, Main;b\n")
    assert read(tmp_path / "t.csv")[1][0] == "inputs: column 'x'; left out: 'place'"
    (tmp_path / "t.csv").write_text("x;label\n1;a\n2;b\nfew;b\n")
    with pytest.raises(DataError, match=r"row 3 is 'few'\n\nhint: --inputs names the columns"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (2**24, False),
        (2**24 + 1, True),
        (-(2**53), True),
        (2**64 + 7, True),
        ("3e9", True),
        ("3e9,a\n1,0.5", False),
    ],
)
def test_whole_numbers_that_float32_rounds_are_told(tmp_path, number, told):
    (tmp_path / "t.csv").write_text(f"x,z,label\n1,{number},a\n2,5,b\n")
    splits, said = read(tmp_path / "t.csv")
    assert told or splits.training.inputs[0, 1] == float(str(number).split(",")[0])
    rule = "warning: whole numbers beyond 16,777,216 lose their last digits as float32, in 'z': leave out what"
    assert any(line.startswith(rule) for line in said) == told


def test_whole_numbers_that_float64_rounds_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text(f"x,z,label\n1,{2**53 + 1},a\n2,5,b\n")
    message = r"t.csv, column 'z': whole numbers must lie in -2\^53..2\^53, there is one of size 9007199254740993"
    with pytest.raises(DataError, match=message):
        read(tmp_path / "t.csv")
