"""Parquet: a store there and back to the bit, and tables that other programs wrote."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from stores import Nudge, Says, examples, files_of, in_runs, less_maximum
from torch.testing import assert_close

from limbeck import ArgumentError, Ensemble, SoftTargets, TargetsError, write_soft_targets
from limbeck.targets import Dense, Sampled, TopK, export_parquet, import_parquet

ENCODINGS = [Dense(), Dense("float32"), TopK(3, (1.0, 4.0)), Sampled(5, (1.0, 4.0))]
DATA = {
    "rows": examples,
    "a subset": lambda: examples().subset(torch.tensor([49, 3, 20, *range(30, 45)])),
    "runs": in_runs,
    "some runs": lambda: in_runs().subset(torch.tensor([7, 2, 5, 0])),
    "runs of one": lambda: in_runs((1,) * 31),
    "labelled": lambda: examples(labels=torch.arange(50) % 7),
}


def store_of(folder, encoding=None, data=None, num_views=2):
    teachers = Ensemble([Says(0), Says(2)], "geometric", (1, 3))
    data = (examples() if data is None else data).seen_through(Nudge())
    return write_soft_targets(teachers, data, folder, encoding=encoding, num_views=num_views, rows_per_shard=16)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
@pytest.mark.parametrize("data", DATA)
def test_a_store_comes_back_to_the_bit(tmp_path, encoding, data):
    there = store_of(tmp_path / "there", encoding, DATA[data]())
    path = export_parquet(there, tmp_path / "table.parquet")
    back = import_parquet(path, tmp_path / "back")
    assert files_of(tmp_path / "back") == files_of(tmp_path / "there")
    assert back.fingerprint == there.fingerprint
    back.check(DATA[data]().seen_through(Nudge()), 7)
    back.verify()


def test_exported_twice_it_is_the_same_file(tmp_path):
    targets = store_of(tmp_path / "there")
    files = [export_parquet(targets, tmp_path / name).read_bytes() for name in ("a.parquet", "b.parquet")]
    assert files[0] == files[1]


def test_a_table_tells_what_each_row_is_of(tmp_path):
    data = in_runs().subset(torch.tensor([7, 2]))
    targets = store_of(tmp_path / "there", Dense("float32"), data)
    table = pq.read_table(export_parquet(targets, tmp_path / "table.parquet"))
    assert table.column_names == ["teacher", "example", "view", "row", "logits"]
    told = {name: table[name].to_pylist() for name in table.column_names[:4]}
    assert told["teacher"] == [0] * 20 + [1] * 20
    assert told["view"] == ([0] * 10 + [1] * 10) * 2
    assert told["example"] == ([7] * 6 + [2] * 4) * 4
    assert told["row"] == [*range(6), *range(4)] * 4
    expected = less_maximum(data.seen_through(Nudge()).at(torch.tensor([7, 2]), 1).roll(2, -1))
    assert_close(torch.tensor(table["logits"].to_pylist()[-10:]), expected, rtol=0, atol=0)


def test_a_table_of_parts_has_their_columns(tmp_path):
    path = export_parquet(store_of(tmp_path / "there", TopK(3, (1.0, 4.0))), tmp_path / "table.parquet")
    table = pq.read_table(path)
    assert table.column_names[4:] == ["classes", "logits", "log_tail"]
    assert [len(table[name][0]) for name in table.column_names[4:]] == [3, 3, 2]
    assert pq.ParquetFile(path).num_row_groups == 2 * 7


def test_a_damaged_store_is_not_exported(tmp_path):
    targets = store_of(tmp_path / "there")
    path = tmp_path / "there" / "teacher-1" / "00002.arrow"
    damaged = bytearray(path.read_bytes())
    damaged[-100] ^= 4
    path.write_bytes(damaged)
    with pytest.raises(TargetsError, match="00002.arrow is damaged"):
        export_parquet(SoftTargets.open(targets.folder), tmp_path / "table.parquet")
    assert not list(tmp_path.glob("*.parquet*"))


@pytest.mark.parametrize("data", ["rows", "some runs"])
def test_flipped_bits_of_a_table_are_detected_or_do_not_matter(tmp_path, data):
    there = store_of(tmp_path / "there", TopK(3, (4.0,)), DATA[data](), num_views=1)
    path = export_parquet(there, tmp_path / "table.parquet")
    whole, refused = path.read_bytes(), 0
    for turn, bit in enumerate(np.random.default_rng(0).choice(len(whole) * 8, 150, replace=False)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        try:
            import_parquet(path, tmp_path / str(turn))
        except (TargetsError, ArgumentError):
            refused += 1
            assert not (tmp_path / str(turn) / "manifest.json").exists()
        else:  # in the schema that Arrow keeps twice, or in names and numbers of rows that are told again elsewhere
            assert files_of(tmp_path / str(turn)) == files_of(tmp_path / "there")
    assert refused > 75


def test_a_table_that_was_cut_or_rewritten_is_refused(tmp_path):
    path = export_parquet(store_of(tmp_path / "there"), tmp_path / "table.parquet")
    table = pq.read_table(path)
    pq.write_table(table, tmp_path / "one group.parquet")
    with pytest.raises(TargetsError, match="must have one row group a shard: it was written by something else"):
        import_parquet(tmp_path / "one group.parquet", tmp_path / "back")
    pq.write_table(table.drop_columns("logits"), tmp_path / "dropped.parquet", row_group_size=16)
    with pytest.raises(TargetsError, match="row group|Parquet"):
        import_parquet(tmp_path / "dropped.parquet", tmp_path / "back")
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(TargetsError, match="can't be read as Parquet"):
        import_parquet(path, tmp_path / "back")
    with pytest.raises(TargetsError, match="can't be read as Parquet"):
        import_parquet(tmp_path / "nowhere.parquet", tmp_path / "back")
    assert not (tmp_path / "back" / "manifest.json").exists()


def test_a_store_is_not_imported_over_another(tmp_path):
    path = export_parquet(store_of(tmp_path / "there"), tmp_path / "table.parquet")
    before = files_of(tmp_path / "there")
    with pytest.raises(TargetsError, match="holds soft targets already"):
        import_parquet(path, tmp_path / "there")
    assert files_of(tmp_path / "there") == before


def test_an_exported_store_takes_no_other_data_and_a_table_needs_some(tmp_path):
    path = export_parquet(store_of(tmp_path / "there"), tmp_path / "table.parquet")
    for options in ({"transfer_set": examples()}, {"encoding": Dense()}):
        with pytest.raises(ArgumentError, match="is an exported store: it is bound to its data, and takes no other"):
            import_parquet(path, tmp_path / "back", **options)
    with pytest.raises(ArgumentError, match="give the transfer set it was made for") as caught:
        import_parquet(written(tmp_path, example=range(50), logits=rows()), tmp_path / "back")
    assert "a table from elsewhere has the columns example and logits" in caught.value.hint


def rows(kind=torch.float32, turn=0):
    return examples().inputs.to(kind).roll(turn, -1).tolist()


def written(folder, types=None, **columns):
    """Write a table as another program would, its rows in no order."""
    table = pa.table({name: pa.array(values, (types or {}).get(name)) for name, values in columns.items()})
    order = np.random.default_rng(0).permutation(len(table))
    pq.write_table(table.take(order), folder / "elsewhere.parquet", row_group_size=13)
    return folder / "elsewhere.parquet"


@pytest.mark.parametrize(
    "kind", [None, pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float32(), 7)], ids=str
)
@pytest.mark.parametrize("encoding", [Dense("float32"), TopK(3, (4.0,)), Sampled(5, (4.0,))], ids=repr)
def test_logits_from_elsewhere_make_the_store_a_teacher_would(tmp_path, kind, encoding):
    path = written(tmp_path, {"logits": kind}, example=range(50), logits=rows())
    targets = import_parquet(path, tmp_path / "ours", transfer_set=examples(), encoding=encoding)
    expected = write_soft_targets(Says(), examples(), tmp_path / "theirs", encoding=encoding)
    assert files_of(tmp_path / "ours" / "teacher-0") == files_of(tmp_path / "theirs" / "teacher-0")
    targets.check(examples(), 7)
    assert targets.manifest.difference(expected.manifest) is None


def test_probs_from_elsewhere_are_turned_into_logits(tmp_path):
    probs = examples().inputs.softmax(-1)
    path = written(tmp_path, example=range(50), probs=probs.tolist())
    targets = import_parquet(path, tmp_path / "store", transfer_set=examples(), encoding=Dense("float32"))
    assert_close(targets.logits(torch.arange(50), temperature=1.0).softmax(-1), probs, rtol=1e-5, atol=1e-6)
    bad = written(tmp_path, example=range(50), probs=rows())
    with pytest.raises(ArgumentError, match="probabilities must lie in 0..1"):
        import_parquet(bad, tmp_path / "bad", transfer_set=examples())
    mistaken = written(tmp_path, example=range(50), logits=probs.tolist())
    with pytest.raises(ArgumentError, match="must give logits, got probabilities"):
        import_parquet(mistaken, tmp_path / "mistaken", transfer_set=examples())


def test_views_and_teachers_from_elsewhere_have_their_places(tmp_path):
    data = examples().subset(torch.tensor([40, 3, 7])).seen_through(Nudge())
    columns = {"example": [], "view": [], "teacher": [], "logits": []}
    for teacher in range(2):
        for view in range(3):
            for example in (3, 7, 9, 40):  # one more than is asked for
                columns["example"].append(example)
                columns["view"].append(view)
                columns["teacher"].append(teacher)
                columns["logits"].append([float(teacher), float(view), float(example), 0.0])
    path = written(tmp_path, {"view": pa.int8(), "teacher": pa.uint16()}, **columns)
    targets = import_parquet(path, tmp_path / "store", transfer_set=data, encoding=Dense("float32"))
    assert (targets.num_members, targets.num_views, targets.num_classes) == (2, 3, 4)
    for teacher in range(2):
        for view in range(3):
            found = targets.columns(teacher, torch.tensor([40, 7]), view)["logits"]
            assert found.tolist() == [[teacher - e, view - e, 0.0, -e] for e in (40, 7)]
    targets.check(data)
    with pytest.raises(TargetsError, match="no soft targets for 1 of 1"):
        targets.at(torch.tensor([9]), temperature=1.0)


def test_an_import_that_was_begun_is_ended_and_another_table_refused(tmp_path):
    path = written(tmp_path, example=range(50), logits=rows())
    import_parquet(path, tmp_path / "store", transfer_set=examples())
    before = files_of(tmp_path / "store")
    (tmp_path / "store" / "teacher-0" / "00000.arrow").unlink()
    import_parquet(path, tmp_path / "store", transfer_set=examples()).verify()
    assert files_of(tmp_path / "store") == before
    path = written(tmp_path, example=range(50), logits=rows(turn=1))
    with pytest.raises(TargetsError, match="something else"):
        import_parquet(path, tmp_path / "store", transfer_set=examples())
    assert files_of(tmp_path / "store") == before


ONE = "must have one row for each teacher, view and example of the transfer set"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"example": range(50)}, r"the table must have rows of example and logits, got \['example'\]"),
        ({"logits": rows()}, "the table must have rows of example and logits"),
        ({"example": range(50), "logits": rows(), "probs": rows()}, "the table must have rows of example and logits"),
        ({"example": [], "logits": []}, "the table must have rows of example and logits"),
        ({"example": range(50), "logits": [0.0] * 50}, "must be a list of one number a class, got double"),
        ({"example": range(50), "logits": [["a"]] * 50}, r"must be a list of one number a class, got list<.*string>"),
        ({"example": range(50), "logits": [*rows()[:-1], None]}, "must be a list of one number a class, got list"),
        ({"example": range(50), "logits": [*rows()[:-1], [1.0, 2.0]]}, r"one number a class, they have \[[27], [27]\]"),
        ({"example": range(50), "logits": [[]] * 50}, r"one number a class, they have \[0\]|got list<.*null>"),
        ({"example": range(50), "logits": [*rows()[:-1], [None] * 7]}, "must have a finite maximum in each row"),
        ({"example": np.arange(50) + 0.5, "logits": rows()}, "the table's example must be whole numbers, got double"),
        ({"example": [*range(49), None], "logits": rows()}, "the table's example must be whole .* int64, 1 empty"),
        ({"example": [str(i) for i in range(50)], "logits": rows()}, "the table's example must be whole numbers, got"),
        ({"example": range(-1, 49), "logits": rows()}, "the table's example must be whole numbers >= 0, got -1"),
        ({"example": range(1, 51), "logits": rows()}, r"the table's examples must lie in 0\.\.49, got 50"),
        ({"example": [*range(49), 3], "logits": rows()}, f"{ONE}, 1 of 50 are there twice"),
        ({"example": range(49), "logits": rows()[:-1]}, f"{ONE}, 50 for 1 teachers and 1 views, got 49"),
        ({"example": range(50), "logits": rows(), "view": [-1] * 50}, "the table's view must be whole numbers >= 0"),
        ({"example": range(50), "logits": rows(), "teacher": [1] * 50}, "100 for 2 teachers and 1 views, got 50"),
        ({"example": range(50), "logits": rows(), "view": [10**15] * 50}, "for 1 teachers and 1000000000000001 views"),
        (
            {"example": [*range(50), *range(50)], "logits": rows() * 2, "view": [0] * 50 + [2] * 50},
            f"{ONE}, 150 for 1 teachers and 3 views, got 100",
        ),
    ],
)
def test_tables_that_are_none_are_refused(tmp_path, columns, message):
    path = written(tmp_path, **columns)
    with pytest.raises(TargetsError, match=message):
        import_parquet(path, tmp_path / "store", transfer_set=examples())
    with pytest.raises(TargetsError):
        SoftTargets.open(tmp_path / "store")


def test_a_hole_is_told_with_its_place(tmp_path):
    data = examples().subset(torch.tensor([4, 9]))
    path = written(tmp_path, example=[4, 3, 8], logits=rows()[:3])
    with pytest.raises(TargetsError, match=r"1 are missing \(the first: teacher 0, view 0, example 9\)"):
        import_parquet(path, tmp_path / "store", transfer_set=data)


def test_a_table_from_elsewhere_has_no_runs(tmp_path):
    path = written(tmp_path, example=range(50), logits=rows())
    with pytest.raises(ArgumentError, match="a table from elsewhere can't be brought in for examples in runs"):
        import_parquet(path, tmp_path / "store", transfer_set=in_runs())


def test_what_is_no_parquet_is_said(tmp_path):
    (tmp_path / "table.csv").write_text("example,logits\n")
    with pytest.raises(TargetsError, match="table.csv can't be read as Parquet"):
        import_parquet(tmp_path / "table.csv", tmp_path / "store", transfer_set=examples())
