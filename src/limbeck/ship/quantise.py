"""An exported net in 8-bit integers: weights a channel at a time, activations by what training rows bring about."""

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from limbeck.data.perturbed import unaugmented
from limbeck.data.philox import permutation
from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError, RunError, ShipError
from limbeck.files import writing
from limbeck.ship.export import INPUT, check_can_ship
from limbeck.teachers.adapters import numpy_of

if TYPE_CHECKING:
    from onnxruntime.quantization import CalibrationDataReader

STREAM = 7  # of philox, for which rows calibrate
CALIBRATION = 256  # rows; ranges of activations settle long before
AT_ONCE = 64
ROOM, LEAST_ROOM = 5, 2**20  # what the quantiser's own files take: times the model's, and beside
LOGITS = ["Gemm", "MatMul"]  # what gives them; their outputs stay float32, the next layer's inputs don't


def calibration_rows(train: TransferSet, count: int = CALIBRATION, seed: int = 0) -> Tensor:
    """Return rows of a training set to calibrate on, as the source holds them: a choice that the seed makes.

    Frames come spliced where the set's are: that is what a net takes, and no augmentation.

    Raises:
        ArgumentError: `count` is not >= 1.
    """
    if count < 1:
        raise ArgumentError(f"calibration must take 1 row or more, got {count}")
    rows = train.rows_of(train.ids)
    chosen = torch.from_numpy(permutation(seed, STREAM, 0, len(rows))[:count])
    return unaugmented(train).rows_at(rows[chosen])


def quantise(path: Path, calibration: Tensor, out: Path) -> None:
    """Write an ONNX file's weights and activations in int8, with their ranges (QDQ), by ONNX Runtime's quantiser.

    Weights have a scale a channel; activations one a tensor, from the least and greatest value that the calibration
    rows bring about there. Both are signed, which no processor saturates on; logits stay float32. The metadata stays.
    It is another model: what it is worth is to be measured.

    Args:
        path: the float32 model.
        calibration: rows of training data (rows, ...), never of the test set.
        out: where to; there is no file if it fails.

    Raises:
        ShipError: the model can't be quantised.
        ArgumentError: no rows, or the extra is not installed.
        RunError: the file can't be written, or there is no room for what lies between.
    """
    check_can_ship()
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    if not len(calibration):
        raise ArgumentError("calibration must take 1 row or more, got 0")
    with writing(out) as partial, tempfile.TemporaryDirectory() as folder, _quietly():
        ready = Path(folder) / "ready.onnx"
        try:
            quant_pre_process(path, ready, skip_symbolic_shape=True)
            quantize_static(
                ready,
                partial,
                cast("CalibrationDataReader", _Batches(calibration)),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                extra_options={"OpTypesToExcludeOutputQuantization": LOGITS},
            )
        except MemoryError:
            raise
        except Exception as error:  # the quantiser's own have no root
            _check_room(path, error)
            told = next(iter(str(error).splitlines()), "")
            raise ShipError(f"{path} can't be quantised: {type(error).__name__}: {told}") from error


def _check_room(path: Path, error: Exception) -> None:
    """Raise RunError where a quantiser that failed may have lacked room: the same model can do better another time.

    A full disk is an OSError, or a file that ONNX Runtime or protobuf finds damaged: the quantiser wrote half of it.
    """
    folder = tempfile.gettempdir()
    room, needed = shutil.disk_usage(folder).free, ROOM * path.stat().st_size + LEAST_ROOM
    if (isinstance(error, OSError) and error.errno is not None) or room < needed:
        raise RunError(
            f"{path} can't be quantised now: {type(error).__name__}: {next(iter(str(error).splitlines()), '')}; "
            f"{folder} has {room:,} bytes left, {needed:,} are enough",
            "make room, or name another folder for temporary files, TMPDIR=FOLDER; then the same command goes on",
        ) from error


class _Batches:
    """The calibration rows as ONNX Runtime asks for them."""

    def __init__(self, rows: Tensor) -> None:
        self.left = iter(rows.split(AT_ONCE))

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self.left, None)
        return None if batch is None else {INPUT: numpy_of(batch)}


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep the quantiser's advice, which it gives the root logger itself, to itself; what others log passes.

    So do its tracebacks, which it logs before it goes on without what failed, or raises an error.
    """

    def serious(record: logging.LogRecord) -> bool:
        return record.levelno > logging.WARNING

    own = logging.getLogger("onnxruntime.quantization")
    level = own.level
    logging.root.addFilter(serious)
    own.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logging.root.removeFilter(serious)
        own.setLevel(level)
