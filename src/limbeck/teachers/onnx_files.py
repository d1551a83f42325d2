"""Teachers from ONNX files, run by ONNX Runtime on the CPU."""

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.files import fingerprint
from limbeck.teachers.adapters import AdaptedTeacher, numpy_of
from limbeck.teachers.fingerprints import onnx_fingerprint
from limbeck.teachers.probabilities import PROBABILITY_FLOOR, Gives, check_gives

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

NUMBERS = {
    "tensor(float16)": np.float16,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(bool)": np.bool_,
    **{f"tensor({kind.__name__})": kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64)},
    **{f"tensor({kind.__name__})": kind for kind in (np.int8, np.int16, np.int32, np.int64)},
}
FLOATS = ("tensor(float16)", "tensor(float)", "tensor(double)")
ZIPMAP_HINT = (
    "a scikit-learn model is exported with zipmap=False: convert_sklearn(model, options={id(model): {'zipmap': False}})"
)
ERRORS_ONLY = 3  # of ONNX Runtime's log levels


def from_onnx(
    path: str | Path, *, output: str | None = None, gives: Gives = "logits", floor: float = PROBABILITY_FLOOR
) -> AdaptedTeacher:
    """Return a teacher that runs an ONNX file.

    A batch goes in as the view yields it, in the type that the model declares: as float where it wants floats, and
    where it wants whole numbers only if they are such. A batch (batch, ...) is flattened for a model that wants
    (batch, features), if it has as many; no other shape is changed.

    The fingerprint is the SHA-256 of the file, and of those it keeps its weights in, with the output's name.

    Args:
        path: the file; of one input.
        output: name of the output that is (batch, classes); needed where there are several.
        gives: whether that output is logits or probabilities.
        floor: smallest probability that is told apart from another: see `logits_of`.

    Raises:
        ArgumentError: ONNX Runtime is not installed, this is no ONNX file, or its inputs and outputs are not these.
    """
    check_gives(gives, floor)
    path = Path(path)
    session = open_session(path)
    entry, name = _input_of(session, path), _output_of(session, path, output)
    told = {"model": onnx_fingerprint(path), "output": name, "floor": floor if gives == "probs" else None}
    identity = fingerprint(told)

    def ask(inputs: Tensor) -> Any:
        batch = batch_for(entry, inputs)
        try:
            return session.run([name], {entry.name: batch})[0]
        except Exception as error:  # ONNX Runtime's own have no root
            raise ArgumentError(
                f"{path} can't judge a batch of shape {tuple(batch.shape)}: {_first_line(error)}"
            ) from error

    return AdaptedTeacher(f"{path.name}, output {name!r}", ask, lambda: identity, gives, floor, path, name)


def open_session(path: Path, threads: int | None = None) -> "InferenceSession":
    """Return ONNX Runtime at a file, on as many threads as torch has where none are given.

    Raises:
        ArgumentError: ONNX Runtime is not installed, or this is no ONNX file.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ArgumentError("an ONNX file needs the package onnxruntime", "pip install 'limbeck[onnx]'") from error
    if not path.is_file():
        raise ArgumentError(f"an ONNX model must be a file, there is none at {path}", "look at the path")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = threads or torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ArgumentError(
            f"{path} must be an ONNX file, ONNX Runtime can't load it: {_first_line(error)}",
            "export the model again; weights kept in files of their own must lie beside it",
        ) from error


def batch_for(entry: Any, inputs: Tensor) -> NDArray[Any]:
    """Return a batch as a model's input takes it, in its shape and type.

    Raises:
        ArgumentError: it doesn't fit.
    """
    return _cast(_shaped(numpy_of(inputs), entry), entry)


def _input_of(session: "InferenceSession", path: Path) -> Any:
    """Return the one input, made sure to be a tensor of numbers."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in NUMBERS:
        raise ArgumentError(
            f"{path} must have one input, a tensor of numbers, it has {_listed(inputs)}",
            "sklearn-onnx makes one input of initial_types=[('x', FloatTensorType([None, features]))]",
        )
    return inputs[0]


def _output_of(session: "InferenceSession", path: Path, wanted: str | None) -> str:
    """Return the output's name, made sure to be a tensor of floats."""
    outputs = {output.name: output for output in session.get_outputs()}
    if wanted is None and len(outputs) > 1:
        raise ArgumentError(
            f"{path} has several outputs, choose one: {_listed(outputs.values())}",
            f"--output {shlex.quote(list(outputs)[-1])}, or from_onnx(path, output={list(outputs)[-1]!r})",
        )
    name = next(iter(outputs)) if wanted is None else wanted
    if name not in outputs:
        raise ArgumentError(f"output must be one that {path} has, {_listed(outputs.values())}, got {name!r}")
    if outputs[name].type not in FLOATS:
        raise ArgumentError(
            f"output {name!r} of {path} must be a tensor of floats (batch, classes), it is {outputs[name].type}",
            ZIPMAP_HINT if outputs[name].type.startswith("seq") else "choose the one that has a number for each class",
        )
    return name


def _shaped(batch: NDArray[Any], entry: Any) -> NDArray[Any]:
    """Return a batch in the shape the model declares, if it has it or only has to be flattened for it."""
    declared = [size if isinstance(size, int) and size > 0 else None for size in entry.shape or ()]
    flat = (len(batch), math.prod(batch.shape[1:]))
    if not declared or _fits(batch.shape, declared):
        return batch
    if declared[1:] == [flat[1]] and _fits(flat, declared):
        return batch.reshape(flat)
    told = ", ".join(str(size) for size in entry.shape)
    raise ArgumentError(
        f"the model's input {entry.name!r} must have the shape ({told}), got {tuple(batch.shape)}",
        "export it with a free first axis, the batch, and the rest as the inputs are; "
        "or reshape the batch in a function of your own: from_function",
    )


def _fits(shape: tuple[int, ...], declared: list[int | None]) -> bool:
    return len(shape) == len(declared) and all(size in (None, have) for size, have in zip(declared, shape, strict=True))


def _cast(batch: NDArray[Any], entry: Any) -> NDArray[Any]:
    """Return a batch in the type the model declares; whole numbers only from such as the type can hold."""
    kind = np.dtype(NUMBERS[entry.type])
    with np.errstate(all="ignore"):
        cast = batch.astype(kind)
    if kind.kind in "iub" and not np.array_equal(cast, batch):
        raise ArgumentError(
            f"the model's input {entry.name!r} must be whole numbers that {kind} holds, got {batch.dtype} "
            f"in {batch.min():g}..{batch.max():g}",
            "give the inputs as the model was trained on them",
        )
    return cast


def _listed(entries: Any) -> str:
    return ", ".join(f"{entry.name!r} {entry.type}" for entry in entries) or "none"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
