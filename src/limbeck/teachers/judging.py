"""Asking a teacher: a whole set through it, in evaluation mode."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from limbeck.errors import ArgumentError, LimbeckError
from limbeck.teachers.unsaved import unsaved_put_back

if TYPE_CHECKING:
    from limbeck.data.transfer_set import TransferSet

Teacher = Callable[[Tensor], Tensor]
"""Turns a batch of inputs (batch, ...) into logits (batch, classes)."""


def predict(
    teacher: Teacher,
    transfer_set: "TransferSet",
    *,
    ids: Tensor | None = None,
    number: int = 0,
    batch_size: int | None = None,
) -> Tensor:
    """Return a teacher's (or student's) logits (rows, classes) in float32, a net's in evaluation mode.

    Args:
        teacher: the net or callable.
        transfer_set: what it judges, seen through the set's view.
        ids: which examples; all of the set where None.
        number: which view of them.
        batch_size: rows judged at once; where None 256, or 4096 where the net lies on a GPU.

    Raises:
        ArgumentError: its output is no tensor (batch, classes), or has other classes for another batch.
    """
    rows = transfer_set.rows_of(transfer_set.ids if ids is None else ids)
    return torch.cat([logits.float().clone() for logits in judged(teacher, transfer_set, rows, number, batch_size)])


def judged(
    teacher: Teacher, transfer_set: "TransferSet", rows: Tensor, number: int, batch_size: int | None
) -> Iterator[Tensor]:
    """Yield a teacher's logits for view `number` of the source's rows `rows`, batch by batch, in its own type."""
    classes, layout = None, layout_for(teacher)
    if isinstance(teacher, nn.Module):
        check_weights_are_there(teacher)
    with judging(teacher) as device:
        for part in rows.split(batch_size or asked_at_once(device)):
            with torch.no_grad():  # no inference mode: nothing can learn with what a net keeps of that
                output, layout = _answered(teacher, transfer_set.rows_at(part, number).to(device), layout)
                logits = check_output(output, len(part)).detach().cpu()
            if classes not in (None, logits.shape[1]):
                widths = sorted({classes, logits.shape[1]})
                raise ArgumentError(f"a model must return the same classes for every batch, got {widths}")
            classes = logits.shape[1]
            yield logits


def asked_at_once(device: torch.device | None) -> int:
    """Return how many rows a net there is asked for at once: on a GPU small batches are bound by their launches."""
    return 4096 if device is not None and device.type == "cuda" else 256


def check_weights_are_there(net: nn.Module) -> None:
    """Raise ArgumentError for a net with weights that have no values: on the meta device, or of lazy layers."""
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    lazy = [name for name, tensor in tensors.items() if is_lazy(tensor)]
    if lazy:
        raise ArgumentError(
            f"a net must hold its weights, {type(net).__name__} has {lazy[0]!r} in a layer that has not been asked yet",
            "give the layer its input size: nn.Linear for nn.LazyLinear; or ask the net once where it is made",
        )
    lacking = [name for name, tensor in tensors.items() if tensor.is_meta]
    if lacking:
        raise ArgumentError(
            f"a net must hold its weights, {type(net).__name__} has {lacking[0]!r} on the meta device",
            "make it outside torch.device('meta'), or fill it: net.to_empty(device='cpu'), and its weights loaded",
        )


def layout_for(teacher: Teacher) -> torch.memory_format:
    """Return channels_last for nets that convolve: the layout in which convolutions are fastest, CPU or GPU."""
    convolves = isinstance(teacher, nn.Module) and any(isinstance(module, nn.Conv2d) for module in teacher.modules())
    return torch.channels_last if convolves else torch.contiguous_format


def laid_out(inputs: Tensor, layout: torch.memory_format) -> Tensor:
    """Return images in a layout, other inputs as they are."""
    return inputs.contiguous(memory_format=layout) if inputs.ndim == 4 else inputs


def _answered(teacher: Teacher, inputs: Tensor, layout: torch.memory_format) -> tuple[object, torch.memory_format]:
    """Return what a teacher says of a batch, and the layout in which it took it.

    That is the plain one where it can't take a `view` of what a convolution gives in the other.

    Raises:
        ArgumentError: it raised an error.
    """
    if layout == torch.contiguous_format:
        return _asked(teacher, inputs), layout
    try:
        return _asked(teacher, laid_out(inputs.clone(), layout)), layout  # a copy: it may change them and fail then
    except ArgumentError as error:
        if not fails_to_view(error.__cause__):
            raise
        return _asked(teacher, inputs), torch.contiguous_format


def fails_to_view(error: BaseException | None) -> bool:
    """Return whether an error is torch's of a `view` of what doesn't lie in the plain layout."""
    return isinstance(error, RuntimeError) and "view size is not compatible" in str(error)


def _asked(teacher: Teacher, inputs: Tensor) -> object:
    """Return what a teacher says of a batch.

    Raises:
        ArgumentError: it raised an error, which is told and chained.
    """
    try:
        return teacher(inputs)
    except LimbeckError:
        raise
    except (Exception, SystemExit) as error:
        told = next(iter(str(error).splitlines()), "")
        raise ArgumentError(
            f"a model must judge a batch of shape {tuple(inputs.shape)}, {inputs.dtype}; it raised "
            f"{type(error).__name__}: {told}",
            "it is given rows as the data set holds them, seen through the view",
        ) from error


def check_output(output: object, count: int) -> Tensor:
    """Return a model's output for `count` inputs as it is.

    Raises:
        ArgumentError: it is no dense tensor of real numbers (count, classes).
    """
    if isinstance(output, Tensor) and (output.layout != torch.strided or output.is_complex()):
        layout = str(output.layout).removeprefix("torch.")
        raise ArgumentError(
            f"a model must return logits that are real numbers in a dense tensor, got {output.dtype}, {layout}",
            "a sparse tensor's to_dense() is dense; abs() and .real of complex numbers are real",
        )
    if not isinstance(output, Tensor) or output.ndim != 2 or len(output) != count or not output.shape[1]:
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ArgumentError(f"a model must return logits (batch, classes) for a batch, got {got} for {count} inputs")
    return output


@contextlib.contextmanager
def judging(teacher: Teacher) -> Iterator[torch.device | None]:
    """Put a net and all its parts into evaluation mode, and back as they were; yield where its parameters are."""
    modules = list(teacher.modules()) if isinstance(teacher, nn.Module) else []
    modules = [module for module in modules if hasattr(module, "training")]  # which frozen TorchScript hasn't got
    modes = [module.training for module in modules]
    kept = unsaved_put_back(teacher) if isinstance(teacher, nn.Module) else contextlib.nullcontext()
    try:
        for module in modules:
            module.training = False
        with kept:
            yield next((parameter.device for module in modules for parameter in module.parameters()), None)
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
