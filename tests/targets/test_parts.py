"""Several writers of one store: whatever their order, it becomes what one writer would have made."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from stores import Nudge, Says, examples, files_of, in_runs, less_maximum

from limbeck import ArgumentError, Ensemble, SoftTargets, TargetsError, write_soft_targets
from limbeck.targets import Dense, Sampled, TopK

OPTIONS = {"num_views": 2, "rows_per_shard": 16, "batch_size": 8}
DATA = {
    "rows": lambda: examples().seen_through(Nudge()),
    "a subset": lambda: examples().seen_through(Nudge()).subset(torch.tensor([49, 3, 20, *range(30, 45)])),
    "runs": lambda: in_runs().seen_through(Nudge()),
}


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_parts_in_any_order_make_what_one_writer_makes(tmp_path, order):
    write_soft_targets(Says(), DATA["rows"](), tmp_path / "one", **OPTIONS)
    for turn in order:
        with pytest.raises(TargetsError, match="is not finished|holds no soft targets"):
            SoftTargets.open(tmp_path / "parts")
        write_soft_targets(Says(), DATA["rows"](), tmp_path / "parts", part=(turn, 3), **OPTIONS)
    SoftTargets.open(tmp_path / "parts").verify()
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "one")


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("encoding", [Dense("float32"), TopK(3, (1.0, 4.0)), Sampled(4, (4.0,))])
def test_every_encoding_and_form_of_data_can_be_written_in_parts(tmp_path, data, encoding):
    teachers = Ensemble([Says(0), Says(2)], weights=(1, 3))
    write_soft_targets(teachers, DATA[data](), tmp_path / "one", encoding=encoding, **OPTIONS)
    for turn in (2, 1):
        write_soft_targets(teachers, DATA[data](), tmp_path / "parts", encoding=encoding, part=(turn, 2), **OPTIONS)
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "one")


def test_each_part_asks_for_its_own_rows_alone(tmp_path):
    teachers = [Says() for _ in range(3)]
    for turn, teacher in enumerate(teachers, 1):
        write_soft_targets(teacher, DATA["rows"](), tmp_path, part=(turn, 3), **OPTIONS)
    assert [teacher.rows for teacher in teachers] == [2 + 16 * 3 - 12, 2 + 32, 2 + 32]  # the 7th shard has 4 rows


def test_more_parts_than_shards_leave_some_nothing_to_do(tmp_path):
    for turn in range(1, 10):
        teacher = Says()
        write_soft_targets(teacher, DATA["rows"](), tmp_path, part=(turn, 9), **OPTIONS)
    assert teacher.rows == 2
    SoftTargets.open(tmp_path).verify()


def test_what_is_there_of_an_unfinished_store_can_be_read(tmp_path):
    data = examples()
    targets = write_soft_targets(Says(), data, tmp_path, encoding=Dense("float32"), rows_per_shard=16, part=(1, 2))
    assert torch.equal(targets.logits(torch.tensor([3]), temperature=1.0), less_maximum(data.inputs[3:4]))
    with pytest.raises(TargetsError, match="00001.arrow is not written yet") as caught:
        targets.logits(torch.tensor([3, 17]), temperature=1.0)
    assert caught.value.hint == "wait for its writer, or write it again"
    with pytest.raises(TargetsError, match="is not finished: 2 of 4 shards are written"):
        SoftTargets.open(tmp_path)


def test_a_part_that_was_killed_goes_on(tmp_path):
    write_soft_targets(Says(), DATA["rows"](), tmp_path / "one", **OPTIONS)
    write_soft_targets(Says(), DATA["rows"](), tmp_path / "parts", part=(2, 2), **OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        write_soft_targets(Says(dies_after=40), DATA["rows"](), tmp_path / "parts", part=(1, 2), **OPTIONS)
    again = Says()
    write_soft_targets(again, DATA["rows"](), tmp_path / "parts", part=(1, 2), **OPTIONS)
    assert again.rows == 2 + 16 + 4
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "one")


def test_one_writer_ends_what_parts_began(tmp_path):
    write_soft_targets(Says(), DATA["rows"](), tmp_path / "one", **OPTIONS)
    write_soft_targets(Says(), DATA["rows"](), tmp_path / "parts", part=(2, 3), **OPTIONS)
    rest = Says()
    write_soft_targets(rest, DATA["rows"](), tmp_path / "parts", **OPTIONS)
    assert rest.rows == 2 + 100 - 32
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "one")


@pytest.mark.parametrize("part", [(0, 3), (4, 3), (1, 0), (-1, 2)])
def test_a_part_that_is_none_is_refused_and_leaves_nothing(tmp_path, part):
    teacher = Says()
    message = f"a part must be i of n with 1 <= i <= n, got {part[0]} of {part[1]}"
    with pytest.raises(ArgumentError, match=message):
        write_soft_targets(teacher, examples(), tmp_path, part=part)
    assert teacher.rows == 0
    assert not list(tmp_path.iterdir())


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from stores import Nudge, Says, in_runs
from limbeck import Ensemble, write_soft_targets
data = in_runs((3, 1, 4, 1, 5, 9, 2, 6) * 8).seen_through(Nudge())
teachers = Ensemble([Says(0), Says(1)])
part = (int(sys.argv[3]), int(sys.argv[4]))
write_soft_targets(teachers, data, sys.argv[2], num_views=2, rows_per_shard=16, batch_size=8, part=part)
"""


def test_processes_at_once_make_what_one_writer_makes(tmp_path):
    def start(folder, turn, turns):
        arguments = [str(Path(__file__).parent), str(tmp_path / folder), str(turn), str(turns)]
        return subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stderr=subprocess.PIPE, text=True)

    writers = [start("parts", turn, 3) for turn in (1, 2, 3)]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    data = in_runs((3, 1, 4, 1, 5, 9, 2, 6) * 8).seen_through(Nudge())
    write_soft_targets(Ensemble([Says(0), Says(1)]), data, tmp_path / "one", **OPTIONS)
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "one")
    assert len(files_of(tmp_path / "one")) == 2 + 2 * 31
