"""How long models take: what is timed, in which order, and that the middle and the slow end are those of the clock."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from limbeck.data import TransferSet
from limbeck.ship import latency
from limbeck.teachers import from_onnx
from limbeck.teachers.onnx_files import open_session

ROWS = TransferSet(torch.arange(6).reshape(3, 2).float(), labels=torch.tensor([0, 1, 0]))


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still but where a model moves it."""
    now = [0.0]
    monkeypatch.setattr(latency.time, "perf_counter", lambda: now[0])
    return now


def test_models_are_asked_in_turn_and_warm_ups_do_not_count(clock):
    asked, seconds = [], iter([9.0] * 20 + [each / 1000 for each in range(1, 201)])

    def asker(name):
        def lay(batch):
            clock[0] += 100  # laying out is not timed

            def ask():
                asked.append((name, batch[:, 0].tolist()))
                clock[0] += next(seconds)

            return ask

        return lay

    found = latency.latencies({"a": asker("a"), "b": asker("b")}, ROWS, 2, calls=100)
    assert asked[:4] == [("a", [0, 2]), ("b", [0, 2]), ("b", [4, 0]), ("a", [4, 0])]
    times = np.arange(1, 201).reshape(50, 4)  # a, b, b, a
    assert found["a"].calls == 100
    assert found["a"].p50_ms == pytest.approx(np.percentile(times[:, [0, 3]], 50))
    assert found["a"].p99_ms == pytest.approx(np.percentile(times[:, [0, 3]], 99))
    assert found["b"].p50_ms == pytest.approx(np.percentile(times[:, [1, 2]], 50))


def test_slow_models_are_asked_less_often(clock, monkeypatch):
    hours = iter(range(100))
    monkeypatch.setattr(latency.time, "monotonic", lambda: 3600 * next(hours))
    (found,) = latency.latencies({"slow": lambda batch: lambda: None}, ROWS).values()
    assert found.calls == latency.FEWEST


def test_nets_are_asked_in_evaluation_mode_on_one_thread(clock):
    seen = []

    class Net(nn.Module):
        def forward(self, inputs):
            seen.append((self.training, torch.get_num_threads(), torch.is_inference_mode_enabled(), len(inputs)))
            clock[0] += 0.002
            return inputs

    net, threads = Net(), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert latency.latency_ms({"net": net, "callable": lambda inputs: inputs}, ROWS, calls=3) == {
            "net": pytest.approx(2.0),
            "callable": 0.0,
        }
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert set(seen) == {(False, 1, True, 1)}
    assert net.training


def test_a_teacher_in_a_file_is_asked_on_one_thread_for_its_own_output(tmp_path, monkeypatch):
    helper = onnx.helper
    shapes = [helper.make_tensor_value_info(name, 1, ["batch", 2]) for name in ("x", "first", "second")]
    nodes = [helper.make_node("Identity", ["x"], ["first"]), helper.make_node("Neg", ["x"], ["second"])]
    model = helper.make_model(
        helper.make_graph(nodes, "it", shapes[:1], shapes[1:]),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    onnx.save(model, tmp_path / "net.onnx")
    teacher, opened = from_onnx(tmp_path / "net.onnx", output="second"), []

    def opens(file, threads=None):
        opened.append(threads)
        return open_session(file, threads)

    monkeypatch.setattr(latency, "open_session", opens)
    assert latency.latency_ms({"teacher": teacher}, ROWS, calls=3)["teacher"] > 0
    assert opened == [1]
    session, whole = open_session(tmp_path / "net.onnx", 1), torch.tensor([[1, 2]])
    assert latency.from_python(session, teacher.output)(whole)()[0].tolist() == [[-1, -2]], (
        "as floats, as it wants them"
    )
    assert latency.from_python(session)(whole)()[0].tolist() == [[1, 2]]
    latency.bound(session, teacher.output)(whole)()


@pytest.mark.parametrize("told", [{"a": 1}, {"a": "1.0"}, [1.0]])
def test_times_that_are_none_are_refused(told):
    assert latency.times_of({"a": 1.5, "b": 2.0}, ["a"]) == {"a": 1.5}
    with pytest.raises((TypeError, KeyError)):
        latency.times_of(told, ["a"])
