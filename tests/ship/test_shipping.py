"""What a run leaves to be taken away, and that it is measured once."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from limbeck import conclusion
from limbeck.data import TransferSet
from limbeck.errors import ArgumentError, RunError, ShipError
from limbeck.evidence import row_of
from limbeck.models import MLP
from limbeck.progress import Progress
from limbeck.run_json import read_finished
from limbeck.runs import Run
from limbeck.ship import costs, memory, shipping, told
from limbeck.ship.costs import Cost, measure_costs
from limbeck.ship.latency import Latency
from limbeck.ship.memory import peak_memory_bytes
from limbeck.ship.parity import Parity
from limbeck.ship.shipping import Shipment, Shipped, read_shipped, ship, withdraw
from limbeck.teachers import Ensemble, from_function, from_onnx, predict
from limbeck.teachers.onnx_files import open_session

GENERATOR = torch.Generator().manual_seed(0)
INPUTS = torch.randint(0, 17, (40, 6), dtype=torch.uint8, generator=GENERATOR)
LABELS = torch.arange(40) % 3
WHOLE = TransferSet(INPUTS, LABELS, ("a", "b", "c"))
TRAIN, TEST = WHOLE.subset(torch.arange(20)), WHOLE.subset(torch.arange(20, 40), "test set")


def mlp(seed, width=8):
    torch.manual_seed(seed)
    return MLP([6, width, 3], scale=16)


def shipment(**changes):
    teacher = Ensemble([mlp(1, 64), mlp(2, 64)])
    return Shipment(**{"student": mlp(0), "teacher": teacher, "taught_by": "ensemble", "train": TRAIN, **changes})


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A run's folder and what was shipped there, shared."""
    folder = tmp_path_factory.mktemp("run")
    return folder, ship(folder, shipment(), TEST, Progress())


def test_student_and_ensemble_are_each_one_file(shipped):
    folder, found = shipped
    names = {"ensemble, ONNX": "ensemble.onnx", "student, ONNX": "student.onnx", "student, int8": "student-int8.onnx"}
    assert {name: path.name for name, path in found.files.items()} == names
    teacher = shipment().teacher
    torch.testing.assert_close(predict(from_onnx(folder / "ensemble.onnx"), TEST), predict(teacher, TEST))
    assert torch.equal(found.expected, predict(mlp(0), TEST))
    assert found.parities["student, ONNX"].rows == 20
    assert {tuple(row) for row in found.calibration.tolist()} == {tuple(row) for row in INPUTS[:20].tolist()}
    assert found.refused == []


def test_costs_are_those_of_the_files(shipped):
    folder, found = shipped
    by_name = {cost.name: cost for cost in found.costs}
    assert list(by_name) == list(found.files)
    student, ensemble = by_name["student, ONNX"], by_name["ensemble, ONNX"]
    assert student.parameters == 6 * 8 + 8 + 8 * 3 + 3
    assert student.macs == 6 * 8 + 8 * 3
    assert ensemble.parameters == 2 * (6 * 64 + 64 + 64 * 3 + 3)
    assert student.size_bytes == (folder / "student.onnx").stat().st_size
    assert by_name["student, int8"].parameters == student.parameters
    for cost in by_name.values():
        assert 0 < cost.one.p50_ms <= cost.one.p99_ms
        assert cost.many.p50_ms > 0
        assert cost.from_python_ms > 0
        assert cost.peak_memory_bytes > 1e6
        assert Cost.of(json.loads(json.dumps(cost.told()))) == cost


def test_memory_grows_with_the_weights(tmp_path):
    helper, sizes = onnx.helper, []
    for width in (1, 1_000_000):
        weights = onnx.numpy_helper.from_array(np.zeros((6, width), np.float32), "weights")
        shapes = [helper.make_tensor_value_info(name, 1, ["batch", size]) for name, size in (("x", 6), ("y", width))]
        node = helper.make_node("MatMul", ["x", "weights"], ["y"])
        graph = helper.make_graph([node], "it", shapes[:1], shapes[1:], [weights])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        onnx.save(model, tmp_path / "net.onnx")
        sizes.append(peak_memory_bytes(tmp_path / "net.onnx", 1))
    assert 24e6 < sizes[1] - sizes[0] < 200e6


def test_memory_that_can_not_be_told_is_none(tmp_path, monkeypatch, shipped):
    (tmp_path / "net.onnx").write_bytes(b"no model")
    assert peak_memory_bytes(tmp_path / "net.onnx") is None, "the process that is measured fails"
    path = str(shipped[0] / "student.onnx")
    assert memory._main(path, 1) is not None
    monkeypatch.setattr(memory, "RESET", tmp_path)
    assert memory._main(path, 1) is None, "the peak would be that of the imports"


def test_figures_are_kept_whatever_comes_of_shipping(tmp_path, monkeypatch):
    def killed(*arguments):
        raise MemoryError

    monkeypatch.setattr(conclusion, "ship", killed)
    run = Run("digits", {}, tmp_path / "run", 1, None, Progress(), "", ship=True)
    run.folder.mkdir()
    (tmp_path / "student").write_bytes(b"weights")
    rows, nobody = [row_of("student", "test errors", [3], None)], {"judgements": {}, "cast": {}}
    with pytest.raises(MemoryError):
        conclusion.conclude(run, TEST, rows, ["It is."], student=tmp_path / "student", shipment=shipment(), **nobody)
    told = read_finished(run.folder)
    assert (told["rows"], told["findings"], told["costs"]) == (rows, ["It is."], [])


def test_a_repeated_run_finds_all_and_measures_nothing(shipped, monkeypatch):
    folder, found = shipped
    monkeypatch.setattr(shipping, "export_onnx", None)
    again = ship(folder, shipment(), TEST, Progress())
    assert again.costs == found.costs
    assert again.parities == found.parities
    for name, logits in found.logits.items():
        assert torch.equal(again.logits[name], logits)


@pytest.mark.parametrize("change", ["student", "teacher", "train", "test", "file", "missing"])
def test_what_is_not_the_same_is_made_again(change, shipped, tmp_path, monkeypatch):
    folder, _ = shipped
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    others = {"student": mlp(3), "teacher": Ensemble([mlp(1, 64), mlp(3, 64)]), "train": TRAIN.subset(TRAIN.ids[:9])}
    if change == "file":
        (tmp_path / "student.onnx").write_bytes(b"another")
    if change == "missing":
        (tmp_path / "student-int8.onnx").unlink()
    test = TEST.subset(TEST.ids[:9]) if change == "test" else TEST

    class MadeAgainError(Exception):
        pass

    def export(*arguments, **options):
        raise MadeAgainError

    monkeypatch.setattr(shipping, "export_onnx", export)
    with pytest.raises(MadeAgainError):
        ship(tmp_path, shipment(**{change: others[change]} if change in others else {}), test, Progress())


def test_a_teacher_that_is_no_net_is_timed_as_it_is_called(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "peak_memory_bytes", lambda path: None)
    function = from_function(lambda inputs: inputs[:, :3].float() - 5, "it")
    found = ship(tmp_path, shipment(teacher=function, taught_by="teacher"), TEST, Progress())
    assert list(found.files) == ["student, ONNX", "student, int8"]
    teacher = found.costs[0]
    assert teacher.name == "teacher"
    assert (teacher.size_bytes, teacher.parameters, teacher.macs, teacher.from_python_ms) == (None,) * 4
    assert teacher.one.p50_ms > 0
    rows = told.shipped_rows(found, TEST.labels_to_judge(), accuracy=False)
    ratios = [row["setting"] for row in rows if row["metric"] == "ratio"]
    assert ratios == [
        "teacher, one example / student, ONNX, one example",
        "teacher, 64 examples / student, ONNX, 64 examples",
    ]
    said = told.shipped_findings(found, TEST.labels_to_judge())
    assert "and the teacher, of which no file is made, as it is called: one example takes the teacher " in said[-1]


class Branching(torch.nn.Module):
    def forward(self, inputs):
        return inputs[:, :3].float() if inputs.sum() > 0 else inputs[:, 3:].float()


def test_what_can_not_be_made_is_told(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise ShipError("no")

    monkeypatch.setattr(costs, "peak_memory_bytes", lambda path: None)
    monkeypatch.setattr(shipping, "quantise", refuse)
    found = ship(tmp_path, shipment(teacher=Branching(), taught_by="teacher"), TEST, Progress())
    assert list(found.files) == ["student, ONNX"]
    assert found.refused[0].startswith("There is no teacher.onnx: the net can't be exported to ONNX: Guard")
    assert found.refused[1] == "There is no student-int8.onnx: no."
    assert told.shipped_findings(found, TEST.labels_to_judge())[-2:] == found.refused
    with pytest.raises(ShipError, match="can't be exported"):
        ship(tmp_path, shipment(student=Branching()), TEST, Progress())


def test_a_teacher_that_can_not_be_copied_has_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(costs, "peak_memory_bytes", lambda path: None)
    teacher = mlp(1)
    teacher.lock = threading.Lock()
    found = ship(tmp_path, shipment(teacher=teacher, taught_by="teacher"), TEST, Progress())
    assert list(found.files) == ["student, ONNX", "student, int8"]
    assert found.refused[0].startswith(
        "There is no teacher.onnx: a net must be one that can be copied, MLP is not: Type"
    )


def test_a_teacher_in_a_file_has_its_size(shipped, monkeypatch):
    monkeypatch.setattr(costs, "peak_memory_bytes", lambda path: None)
    path, opened = shipped[0] / "ensemble.onnx", []
    teacher = from_onnx(path)

    def opens(file, threads=None):
        opened.append((file, threads))
        return open_session(file, threads)

    monkeypatch.setattr(costs, "open_session", opens)
    student, measured = measure_costs({"student, ONNX": shipped[0] / "student.onnx"}, TEST, {"teacher": teacher})[::-1]
    assert (measured.name, student.name) == ("teacher", "student, ONNX")
    assert measured.size_bytes == path.stat().st_size
    assert measured.from_python_ms > 0
    assert sorted(opened) == [(path, 1), (shipped[0] / "student.onnx", 1)], "both on one thread"


def test_files_are_asked_in_one_round_and_others_before(shipped, monkeypatch):
    monkeypatch.setattr(costs, "peak_memory_bytes", lambda path: None)
    rounds, real = [], costs.latencies

    def asked(askers, test_set, size=1):
        rounds.append((size, list(askers)))
        return real(askers, test_set, size, calls=2)

    monkeypatch.setattr(costs, "latencies", asked)
    files = {"student, ONNX": shipped[0] / "student.onnx"}
    found = measure_costs(files, TEST, {"teacher": from_function(lambda rows: rows, "slow")})
    both = ["student, ONNX", "student, ONNX, asked from Python"]
    assert rounds == [(1, ["teacher"]), (64, ["teacher"]), (1, both), (64, both[:1])]
    assert [(each.name, each.from_python_ms is None) for each in found] == [("teacher", True), ("student, ONNX", False)]


def test_what_was_shipped_goes_when_the_student_is_another(shipped, tmp_path):
    for path in shipped[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for weights, left in ((b"one", 4), (b"one", 4), (b"another", 0)):
        (tmp_path / "weights").write_bytes(weights)
        conclusion._keep_student(tmp_path, tmp_path / "weights")
        assert len([*tmp_path.glob("*.onnx"), *tmp_path.glob("shipped.*")]) == left
        assert (tmp_path / "student.safetensors").read_bytes() == weights


def test_withdraw_takes_what_was_shipped_and_nothing_else(shipped, tmp_path):
    kept = {"student.safetensors", "report.html", "another.onnx"}
    for name in kept | {path.name for path in shipped[0].iterdir()} | {"teacher.onnx"}:
        (tmp_path / name).touch()
    for _ in range(2):
        withdraw(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == kept


def test_a_damaged_account_is_refused(shipped, tmp_path):
    folder, _ = shipped
    data = bytearray((folder / "shipped.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "shipped.safetensors").write_bytes(data)
    with pytest.raises(RunError, match="shipped.safetensors is damaged: its checksum"):
        read_shipped(tmp_path)


def test_a_file_from_elsewhere_has_no_costs(tmp_path, shipped):
    model = onnx.load(shipped[0] / "student.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    with pytest.raises(ArgumentError, match="bare.onnx must be written by limbeck, its metadata lacks parameters"):
        measure_costs({"it": tmp_path / "bare.onnx"}, TEST)


def of(name, one, many, size, parameters):
    return Cost(name, parameters, 10 * parameters, size, Latency(one, 9, 9), Latency(many, 9, 9), one + 1, 5)


def test_rows_and_words_of_record():
    logits = {name: torch.eye(3)[[0, 1, wrong]] for name, wrong in (("teacher, ONNX", 2), ("student, ONNX", 1))}
    logits["student, int8"] = logits["student, ONNX"]
    found = Shipped(
        {name: Path(name) for name in logits},
        logits,
        logits["student, ONNX"],
        INPUTS,
        [
            of("teacher, ONNX", 4, 40, 6000, 500),
            of("student, ONNX", 0.5, 2, 1500, 50),
            of("student, int8", 1, 1, 400, 50),
        ],
        {"student, ONNX": Parity(3, 2e-6, 1e-4, 1.0)},
        [],
        {},
    )
    labels = torch.tensor([0, 1, 2])
    rows = {(row["setting"], row["metric"]): row["values"] for row in told.shipped_rows(found, labels, accuracy=True)}
    assert rows["teacher, ONNX", "test errors"] == [0]
    assert rows["student, int8", "accuracy"] == [pytest.approx(2 / 3)]
    assert rows["student, ONNX", "latency p50 (ms)"] == [0.5]
    assert rows["student, ONNX, 64 examples", "latency p50 (ms)"] == [2]
    assert rows["student, ONNX, asked from Python", "latency p50 (ms)"] == [1.5]
    assert rows["student, int8", "size (bytes)"] == [400]
    assert rows["student, ONNX", "parameters"] == [50]
    ratios = {setting: values for (setting, metric), values in rows.items() if metric == "ratio"}
    assert ratios == {
        "teacher, ONNX, one example / student, ONNX, one example": [8],
        "teacher, ONNX, one example asked from Python / student, ONNX, one example asked from Python": [5 / 1.5],
        "teacher, ONNX, 64 examples / student, ONNX, 64 examples": [20],
        "teacher, ONNX, multiplications / student, ONNX, multiplications": [10],
        "teacher, ONNX, parameters / student, ONNX, parameters": [10],
        "teacher, ONNX, bytes / student, ONNX, bytes": [4],
    }
    same = "chooses the student's class on 100.00% of 3 test rows; its logits differ by 2e-06 at most."
    took = "one example takes the teacher 4 ms and the student 0.5 ms (8.0 ×), 64 at once 40 ms and 2 ms (20.0 ×)."
    why = "a call, and each layer in it, takes a time of its own however narrow the layers are"
    assert told.shipped_findings(found, labels) == [
        f"student.onnx (1,500 bytes) {same}",
        "In int8 it has 400 bytes and makes 1 test errors, in float32 1.",
        "In int8 the student is slower here: one example takes 1 ms in int8 and 0.5 ms in float32.",
        f"In ONNX Runtime on one thread: {took}",
        f"It has 10.0 × fewer parameters, and one example is 8.0 × quicker: {why}.",
    ]
    assert told.shipped_findings(found, labels, ("a", "<b>"))[1] == "It takes a row's numbers in this order: a, <b>."
    many = told.shipped_findings(found, labels, [str(number) for number in range(1000)])[1]
    assert many.endswith(", 28, 29, … (1,000 in all: column_names in its metadata).")
    assert len(told.shipped_findings(found, None)) == 4
    costs = [*found.costs[:2], of("student, int8", 0.4, 1, 400, 50)]
    assert not any("slower" in each for each in told.shipped_findings(replace(found, costs=costs), labels))


def test_a_run_without_the_packages_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(conclusion, "can_ship", lambda: False)
    run = Run("digits", None, tmp_path, 1, None, Progress(), "", ship=True)
    rows, said, measured = conclusion._shipped(run, shipment(), TEST, accuracy=False)
    assert (rows, measured) == ([], [])
    assert said == [told.NO_EXTRA]
    assert said[0].endswith("(pip install 'limbeck[onnx]').")
    monkeypatch.setattr(conclusion, "can_ship", lambda: True)
    _, said, _ = conclusion._shipped(run, shipment(student=Branching()), TEST, accuracy=False)
    assert said[0].startswith("There is no student.onnx: the net can't be exported to ONNX")
