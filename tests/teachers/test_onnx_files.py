"""Teachers from ONNX files: the graphs are small, made by the onnx package, and one is exported by torch."""

import sys

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper, save_model
from torch import nn
from torch.testing import assert_close

from limbeck import ArgumentError, TransferSet, write_soft_targets
from limbeck.targets import Dense
from limbeck.teachers import from_onnx, logits_of

WEIGHT = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
X = torch.randn(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
LOGITS = X.flatten(1) @ torch.from_numpy(WEIGHT)


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def write(path, nodes, *, takes=None, gives=None, weight=WEIGHT, **options):
    """Write a graph with the initializer 'weight' (4, 3), from 'x' to 'logits' where nothing else is said."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        takes or [value("x", TensorProto.FLOAT, ["batch", 4])],
        gives or [value("logits", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(weight, "weight")],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    save_model(helper.make_model(graph, opset_imports=opsets, ir_version=10), path, **options)
    return path


MATMUL = helper.make_node("MatMul", ["x", "weight"], ["logits"])
SOFTMAX = helper.make_node("Softmax", ["logits"], ["probs"])


@pytest.fixture
def model(tmp_path):
    return write(tmp_path / "teacher.onnx", [MATMUL])


@pytest.fixture
def labelled(tmp_path):
    """What sklearn-onnx makes: labels, and probabilities as a sequence of maps."""
    nodes = [
        MATMUL,
        SOFTMAX,
        helper.make_node("ArgMax", ["probs"], ["label"], axis=1, keepdims=0),
        helper.make_node("ZipMap", ["probs"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2]),
    ]
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    )
    gives = [
        value("label", TensorProto.INT64, ["batch"]),
        helper.make_value_info("maps", maps),
        value("probs", TensorProto.FLOAT, ["batch", 3]),
    ]
    return write(tmp_path / "labelled.onnx", nodes, gives=gives)


def test_it_gives_the_models_logits(model):
    teacher = from_onnx(model)
    assert_close(teacher(X), LOGITS)
    assert_close(teacher(X.flatten(1).double()), LOGITS)
    assert repr(teacher) == "<teacher teacher.onnx, output 'logits', logits>"


def test_it_gives_the_logs_of_the_models_probabilities(labelled):
    teacher = from_onnx(str(labelled), output="probs", gives="probs", floor=0.1)
    assert_close(teacher(X), logits_of(LOGITS.softmax(-1), 0.1))
    assert repr(teacher) == "<teacher labelled.onnx, output 'probs', probs >= 0.1>"


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # torch.export's own
def test_a_net_that_torch_exported_teaches_as_it_does(tmp_path):
    net = nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(2, 3)).eval()
    batch = {"input": {0: torch.export.Dim("batch")}}
    torch.onnx.export(net, (X,), tmp_path / "net.onnx", dynamo=True, dynamic_shapes=batch, verbose=False)
    data = TransferSet(X)
    targets = write_soft_targets(
        from_onnx(tmp_path / "net.onnx"), data, tmp_path / "targets", encoding=Dense("float32")
    )
    expected = net(X).detach()
    assert_close(targets.logits(data.ids, temperature=1.0).log_softmax(-1), expected.log_softmax(-1))


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT64, TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_a_batch_goes_in_in_the_declared_type(tmp_path, kind):
    cast = helper.make_node("Cast", ["pixels"], ["x"], to=TensorProto.FLOAT)
    takes = [value("pixels", kind, ["batch", 4])]
    teacher = from_onnx(write(tmp_path / "cast.onnx", [cast, MATMUL], takes=takes))
    pixels = torch.arange(8).reshape(2, 1, 2, 2)
    for given in (pixels, pixels.float(), pixels.to(torch.uint8), pixels.bfloat16()):
        assert_close(teacher(given), pixels.flatten(1).float() @ torch.from_numpy(WEIGHT))


def test_only_whole_numbers_that_fit_go_into_whole_numbers(tmp_path):
    cast = helper.make_node("Cast", ["pixels"], ["x"], to=TensorProto.FLOAT)
    takes = [value("pixels", TensorProto.UINT8, ["batch", 4])]
    teacher = from_onnx(write(tmp_path / "cast.onnx", [cast, MATMUL], takes=takes))
    with pytest.raises(ArgumentError, match=r"must be whole numbers that uint8 holds, got float32 in 0.5..0.5\n\nhint"):
        teacher(torch.full((2, 4), 0.5))
    with pytest.raises(ArgumentError, match=r"'pixels' must be whole numbers that uint8 holds, got int64 in -1..256"):
        teacher(torch.tensor([[-1, 256, 0, 0]]))


@pytest.mark.parametrize(
    ("declared", "shape"),
    [
        (["batch", 4], (2, 5)),
        (["batch", 4], (2, 1, 5)),
        (["batch", "features"], (2, 1, 2, 2)),
        (["batch", 1, 2, 2], (2, 4)),
        (["batch", 2, 2], (2, 1, 2, 2)),
        ([1, 4], (2, 4)),
        ([1, 4], (2, 2, 2)),
    ],
)
def test_no_other_shape_is_guessed(tmp_path, declared, shape):
    flat = helper.make_node("Flatten", ["images"], ["x"])
    takes = [value("images", TensorProto.FLOAT, declared)]
    teacher = from_onnx(write(tmp_path / "images.onnx", [flat, MATMUL], takes=takes))
    told = rf"\({', '.join(map(str, declared))}\), got \({', '.join(map(str, shape))}\)\n\nhint: export it with a free"
    with pytest.raises(ArgumentError, match=f"the model's input 'images' must have the shape {told}"):
        teacher(torch.zeros(shape))


def test_the_fingerprint_is_that_of_what_is_run(tmp_path, model, labelled):
    moved = tmp_path / "moved.onnx"
    moved.write_bytes(model.read_bytes())
    assert from_onnx(moved).fingerprint == from_onnx(model).fingerprint
    prints = {
        from_onnx(model).fingerprint,
        from_onnx(model, gives="probs").fingerprint,
        from_onnx(model, gives="probs", floor=0.1).fingerprint,
        from_onnx(write(tmp_path / "other.onnx", [MATMUL], weight=WEIGHT + 1)).fingerprint,
        from_onnx(labelled, output="probs").fingerprint,
    }
    assert len(prints) == 5


@pytest.mark.parametrize("name", ["weights.bin", "w" * 200])
def test_the_fingerprint_sees_weights_in_files_of_their_own(tmp_path, name):
    path = tmp_path / "teacher.onnx"
    write(path, [MATMUL], save_as_external_data=True, location=name, size_threshold=0)
    before = from_onnx(path).fingerprint
    (tmp_path / "weights.txt").write_text("not the model's")
    assert from_onnx(path).fingerprint == before
    (tmp_path / name).write_bytes((WEIGHT + 1).tobytes())
    assert from_onnx(path).fingerprint != before
    assert_close(from_onnx(path)(X), X.flatten(1) @ torch.from_numpy(WEIGHT + 1))


def test_refuses_what_is_no_onnx_file(tmp_path):
    with pytest.raises(ArgumentError, match=r"must be a file, there is none at .*gone.onnx\n\nhint: look at the path"):
        from_onnx(tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ArgumentError, match=r"text.onnx must be an ONNX file, ONNX Runtime can't load it: .*\n\nhint"):
        from_onnx(tmp_path / "text.onnx")


def test_refuses_outputs_that_are_not_chosen_or_not_logits(labelled):
    listed = r"'label' tensor\(int64\), 'maps' seq\(map\(int64,tensor\(float\)\)\), 'probs' tensor\(float\)"
    with pytest.raises(
        ArgumentError, match=rf"has several outputs, choose one: {listed}\n\nhint: --output probs, .*output='probs'"
    ):
        from_onnx(labelled)
    with pytest.raises(ArgumentError, match=rf"output must be one that .*labelled.onnx has, {listed}, got 'logits'"):
        from_onnx(labelled, output="logits")
    with pytest.raises(
        ArgumentError, match=r"'label' .* floats \(batch, classes\), it is tensor\(int64\)\n\nhint: choose"
    ):
        from_onnx(labelled, output="label")
    with pytest.raises(ArgumentError, match=r"'maps' .* it is seq\(map.*\n\nhint: a scikit-learn .* zipmap=False"):
        from_onnx(labelled, output="maps")


def test_refuses_an_output_of_another_shape(tmp_path):
    row = helper.make_node("ReduceSum", ["logits", "axes"], ["sum"], keepdims=0)
    axes = helper.make_node("Constant", [], ["axes"], value_ints=[1])
    gives = [value("sum", TensorProto.FLOAT, ["batch"])]
    teacher = from_onnx(write(tmp_path / "sum.onnx", [MATMUL, axes, row], gives=gives))
    with pytest.raises(
        ArgumentError, match=r"must return logits \(batch, classes\) for a batch, got \(5,\) for 5 inputs"
    ):
        teacher(X)


def test_refuses_several_inputs_and_inputs_of_other_types(tmp_path):
    takes = [value("x", TensorProto.FLOAT, ["batch", 4]), value("mask", TensorProto.BOOL, ["batch"])]
    message = (
        r"must have one input, a tensor of numbers, it has 'x' tensor\(float\), 'mask' tensor\(bool\)\n\nhint: sklearn"
    )
    with pytest.raises(ArgumentError, match=message):
        from_onnx(write(tmp_path / "two.onnx", [MATMUL], takes=takes))


def test_refuses_probabilities_said_to_be_logits_and_logits_said_to_be_probabilities(model, labelled):
    with pytest.raises(
        ArgumentError, match=r"got probabilities: each of 5 rows .*\n\nhint: a net: .* an ONNX file: --gives probs"
    ):
        from_onnx(labelled, output="probs")(X)
    with pytest.raises(ArgumentError, match=r"each row's sum to 1 within 0.001, row 0"):
        from_onnx(model, gives="probs")(X)


def test_an_error_while_it_runs_names_file_and_shape(tmp_path):
    to = helper.make_node("Constant", [], ["to"], value_ints=[3, 4])
    nodes = [to, helper.make_node("Reshape", ["raw", "to"], ["x"]), MATMUL]
    takes = [value("raw", TensorProto.FLOAT, ["batch", 4])]
    gives = [value("logits", TensorProto.FLOAT, None)]
    teacher = from_onnx(write(tmp_path / "three.onnx", nodes, takes=takes, gives=gives))
    assert teacher(torch.zeros(3, 4)).shape == (3, 3)
    with pytest.raises(ArgumentError, match=r"three.onnx can't judge a batch of shape \(5, 4\): .*Reshape"):
        teacher(X)


def test_says_what_to_install(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ArgumentError, match=r"needs the package onnxruntime\n\nhint: pip install 'limbeck\[onnx\]'"):
        from_onnx(model)


@pytest.mark.usefixtures("shapes_unchecked")
def test_refuses_values_it_does_not_know(model):
    with pytest.raises(ArgumentError, match="gives must be 'logits' or 'probs', got 'log_probs'"):
        from_onnx(model, gives="log_probs")
