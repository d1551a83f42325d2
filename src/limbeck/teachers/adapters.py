"""What makes a teacher of what is none yet: asked in its own terms, heard in logits."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.teachers.fingerprints import teacher_fingerprint
from limbeck.teachers.judging import Teacher, check_output, judging
from limbeck.teachers.probabilities import PROBABILITY_FLOOR, Gives, check_gives, logits_of, refuse_probabilities

Takes = Literal["torch", "numpy"]


@dataclass(frozen=True, repr=False, eq=False)
class AdaptedTeacher:
    """A teacher made by `from_sklearn`, `from_onnx` or `from_function`."""

    name: str
    """What it is, to print."""
    ask: Callable[[Tensor], object]
    """From inputs (batch, ...) to an array or a tensor (batch, classes)."""
    identify: Callable[[], str]
    """What binds a store to it."""
    gives: Gives
    """What `ask` returns."""
    floor: float
    """The smallest probability told apart from another; of no account for logits."""
    file: Path | None = None
    """The ONNX file that it asks."""
    output: str | None = None
    """Which of the file's outputs."""

    @property
    def fingerprint(self) -> str:
        """What binds a store to this teacher, as it is now."""
        return self.identify()

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return logits (batch, classes) in float32, where the inputs are.

        Raises:
            ArgumentError: the model doesn't take these inputs, or gives anything but what it is said to give.
        """
        output = check_output(_tensor(self.ask(inputs)), len(inputs)).detach()
        if self.gives == "logits":
            refuse_probabilities(output)
        logits = (
            logits_of(output if output.is_floating_point() else output.double(), self.floor)
            if self.gives == "probs"
            else output.float()
        )
        return logits.to(inputs.device)

    def __repr__(self) -> str:
        return f"<teacher {self.name}, {self._kind}>"

    @property
    def _kind(self) -> str:
        return f"probs >= {self.floor:g}" if self.gives == "probs" else "logits"


class InBfloat16(nn.Module):
    """A net that is asked in mixed bfloat16 precision, as the loop trains where a machine computes in it.

    What it says differs in the third digit, so it is another teacher to a store. Its logits are bfloat16.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        if not isinstance(net, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentError(f"what is asked in bfloat16 must be a torch.nn.Module, got {type(net).__name__}")
        self.net = net

    @property
    def fingerprint(self) -> str:
        """What binds a store to it: what binds one to the net, and that it is asked so."""
        return f"{teacher_fingerprint(self.net)}, in bfloat16"

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        with torch.autocast(inputs.device.type, torch.bfloat16):
            return self.net(inputs)


def from_function(
    function: Callable[[Any], Any],
    fingerprint: str,
    *,
    gives: Gives = "logits",
    floor: float = PROBABILITY_FLOOR,
    takes: Takes = "torch",
) -> AdaptedTeacher:
    """Return a teacher that asks a function.

    A `torch.nn.Module` is asked in evaluation mode, where its parameters are.

    Args:
        function: from a batch (batch, ...) to (batch, classes), as a tensor or as an array.
        fingerprint: what binds a store to it: a name and a version, another one when the function changes.
        gives: whether it returns logits or probabilities.
        floor: smallest probability that is told apart from another: see `logits_of`.
        takes: whether its batch is a tensor, as the view yields it, or a numpy array.

    Raises:
        ArgumentError: no function, an empty fingerprint, or another value than those named.

    >>> teacher = from_function(lambda x: x / x.sum(1, keepdims=True), "shares, 1", gives="probs", takes="numpy")
    >>> teacher(torch.tensor([[1.0, 3.0]]))
    tensor([[-1.3863, -0.2877]])
    """
    if not callable(function):
        raise ArgumentError(f"a teacher must be a callable, got {type(function).__name__}")
    if not isinstance(fingerprint, str) or not fingerprint.strip():
        raise ArgumentError(
            f"fingerprint must be text that is not empty, got {fingerprint!r}",
            "give a name and a version, so that a store of another teacher is recognised",
        )
    if takes not in ("torch", "numpy"):
        raise ArgumentError(f"takes must be 'torch' or 'numpy', got {takes!r}")
    check_gives(gives, floor)

    def ask(inputs: Tensor) -> object:
        with judging(function) as device:
            return function(numpy_of(inputs) if takes == "numpy" else inputs.to(device))

    told = f"{fingerprint}, probs >= {floor:g}" if gives == "probs" else fingerprint
    return AdaptedTeacher(fingerprint, ask, lambda: told, gives, floor)


def sharpened(teacher: Teacher, factor: float) -> AdaptedTeacher:
    """Return a teacher whose logits are `factor` times another's: surer than it for a factor above 1.

    A forest's votes are less sure than they are right; a factor chosen on held-out data mends that.

    Raises:
        ArgumentError: a factor that is not > 0.
    """
    if not 0 < factor < math.inf:
        raise ArgumentError(f"a factor must be > 0, got {factor}")

    def identify() -> str:
        return f"{teacher_fingerprint(teacher)}, logits times {factor:g}"

    def ask(inputs: Tensor) -> Tensor:
        with judging(teacher) as device:
            return teacher(inputs.to(device)) * factor

    return AdaptedTeacher(f"{teacher!r}, logits times {factor:g}", ask, identify, "logits", PROBABILITY_FLOOR)


def numpy_of(batch: Tensor) -> NDArray[Any]:
    """Return a batch as numpy, bfloat16 (which numpy lacks) as float32."""
    there = batch.detach().cpu()
    return (there.float() if there.dtype == torch.bfloat16 else there).numpy()


def _tensor(output: object) -> object:
    """Return numbers in an array as a tensor, anything else as it is."""
    if isinstance(output, np.ndarray) and output.dtype.kind in "fiu":
        return torch.from_numpy(output.astype(np.float64))
    return output
