"""Controls of a distillation: what they are called. What they do is in `limbeck.training.controls`."""

from typing import Literal

Control = Literal["smoothed", "permuted", "random"]

NAMES: dict[Control, str] = {
    "smoothed": "labels smoothed to equal entropy",
    "permuted": "other classes permuted",
    "random": "untrained teacher",
}


def control_setting(setting: str, control: Control) -> str:
    """Return the name under which a setting's control is told.

    >>> control_setting("student", "permuted")
    'student, control: other classes permuted'
    """
    return f"{setting}, control: {NAMES[control]}"


def control_of(name: str) -> str | None:
    """Return a control as sentences call it, None for a setting that is none.

    >>> control_of("student, control: untrained teacher")
    'its control “untrained teacher”'
    """
    _, found, control = name.partition(", control: ")
    return f"its control “{control}”" if found else None
