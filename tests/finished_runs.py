"""What is told of a finished run, and how a test changes it."""

from limbeck.evidence import row_of
from limbeck.run_json import read_run, write_run

FINISHED = {
    "recipe": "digits",
    "config": {"temperature": 4.0},
    "data": [["a", None]],
    "seeds": 1,
    "controls": [],
    "command": "limbeck run digits",
    "smoke": False,
    "commit": None,
    "versions": {"limbeck": "0"},
    "machine": "a machine",
    "threads": 1,
    "auto_precision": "32-true",
    "date": "2025-01-01",
    "rows": [row_of("student", "test errors", [30.0], None)],
    "findings": ["It is as good."],
    "table": [{"model": "student"}],
    "costs": [],
    "judgements": {},
    "cast": {"student": "student"},
    "charts": [],
    "note": "",
}


def rewrite(folder, **changes):
    """Let a run.json tell something else, with the seal of that; what is None is left out."""
    told = read_run(folder) | changes
    write_run(folder, {name: value for name, value in told.items() if value is not None})
