"""The student proposed for a teacher: a narrower copy of a net, a small net for all others. Not in the paper."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError
from limbeck.models.mlp import MLP
from limbeck.models.narrowed import fresh, narrowed
from limbeck.models.normalised import Normalised
from limbeck.models.vgg import VGG
from limbeck.teachers import Teacher, members_of

NetMaker = Callable[[], nn.Module]
HIDDEN = (128, 128)
CHANNELS = (16, 32, 64, 128)  # of a block's two convolutions, each block at half the resolution
SMALLEST = 4  # pixels of a side that are not halved any more
BLOCK = 4096  # rows read at once
STEPS = 20  # of the search for a width: it is then known to 1 in a million


def proposed_student(
    teacher: Teacher, train: TransferSet, num_classes: int, most: int | None = None
) -> tuple[NetMaker, list[str]]:
    """Return what makes the student that is proposed for a teacher, and what to say of it.

    For a net it is a narrower copy; for an ensemble of nets, of its first. For any other teacher it is a small net on
    standardised inputs. It has `most` parameters at the most, where that is given.

    Raises:
        ArgumentError: none can be proposed, or none so small, or a copy that is to be narrower would not be.
    """
    members, _, _ = members_of(teacher)
    net = next((member for member in members if isinstance(member, nn.Module)), None)
    if net is None:
        made = proposed(train, num_classes, most)
        layers = f"{type(getattr(made, 'net', made)).__name__} on standardised inputs, {_size(made):,} parameters"
        return lambda: fresh(made), [f"a student is proposed: {layers}", f"  {_widths(made)}"]
    total = _size(net)
    if most is not None and not 1 <= most < total:
        raise ArgumentError(
            f"student-parameters must lie in 1..{total - 1}, for the teacher that is narrowed has {total:,}, got {most}"
        )
    found = narrowed(net, train.at(train.ids[:2]), *([] if most is None else [most / total]))
    _check_size(found.parameters, most)
    return lambda: fresh(found.net), list(found.told())


def _size(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def _check_size(smallest: int, most: int | None) -> None:
    """Raise ArgumentError where the narrowest student has more parameters than it may have."""
    if most is not None and smallest > most:
        raise ArgumentError(
            f"student-parameters must be {smallest} or more, the narrowest student has them, got {most}"
        )


def _widths(net: nn.Module) -> str:
    """Return the widths of a net's layers, one after the other."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    weights = [layer.weight for layer in layers]
    return " → ".join(str(width) for width in [weights[0].shape[1], *(weight.shape[0] for weight in weights)])


def proposed(train: TransferSet, num_classes: int, most: int | None = None) -> nn.Module:
    """Return a small untrained net for such rows: of images a `VGG`, of all others an `MLP`, on standardised inputs.

    Mean and deviation are those of the training rows, one a channel of images or a column, and lie in the net. Its
    layers are as wide as `most` parameters allow, where that is given.

    Raises:
        ArgumentError: images that are not square, or no net has so few parameters.
    """
    mean, std = standards(train)
    shape = tuple(train.inputs.shape[1:])

    def make(factor: float) -> nn.Module:
        if len(shape) == 3:
            return _for_images(shape, num_classes, factor)
        return MLP([math.prod(shape), *(_times(width, factor) for width in HIDDEN), num_classes])

    net = make(1.0 if most is None else _factor(make, most))
    return Normalised(net, 1.0, mean.tolist(), std.tolist())


def _times(width: int, factor: float) -> int:
    return max(1, round(width * factor))


def _factor(make: Callable[[float], nn.Module], most: int) -> float:
    """Return the largest factor of the widths at which a net has at most so many parameters."""

    def size(factor: float) -> int:
        with torch.device("meta"):  # counted, not made
            return _size(make(factor))

    _check_size(size(0.0), most)
    low, high = 0.0, 1.0
    while size(high) <= most:
        low, high = high, 2 * high
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if size(middle) <= most else (low, middle)
    return low


def _for_images(shape: tuple[int, ...], num_classes: int, factor: float) -> VGG:
    channels, height, width = shape
    if height != width:
        raise ArgumentError(
            f"a student can be proposed for square images, these are {height} x {width}",
            "name a student of your own: --student module:callable",
        )
    widths = [_times(each, factor) for each in CHANNELS]
    size, blocks = height, [(widths[0],) * 2]
    while size % 2 == 0 and size > SMALLEST and len(blocks) < len(widths):
        size //= 2
        blocks.append((widths[len(blocks)],) * 2)
    return VGG(blocks, num_classes, channels=channels, size=height, scale=1.0, average=True)


def standards(train: TransferSet) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of each channel or column over all training rows; 1 for what never changes."""
    rows = train.rows_of(train.ids)
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for part in rows.split(BLOCK):
        values = train.inputs_at(part).double().transpose(0, 1).flatten(1)  # (channels, values)
        count += values.shape[1]
        total, squares = total + values.sum(1), squares + values.square().sum(1)
    mean = total / count
    deviation = (squares / count - mean.square()).clamp(min=0).sqrt()
    return mean, torch.where(deviation > 1e-6 * mean.abs().clamp(min=1e-30), deviation, 1.0)
