"""An exported net: raw inputs, any number of rows, what it says of itself, and when it is refused."""

import json
import sys

import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.testing import assert_close

import limbeck
from limbeck.data import TransferSet
from limbeck.errors import ArgumentError, RunError, ShipError
from limbeck.models import MLP, VGG, Normalised, Whitening
from limbeck.ship import export
from limbeck.ship.costs import measure_costs
from limbeck.ship.quantise import quantise
from limbeck.teachers import Ensemble, InBfloat16, from_function, from_onnx, predict, teacher_fingerprint

GENERATOR = torch.Generator().manual_seed(0)
ROWS = torch.randint(0, 17, (9, 6), dtype=torch.uint8, generator=GENERATOR)
IMAGES = torch.randint(0, 256, (9, 3, 8, 8), dtype=torch.uint8, generator=GENERATOR)


def mlp(seed=0, **options):
    torch.manual_seed(seed)
    return MLP([6, 8, 3], scale=16, **options)


class Halves:
    """A view that is not what the source holds."""

    def spec(self):
        return {"kind": "halves"}

    def __call__(self, inputs, ids, number):
        return inputs / 2


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def whitened():
    torch.manual_seed(0)
    return VGG(((4,), (4,)), 3, size=8, dropout=0.5, average=True, whitening=Whitening(IMAGES.float()))


NETS = {
    "VGG": (whitened, IMAGES),
    "normalised": (lambda: Normalised(nn.Sequential(nn.Conv2d(3, 3, 8), nn.Flatten()), 255, (0.1, 0.2, 0.3)), IMAGES),
    "arithmetic": (lambda: Ensemble([mlp(1, dropout=0.5), mlp(2), mlp(3)], weights=[1, 2, 0]), ROWS),
    "geometric": (lambda: Ensemble([mlp(1), mlp(2)], "geometric"), ROWS),
    "floats": (mlp, ROWS.float()),
}


@pytest.mark.parametrize("name", NETS)
def test_onnx_runtime_says_what_pytorch_says_of_raw_inputs(name, tmp_path):
    make, inputs = NETS[name]
    torch.manual_seed(0)
    net = make()
    parity = limbeck.export_onnx(net, inputs, tmp_path / "net.onnx")
    assert parity.rows == 9
    assert parity.top1_agreement == 1.0
    assert all(module.training for module in net.modules()), "the net is left as it was"
    shipped = export.on_cpu(net)
    for count in (1, 2, 9):
        (logits,) = session(tmp_path / "net.onnx").run(["logits"], {"inputs": inputs[:count].numpy()})
        with torch.no_grad():
            assert_close(torch.from_numpy(logits), shipped(inputs[:count]), rtol=1e-4, atol=1e-4)


def test_a_file_says_what_it_is(tmp_path):
    path, net = tmp_path / "net.onnx", mlp()
    rows = TransferSet(ROWS, class_names=("a", "<b>", "ü"), view=Halves())
    limbeck.export_onnx(net, rows, path, name="it")
    told = session(path).get_modelmeta().custom_metadata_map
    assert json.loads(told["class_names"]) == ["a", "<b>", "ü"]
    assert json.loads(told["input"]) == {"type": "uint8", "shape": ["batch", 6]}
    assert told["name"] == "it"
    assert told["made_from"] == teacher_fingerprint(net)
    assert told["limbeck"] == limbeck.__version__
    assert int(told["parameters"]) == 6 * 8 + 8 + 8 * 3 + 3
    assert int(told["macs"]) == 6 * 8 + 8 * 3
    assert "column_names" not in told
    limbeck.export_onnx(net, TransferSet(ROWS, column_names=("b", "a", "c", "ü", "<e>", "f")), path)
    told = session(path).get_modelmeta().custom_metadata_map
    assert json.loads(told["column_names"]) == ["b", "a", "c", "ü", "<e>", "f"]


def test_equal_nets_give_equal_files_that_tell_no_paths(tmp_path):
    for name in ("a", "b"):
        limbeck.export_onnx(mlp(), ROWS, tmp_path / name, class_names="xyz")
    data = (tmp_path / "a").read_bytes()
    assert data == (tmp_path / "b").read_bytes()
    assert b"mlp.py" not in data
    assert len(data) < 4 * 83 + 4000
    onnx.checker.check_model(onnx.load(tmp_path / "a"), full_check=True)


def test_multiplications_of_a_convolution():
    assert export.multiply_adds(nn.Conv2d(3, 5, 3, padding=1), torch.zeros(1, 3, 8, 8)) == 3 * 9 * 5 * 64


class Attention(nn.Module):
    def forward(self, inputs):
        return nn.functional.scaled_dot_product_attention(inputs, inputs, inputs)


STEPS, WIDTH, INSIDE = 6, 8, 16  # of a row of six steps
MATCHED = 2 * STEPS * STEPS * WIDTH  # queries with keys, then weights with values


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: nn.LSTM(WIDTH, INSIDE, batch_first=True), STEPS * 4 * INSIDE * (WIDTH + INSIDE)),
        (lambda: nn.GRU(WIDTH, INSIDE, batch_first=True), STEPS * 3 * INSIDE * (WIDTH + INSIDE)),
        (Attention, MATCHED),
        (
            lambda: nn.TransformerEncoderLayer(WIDTH, 2, INSIDE, batch_first=True),
            STEPS * (4 * WIDTH * WIDTH + 2 * WIDTH * INSIDE) + MATCHED,
        ),
    ],
)
def test_multiplications_in_layers_that_torch_has_in_one_piece(make, expected):
    kept = torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn.enabled
    assert export.multiply_adds(export.on_cpu(make()), torch.zeros(1, STEPS, WIDTH)) == expected
    assert (torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn.enabled) == kept


class Random(nn.Module):
    def forward(self, inputs):
        return torch.rand(inputs.shape[0], 3)


class Branching(nn.Module):
    def forward(self, inputs):
        return inputs.float() if inputs.sum() > 0 else -inputs.float()


class CountsRows(nn.Module):
    def forward(self, inputs):
        return inputs.float() * len(list(inputs))


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (Random(), "logits must be PyTorch's within"),
        (Branching(), "can't be exported to ONNX: GuardOnDataDependentSymNode"),
        (CountsRows(), "graph is one for batches of 2 rows alone.*\n\nhint: torch.export must be able to trace it"),
    ],
)
def test_a_net_that_can_not_be_shipped_leaves_no_file(net, message, tmp_path, capfd):
    with pytest.raises(ShipError, match=message):
        limbeck.export_onnx(net, ROWS, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", ""), "torch prints its graphs"


@pytest.mark.parametrize("kind", [torch.int16, torch.uint16, torch.bool])
def test_any_numbers_go_in(kind, tmp_path):
    rows = (ROWS % 2).to(kind)
    limbeck.export_onnx(Floats(), rows, tmp_path / "net.onnx")
    quantise(tmp_path / "net.onnx", rows, tmp_path / "int8.onnx")
    (cost,) = measure_costs({"it": tmp_path / "net.onnx"}, TransferSet(rows))
    assert cost.peak_memory_bytes is not None
    assert predict(from_onnx(tmp_path / "int8.onnx"), TransferSet(rows)).shape == (9, 3)


class Floats(nn.Linear):
    def __init__(self):
        torch.manual_seed(0)
        super().__init__(6, 3)

    def forward(self, inputs):
        return super().forward(inputs.float())


def test_a_refusal_tells_of_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(ShipError, match=r"/net.onnx must have one input, .* 'inputs' tensor\(bfloat16\)") as caught:
        limbeck.export_onnx(Floats(), ROWS.bfloat16(), tmp_path / "net.onnx")
    assert "partial" not in caught.value.message


def test_packages_that_are_broken_are_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx_ir.passes.common", None)
    with pytest.raises(ShipError, match="can't be exported to ONNX: ModuleNotFoundError: import of onnx_ir"):
        limbeck.export_onnx(mlp(), ROWS, tmp_path / "net.onnx")
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnx_ir" else name)
    with pytest.raises(ArgumentError, match="an ONNX file needs the packages onnx, onnx_ir, onnxruntime, onnxscript"):
        limbeck.export_onnx(mlp(), ROWS, tmp_path / "net.onnx")


def test_wrong_arguments_are_refused(tmp_path, monkeypatch, shapes_unchecked):
    path = tmp_path / "net.onnx"
    with pytest.raises(ArgumentError, match="must be a torch.nn.Module, got function"):
        limbeck.export_onnx(lambda x: x, ROWS, path)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="class names must be as many as logits, 3, got 2"):
        limbeck.export_onnx(mlp(), ROWS, path, class_names=("a", "b"))
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot write"):
        limbeck.export_onnx(mlp(), ROWS, tmp_path / "file" / "net.onnx")
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(
        ArgumentError, match=r"packages onnx, onnx_ir, onnxruntime, onnxscript\n\nhint: pip install 'limbeck"
    ):
        limbeck.export_onnx(mlp(), ROWS, path)


def test_a_teacher_is_one_net_where_all_of_it_is_net():
    first, second = mlp(1), mlp(2)
    assert export.net_of(first) is first
    assert export.net_of(InBfloat16(first)) is first
    together = export.net_of(Ensemble([InBfloat16(first), second], weights=[1, 3]))
    assert isinstance(together, Ensemble)
    assert together.members == [first, second]
    assert together.weights == (0.25, 0.75)
    function = from_function(lambda x: x, "it")
    assert export.net_of(function) is None
    assert export.net_of(Ensemble([first, function])) is None


def test_what_is_shipped_is_float32_in_evaluation_mode():
    shipped = export.on_cpu(Ensemble([mlp(dropout=0.5).double()]))
    assert {parameter.dtype for parameter in shipped.parameters()} == {torch.float32}
    assert not any(module.training for module in shipped.modules())


class Turned(nn.Linear):
    """Logits turned in the complex plane."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(6, 4)
        self.register_buffer("turns", torch.polar(torch.ones(2), torch.tensor([1.0, 2.0])))

    def forward(self, inputs):
        logits = super().forward(inputs.float()).view(-1, 2, 2)
        return torch.view_as_real(torch.view_as_complex(logits) * self.turns).flatten(1)


def test_complex_numbers_are_shipped_whole(tmp_path):
    net = Turned()
    limbeck.export_onnx(net, ROWS, tmp_path / "net.onnx")
    rows = TransferSet(ROWS)
    assert_close(predict(from_onnx(tmp_path / "net.onnx"), rows), predict(net, rows))


class Sparse(Floats):
    def __init__(self):
        super().__init__()
        self.register_buffer("joined", torch.eye(6).to_sparse())

    def forward(self, inputs):
        return super().forward((self.joined @ inputs.float().T).T)


def test_a_net_with_a_sparse_buffer_is_refused_in_words(tmp_path):
    with pytest.raises(ShipError, match="the net can't be exported to ONNX: "):
        limbeck.export_onnx(Sparse(), ROWS, tmp_path / "net.onnx")


def test_weights_that_are_parametrised_are_counted_and_shipped(tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)))
    parity = limbeck.export_onnx(net, torch.rand(5, 4), tmp_path / "net.onnx")
    assert parity.top1_agreement == 1
