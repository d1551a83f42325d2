"""Names that every tracker takes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any


def legal(name: str) -> str:
    """Return a name of letters, digits and underscores alone, which MLflow, W&B and TensorBoard take as it is.

    >>> legal("student, T=20"), legal("latency p50 (ms)")
    ('student_T_20', 'latency_p50_ms')
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "_"


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings under dotted names.

    >>> flat({"temperature": 8, "student": {"epochs": 3}})
    {'temperature': 8, 'student.epochs': 3}
    """
    return dict(_settings(config, prefix))


def without_login(uri: str) -> str:
    """Return an address without the name and password that it may hold.

    >>> without_login("https://me:secret@tracking.org/mlflow")
    'https://tracking.org/mlflow'
    """
    return re.sub(r"(?<=://)[^/@]*@", "", uri)


def _settings(config: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _settings(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
