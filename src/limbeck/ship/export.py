"""A net as an ONNX file that takes raw inputs, is checked against the net, and says what it is."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from limbeck import __version__
from limbeck.data.perturbed import unaugmented
from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError, ShipError
from limbeck.files import writing
from limbeck.ship.parity import Parity, check_parity
from limbeck.teachers import Ensemble, InBfloat16, Teacher, from_onnx, predict, teacher_fingerprint
from limbeck.teachers.copies import copy_of

INPUT, OUTPUT = "inputs", "logits"
PACKAGES = ("onnx", "onnx_ir", "onnxruntime", "onnxscript")
EXTRA_HINT = "pip install 'limbeck[onnx]'"
HINT = (
    "torch.export must be able to trace it for any number of rows: no branch on values, no shape that counts rows; "
    "see docs/shipping.md"
)


def can_ship() -> bool:
    """Return whether the packages that export needs are installed."""
    return all(find_spec(name) is not None for name in PACKAGES)


def export_onnx(
    net: nn.Module,
    inputs: Tensor | TransferSet,
    path: str | Path,
    *,
    class_names: Sequence[str] = (),
    name: str = "student",
) -> Parity:
    """Write a net as an ONNX file and return how closely ONNX Runtime follows PyTorch on `inputs`.

    The file takes `inputs` (batch, ...) as the data set holds them, any number of rows, and gives `logits` (batch,
    classes); what the net does to raw inputs is in the graph. Its metadata holds class_names, input and, of a table,
    column_names (in their order) as JSON, name, parameters, macs (multiplications and additions of one row), made_from
    (the net's fingerprint) and limbeck (the version). The net is left as it is; equal nets give equal files.

    Args:
        net: from inputs to logits; on any device, in any mode.
        inputs: real rows, on all of which the file is checked.
        path: where to; there is no file if it fails.
        class_names: the classes'; those of a transfer set where none are given.
        name: said in the metadata.

    Raises:
        ShipError: the net can't be exported, or ONNX Runtime says something else than PyTorch (see `check_parity`).
        ArgumentError: no net, no rows, other class names than logits, or the extra is not installed.
        RunError: the file can't be written.
    """
    check_can_ship()
    if not isinstance(net, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentError(f"what is exported must be a torch.nn.Module, got {type(net).__name__}")
    rows = unaugmented(inputs) if isinstance(inputs, TransferSet) else TransferSet(inputs)
    plain = on_cpu(net)
    expected = predict(plain, rows)
    names = tuple(class_names) or rows.class_names
    if names and len(names) != expected.shape[1]:
        raise ArgumentError(f"class names must be as many as logits, {expected.shape[1]}, got {len(names)}")
    told = {"name": name, "class_names": json.dumps(names or rows.names_for(expected.shape[1]), ensure_ascii=False)}
    if rows.column_names:
        told["column_names"] = json.dumps(rows.column_names, ensure_ascii=False)
    with writing(Path(path)) as partial:
        partial.write_bytes(_traced(plain, rows.at(rows.ids[:1])[:1], told | {"made_from": teacher_fingerprint(net)}))
        try:
            return parity_of(partial, rows, expected)
        except ArgumentError as error:
            told_of = error.message.replace(str(partial), str(path))
            raise ShipError(f"the net can't be exported to ONNX: {told_of}", HINT) from error


def parity_of(path: Path, rows: TransferSet, expected: Tensor) -> Parity:
    """Return how closely an ONNX file follows a net's logits, in batches of many rows and one alone.

    Raises:
        ShipError: it says something else.
    """
    exported = from_onnx(path)
    one = rows.rows_of(rows.ids[:1])[:1]
    check_parity(expected[:1], exported(rows.rows_at(one)))
    return check_parity(expected, predict(exported, rows))


def check_can_ship() -> None:
    """Raise ArgumentError unless the packages that export needs are installed."""
    if not can_ship():
        raise ArgumentError(f"an ONNX file needs the packages {', '.join(PACKAGES)}", EXTRA_HINT)


def on_cpu(net: nn.Module) -> nn.Module:
    """Return a copy of a net as it is shipped: on the CPU, in float32, in evaluation mode."""
    shipped = copy_of(net).cpu().float()  # what is complex stays so: `to(torch.float32)` takes the real part
    for tensor in (*shipped.parameters(), *shipped.buffers()):
        if tensor.layout == torch.strided:
            tensor.data = tensor.data.contiguous()  # convolutions train in another layout; files don't tell
    for module in shipped.modules():  # not eval(): a net may have one of its own
        module.training = False
    return shipped


def net_of(teacher: Teacher) -> nn.Module | None:
    """Return a teacher as one net to export, asked in float32; None where it, or a member of it, is no net."""
    if isinstance(teacher, InBfloat16):
        return teacher.net
    if not isinstance(teacher, Ensemble):
        return teacher if isinstance(teacher, nn.Module) else None
    members = [net_of(member) for member in teacher.members]
    nets = [member for member in members if member is not None]
    return Ensemble(nets, teacher.mean, teacher.weights) if len(nets) == len(members) else None


def multiply_adds(net: nn.Module, row: Tensor) -> int:
    """Return the multiplications with an addition that one row takes in matrix products and convolutions."""
    counter = FlopCounterMode(display=False)
    with _in_pieces(), counter, torch.no_grad():  # parametrised weights can't be counted in inference mode
        net(row)
    return counter.get_total_flops() // 2


@contextlib.contextmanager
def _in_pieces() -> Iterator[None]:
    """Let recurrent layers and attention compute by matrix products: in one piece they count for nothing."""
    mha, mkldnn = torch.backends.mha, cast("Any", torch.backends.mkldnn)  # its flags() warns
    before = mha.get_fastpath_enabled(), mkldnn.enabled
    mha.set_fastpath_enabled(False)
    mkldnn.enabled = False
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        mha.set_fastpath_enabled(before[0])
        mkldnn.enabled = before[1]


def _traced(net: nn.Module, row: Tensor, told: dict[str, str]) -> bytes:
    """Return a net's ONNX file; `row` is one row, of two of which the graph is traced: one would be taken for all."""
    two = torch.cat([row, row])
    try:
        from onnx_ir.passes.common import ClearMetadataAndDocStringPass

        with _quietly(), torch.no_grad():
            program = torch.onnx.export(
                net,
                (two,),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
        assert program is not None
        shape = program.model.graph.inputs[0].shape
        free = shape is not None and not isinstance(shape[0], int)
        ClearMetadataAndDocStringPass()(program.model)  # paths of source files among it
        program.model.metadata_props.update({**told, **_counted(net, row)})
        data = program.model_proto.SerializeToString(deterministic=True)
    except Exception as error:  # whatever a net's code or the exporter raises
        raise ShipError(f"the net can't be exported to ONNX: {_reason(error)}", HINT) from error
    if not free:
        raise ShipError("the net can't be exported to ONNX: its graph is one for batches of 2 rows alone", HINT)
    return data


def _counted(net: nn.Module, row: Tensor) -> dict[str, str]:
    kind = str(row.dtype).removeprefix("torch.")
    return {
        "input": json.dumps({"type": kind, "shape": ["batch", *row.shape[1:]]}),
        "parameters": str(sum(parameter.numel() for parameter in net.parameters())),
        "macs": str(multiply_adds(net, row)),
        "limbeck": __version__,
    }


def _reason(error: BaseException) -> str:
    """Return the first line of the error at the root of the exporter's."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep what the exporter says to itself: of packages that it doesn't find, its deprecations, graphs that fail.

    An error is told all the same: it is raised.
    """
    disabled = logging.root.manager.disable
    logging.disable(max(disabled, logging.WARNING))  # torch has a logger, with a level of its own, for each room
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
