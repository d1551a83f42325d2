"""A net in 8-bit integers: calibrated on training rows that a seed chooses, nearly as good, its logits in float32."""

import json
import logging
import shutil

import onnx
import pytest
import torch
from torch import nn

from limbeck.data import Jitter, TransferSet, load_digits
from limbeck.errors import ArgumentError, RunError, ShipError
from limbeck.models import MLP
from limbeck.ship import export_onnx
from limbeck.ship import quantise as quantise_module
from limbeck.ship.quantise import calibration_rows, quantise
from limbeck.teachers import from_onnx, predict


@pytest.fixture(scope="module")
def digits():
    """A linear model of digits, fitted in closed form, behind a hidden layer that keeps all: it has no seed."""
    train, test = load_digits()
    net = MLP([64, 128, 10], scale=16)
    first, last = net.layers[0], net.layers[2]
    with torch.no_grad():
        first.weight.copy_(torch.cat([torch.eye(64), torch.eye(64) - 1 / 64]))  # their ReLUs differ
        first.bias.zero_()
        x = net.layers[:2](train.at(train.ids).flatten(1).float() / 16)
        y = nn.functional.one_hot(train.labels_at(train.ids), 10).float() - 0.1
        weights = torch.linalg.solve(x.double().T @ x.double() + 10 * torch.eye(128), x.double().T @ y.double())
        last.weight.copy_(10 * weights.T.float())
        last.bias.zero_()
    return net, train, test


def test_int8_is_small_and_nearly_as_good(digits, tmp_path):
    net, train, test = digits
    paths = [tmp_path / name for name in ("float.onnx", "a.onnx", "b.onnx")]
    export_onnx(net, test, paths[0])
    for path in paths[1:]:
        quantise(paths[0], calibration_rows(train), path)
    assert paths[1].read_bytes() == paths[2].read_bytes()
    assert paths[1].stat().st_size < 0.6 * paths[0].stat().st_size
    labels, exact, coarse = test.labels_to_judge(), predict(net, test), predict(from_onnx(paths[1]), test)
    right = [(logits.argmax(1) == labels).double().mean().item() for logits in (exact, coarse)]
    assert right[0] > 0.9
    assert abs(right[0] - right[1]) < 0.01
    assert 0 < (exact - coarse).abs().max() < 0.2
    model = onnx.load(paths[1])
    weights = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    assert {str(weights[name].dtype) for name in weights if name.endswith("weight_quantized")} == {"int8"}
    assert weights["layers.2.weight_scale"].shape == (10,), "a scale a channel"
    assert model.graph.node[-1].op_type == "Gemm", "logits stay float32"
    told = {each.key: each.value for each in model.metadata_props}
    assert json.loads(told["class_names"]) == list("0123456789")


def test_rows_are_chosen_by_the_seed_from_the_set_as_it_is():
    source = torch.arange(40).reshape(10, 4)
    train = TransferSet(source.reshape(10, 1, 2, 2), ids=torch.arange(5)).seen_through(Jitter(1))
    rows = calibration_rows(train, 3)
    assert rows.shape == (3, 1, 2, 2)
    assert torch.equal(rows, calibration_rows(train, 3))
    assert not torch.equal(rows, calibration_rows(train, 3, seed=1))
    firsts = set((calibration_rows(train, 99)[:, 0, 0, 0] // 4).tolist())
    assert firsts == set(range(5)), "all of the set, none that is not of it, as the source holds them"
    with pytest.raises(ArgumentError, match="calibration must take 1 row or more, got 0"):
        calibration_rows(train, 0)


def test_advice_is_kept_and_logging_stays_as_it_was(caplog):
    logging.disable(logging.DEBUG)
    try:
        with quantise_module._quietly():
            logging.getLogger().warning("advice")
            logging.getLogger().error("what matters")
            logging.getLogger("another").warning("its own")
        assert [record.message for record in caplog.records] == ["what matters", "its own"]
        assert logging.root.manager.disable == logging.DEBUG
        assert logging.root.filters == []
    finally:
        logging.disable(logging.NOTSET)


def test_what_is_no_model_can_not_be_quantised(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"no model")
    with pytest.raises(ShipError, match=r"net.onnx can't be quantised: "):
        quantise(tmp_path / "net.onnx", torch.zeros(1, 2), tmp_path / "out.onnx")
    with pytest.raises(ArgumentError, match="1 row or more, got 0"):
        quantise(tmp_path / "net.onnx", torch.zeros(0, 2), tmp_path / "out.onnx")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot write"):
        quantise(tmp_path / "net.onnx", torch.zeros(1, 2), tmp_path / "file" / "out.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "net.onnx"]


@pytest.mark.parametrize(("error", "free"), [(OSError(28, "No space left"), 2**40), (ValueError("corrupt"), 2**20)])
def test_want_of_room_is_not_taken_for_the_models_fault(error, free, tmp_path, monkeypatch, caplog):
    def failing(*arguments, **options):
        logging.getLogger("onnxruntime.quantization.shape_inference").error("Traceback")
        raise error

    monkeypatch.setattr("onnxruntime.quantization.quantize_static", failing)
    export_onnx(MLP([6, 3]), torch.rand(2, 6), tmp_path / "net.onnx")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage._replace(free=free))
    with pytest.raises(
        RunError, match=r"net.onnx can't be quantised now: .*Error: .* bytes left, 1,0[\d,]+ are enough"
    ):
        quantise(tmp_path / "net.onnx", torch.rand(2, 6), tmp_path / "int8.onnx")
    assert "Traceback" not in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    if not isinstance(error, OSError):
        monkeypatch.undo()
        monkeypatch.setattr("onnxruntime.quantization.quantize_static", failing)
        with pytest.raises(ShipError, match="can't be quantised: ValueError: corrupt"):
            quantise(tmp_path / "net.onnx", torch.rand(2, 6), tmp_path / "int8.onnx")
