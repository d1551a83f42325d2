"""A training's state on disk: safetensors, never a pickle.

One file holds the net, the optimizer, the random number generators and, as JSON in its header, how far the
training was. Reading it runs no code.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.optim import Optimizer

from limbeck.errors import RunError
from limbeck.files import fingerprint, write_bytes
from limbeck.teachers import tensors_fingerprint


def save_tensors(path: Path, tensors: dict[str, Tensor], told: dict[str, Any]) -> None:
    """Write tensors and a JSON value in one step, sealed with a checksum: safetensors has none of its own."""
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}  # none share memory
    sealed = {"seal": _seal(whole, told), "told": told}
    write_bytes(path, save(whole, {"limbeck": json.dumps(sealed)}))  # one key: safetensors writes several in any order


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote.

    Raises:
        RunError: the file is missing or damaged.
    """
    hint = "delete it and run the same command again: what it held is done again"
    if not path.is_file():
        raise RunError(f"{path} is missing", "run the same command again: what it held is done again")
    try:
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        sealed = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["limbeck"])
        tensors, told = load(data), sealed["told"]
        whole = sealed["seal"] == _seal(tensors, told)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise RunError(f"{path} is damaged: {error}", hint) from error
    if not whole:
        raise RunError(f"{path} is damaged: its checksum is not that of its content", hint)
    return tensors, told


def _seal(tensors: dict[str, Tensor], told: dict[str, Any]) -> str:
    return fingerprint({"tensors": tensors_fingerprint(tensors), "told": told})


def save_training(
    path: Path, net: nn.Module, optimizer: Optimizer, told: dict[str, Any], best: dict[str, Tensor] | None
) -> None:
    """Write all that a training needs to go on exactly where it is; `best` is the best net so far, if one is kept."""
    tensors = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    tensors |= {f"best.{name}": tensor for name, tensor in (best or {}).items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    save_tensors(path, tensors, told)


def restore_training(tensors: dict[str, Tensor], net: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """Put a training back where a checkpoint was; return the best net so far, empty where none is kept."""
    net.load_state_dict(_under("net.", tensors))
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
    if "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return _under("best.", tensors)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
