"""Buffers that a net's `state_dict` leaves out: those registered with `persistent=False`.

They count in what a net is, but no file holds them. So whoever asks or trains a net gives them back as they came:
tables that grow as it is asked, or fill, leave it the net that it was.
"""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn


def unsaved_buffers(net: nn.Module) -> dict[str, Tensor]:
    """Return a net's unsaved buffers by name, but for those that are kept under another name."""
    found, kept = {}, set()
    for path, module in net.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            if name in _names(module):
                found[f"{path}.{name}" if path else name] = buffer
            else:
                kept.add(id(buffer))
    return {name: buffer for name, buffer in found.items() if id(buffer) not in kept}


def put_unsaved(net: nn.Module, buffers: dict[str, Tensor]) -> None:
    """Give a net unsaved buffers by name, whatever it has there."""
    for name, buffer in buffers.items():
        path, _, own = name.rpartition(".")
        net.get_submodule(path).register_buffer(own, buffer, persistent=False)


@contextlib.contextmanager
def unsaved_put_back(net: nn.Module) -> Iterator[None]:
    """Put a net's unsaved buffers back as they were when the block ends, and take out those that came."""
    before = [(module, {name: module._buffers[name] for name in _names(module)}) for module in net.modules()]  # noqa: SLF001
    values = {id(buffer): buffer.clone() for buffer in unsaved_buffers(net).values()}
    try:
        yield
    finally:
        for module, own in before:
            for name in _names(module) - own.keys():
                delattr(module, name)
            for name, buffer in own.items():
                if buffer is not None and id(buffer) in values and not _equal(buffer, values[id(buffer)]):
                    with torch.no_grad():
                        buffer.copy_(values[id(buffer)])
                module._buffers[name] = buffer  # noqa: SLF001


def _names(module: nn.Module) -> set[str]:
    return set(getattr(module, "_non_persistent_buffers_set", ()))  # which scripted modules haven't got


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.layout != torch.strided or torch.equal(one, other)  # what is sparse is taken for constant
