"""The field's own parts, imported where they are used: finite-state transducers, decoder, mixtures of Gaussians."""

import contextlib
import importlib
import os
from collections.abc import Iterator
from typing import Any

from limbeck.data.audio import EXTRA_HINT
from limbeck.errors import ArgumentError

FIRST = "kaldi_hmm_gmm"  # imported after any of the others it waits for ever: each brings an OpenFst of its own


def needed(package: str) -> Any:
    """Return one of the packages of the extra `speech`.

    Raises:
        ArgumentError: it is not installed.
    """
    try:
        importlib.import_module(FIRST)
        return importlib.import_module(package)
    except ImportError as error:
        missing = (error.name or package).replace("_", "-")
        raise ArgumentError(f"speech needs the package {missing}", EXTRA_HINT) from error


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Keep from stderr what a library writes there itself, past Python's own stream, until the block ends."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
