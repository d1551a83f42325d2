"""Names that every tracker takes."""

import re


def legal(name: str) -> str:
    """Return a name of letters, digits and underscores alone, which MLflow, W&B and TensorBoard take as it is.

    >>> legal("student, T=20"), legal("latency p50 (ms)")
    ('student_T_20', 'latency_p50_ms')
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "_"


def without_login(uri: str) -> str:
    """Return an address without the name and password that it may hold.

    >>> without_login("https://me:secret@tracking.org/mlflow")
    'https://tracking.org/mlflow'
    """
    return re.sub(r"(?<=://)[^/@]*@", "", uri)
