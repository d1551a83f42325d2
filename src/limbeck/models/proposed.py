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


def proposed_student(teacher: Teacher, train: TransferSet, num_classes: int) -> tuple[NetMaker, list[str]]:
    """Return what makes the student that is proposed for a teacher, and what to say of it.

    For a net it is a narrower copy; for an ensemble of nets, of its first. For any other teacher it is a small net on
    standardised inputs.

    Raises:
        ArgumentError: none can be proposed.
    """
    members, _, _ = members_of(teacher)
    net = next((member for member in members if isinstance(member, nn.Module)), None)
    if net is None:
        made = proposed(train, num_classes)
        count = sum(parameter.numel() for parameter in made.parameters())
        layers = f"{type(getattr(made, 'net', made)).__name__} on standardised inputs, {count:,} parameters"
        return lambda: fresh(made), [f"a student is proposed: {layers}", f"  {_widths(made)}"]
    found = narrowed(net, train.at(train.ids[:2]))
    return lambda: fresh(found.net), list(found.told())


def _widths(net: nn.Module) -> str:
    """Return the widths of a net's layers, one after the other."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    weights = [layer.weight for layer in layers]
    return " → ".join(str(width) for width in [weights[0].shape[1], *(weight.shape[0] for weight in weights)])


def proposed(train: TransferSet, num_classes: int) -> nn.Module:
    """Return a small untrained net for such rows: of images a `VGG`, of all others an `MLP`, on standardised inputs.

    Mean and deviation are those of the training rows, one a channel of images or a column, and lie in the net.

    Raises:
        ArgumentError: images that are not square.
    """
    mean, std = standards(train)
    shape = tuple(train.inputs.shape[1:])
    net = _for_images(shape, num_classes) if len(shape) == 3 else MLP([math.prod(shape), *HIDDEN, num_classes])
    return Normalised(net, 1.0, mean.tolist(), std.tolist())


def _for_images(shape: tuple[int, ...], num_classes: int) -> VGG:
    channels, height, width = shape
    if height != width:
        raise ArgumentError(
            f"a student can be proposed for square images, these are {height} x {width}",
            "name a student of your own: --student module:callable",
        )
    size, blocks = height, [(CHANNELS[0],) * 2]
    while size % 2 == 0 and size > SMALLEST and len(blocks) < len(CHANNELS):
        size //= 2
        blocks.append((CHANNELS[len(blocks)],) * 2)
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
