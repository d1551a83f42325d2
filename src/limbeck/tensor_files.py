"""Files of tensors that are whole or not there: safetensors, never a pickle, sealed with a checksum.

Reading them runs no code.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

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
