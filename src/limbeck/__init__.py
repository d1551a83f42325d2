"""Limbeck: what a cumbersome model, an ensemble, or a generalist with its specialists knows, in one small network.

Names are loaded when they are first used, so that `import limbeck` and `limbeck --help` don't wait for torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limbeck import acoustic as acoustic
    from limbeck import beyond as beyond
    from limbeck import cli as cli
    from limbeck import conclusion as conclusion
    from limbeck import data as data
    from limbeck import evidence as evidence
    from limbeck import judge as judge
    from limbeck import models as models
    from limbeck import objective as objective
    from limbeck import report as report
    from limbeck import road as road
    from limbeck import ship as ship
    from limbeck import specialists as specialists
    from limbeck import study as study
    from limbeck import targets as targets
    from limbeck import teachers as teachers
    from limbeck import training as training
    from limbeck.budget import Budget
    from limbeck.data import TransferSet
    from limbeck.distillation import Distilled, distill
    from limbeck.errors import (
        ArgumentError,
        BusyError,
        DataError,
        LimbeckError,
        RunError,
        ShipError,
        TargetsError,
        TrackingError,
        TrainingError,
    )
    from limbeck.judge import Measures, evaluate
    from limbeck.objective import distillation_loss, soften
    from limbeck.ship import export_onnx
    from limbeck.specialists import combine
    from limbeck.targets import SoftTargets, write_soft_targets
    from limbeck.teachers import Ensemble
    from limbeck.training import Fitted, fit

__version__ = "0.1.0"

_HOME = {
    "ArgumentError": "errors",
    "Budget": "budget",
    "BusyError": "errors",
    "DataError": "errors",
    "Distilled": "distillation",
    "Ensemble": "teachers",
    "Fitted": "training",
    "LimbeckError": "errors",
    "Measures": "judge",
    "RunError": "errors",
    "ShipError": "errors",
    "SoftTargets": "targets",
    "TargetsError": "errors",
    "TrackingError": "errors",
    "TrainingError": "errors",
    "TransferSet": "data",
    "combine": "specialists",
    "distill": "distillation",
    "distillation_loss": "objective",
    "evaluate": "judge",
    "export_onnx": "ship",
    "fit": "training",
    "soften": "objective",
    "write_soft_targets": "targets",
}
_ROOMS = (
    "acoustic",
    "beyond",
    "cli",
    "conclusion",
    "data",
    "evidence",
    "judge",
    "models",
    "objective",
    "report",
    "road",
    "ship",
    "specialists",
    "study",
    "targets",
    "teachers",
    "training",
)

__all__ = [
    "ArgumentError",
    "Budget",
    "BusyError",
    "DataError",
    "Distilled",
    "Ensemble",
    "Fitted",
    "LimbeckError",
    "Measures",
    "RunError",
    "ShipError",
    "SoftTargets",
    "TargetsError",
    "TrackingError",
    "TrainingError",
    "TransferSet",
    "beyond",
    "combine",
    "data",
    "distill",
    "distillation_loss",
    "evaluate",
    "export_onnx",
    "fit",
    "models",
    "soften",
    "specialists",
    "targets",
    "teachers",
    "write_soft_targets",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"limbeck.{name}")
    if name in _HOME:
        return getattr(importlib.import_module(f"limbeck.{_HOME[name]}"), name)
    raise AttributeError(f"module 'limbeck' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
