"""A training's state on disk.

One file holds the net, the optimizer, the random number generators and, as JSON in its header, how far the
training was.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from limbeck.teachers.seeding import generators, set_generators
from limbeck.teachers.unsaved import put_unsaved, unsaved_buffers
from limbeck.tensor_files import save_tensors


def save_training(
    path: Path, net: nn.Module, optimizer: Optimizer, told: dict[str, Any], best: dict[str, Tensor] | None
) -> None:
    """Write all that a training needs to go on exactly where it is; `best` is the best net so far, if one is kept."""
    tensors = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    dense = {name: tensor for name, tensor in unsaved_buffers(net).items() if tensor.layout == torch.strided}
    tensors |= {f"unsaved.{name}": tensor for name, tensor in dense.items()}
    tensors |= {f"best.{name}": tensor for name, tensor in (best or {}).items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    save_tensors(path, tensors, {**told, "random": generators()})


def restore_training(
    tensors: dict[str, Tensor], told: dict[str, Any], net: nn.Module, optimizer: Optimizer
) -> dict[str, Tensor]:
    """Put a training back where a checkpoint was; return the best net so far, empty where none is kept."""
    net.load_state_dict(_under("net.", tensors))
    device = next(net.parameters()).device
    put_unsaved(net, {name: tensor.to(device) for name, tensor in _under("unsaved.", tensors).items()})
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in _under("optimizer.", tensors).items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, own in state.items():  # laid out in memory as the parameters are: the fused step goes by memory
        like = parameters[index]
        own |= {name: torch.empty_like(like).copy_(value) for name, value in own.items() if value.shape == like.shape}
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    torch.set_rng_state(tensors["random.cpu"])
    if "random" in told:  # a checkpoint of an earlier version has torch's alone
        set_generators(told["random"])
    if "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return _under("best.", tensors)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
