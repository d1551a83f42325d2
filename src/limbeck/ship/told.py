"""What was shipped, in rows of record and in words."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Int
from torch import Tensor

from limbeck.evidence import LATENCY, SIZE, row_of, setting_rows
from limbeck.judge import count_errors, measure
from limbeck.settings import INT8, TEACHERS, net_of_file, part_of
from limbeck.ship.costs import Cost
from limbeck.ship.export import EXTRA_HINT
from limbeck.ship.memory import BATCH_SIZE
from limbeck.ship.shipping import STUDENT, Shipped

MOST_NAMED = 30  # columns
NO_EXTRA = f"No ONNX file is written: the packages that export needs are not installed ({EXTRA_HINT})."


def shipped_rows(shipped: Shipped, labels: Int[Tensor, " examples"] | None, *, accuracy: bool) -> list[dict[str, Any]]:
    """Return the rows of record of a run's ONNX files: what they are worth, what they cost, how often the student's.

    A model that is timed as it is called, for it has no file, has a latency beside theirs: in the ratios alone.
    """
    rows, costs = [], {cost.name: cost for cost in shipped.costs}
    for name, logits in shipped.logits.items():
        cost = costs[name]
        if labels is not None:
            rows += setting_rows(name, [[measure(logits, labels, None, cost.parameters)]], {}, accuracy=accuracy)
        told = {
            (name, "parameters"): None if labels is not None else cost.parameters,
            (name, LATENCY): cost.one.p50_ms,
            (name, SIZE): cost.size_bytes,
            (f"{name}, {BATCH_SIZE} examples", LATENCY): cost.many.p50_ms,
            (f"{name}, asked from Python", LATENCY): cost.from_python_ms,
        }
        rows += [row_of(*row, [float(value)], None) for row, value in told.items() if value is not None]
    return rows + _ratios(shipped, costs)


def _ratios(shipped: Shipped, costs: dict[str, Cost]) -> list[dict[str, Any]]:
    large, small = costs[_taught_by(shipped)], costs[STUDENT]
    told = {
        "one example": (large.one.p50_ms, small.one.p50_ms),
        "one example asked from Python": (large.from_python_ms, small.from_python_ms),
        f"{BATCH_SIZE} examples": (large.many.p50_ms, small.many.p50_ms),
        "multiplications": (large.macs, small.macs),
        "parameters": (large.parameters, small.parameters),
        "bytes": (large.size_bytes, small.size_bytes),
    }
    return [
        row_of(f"{large.name}, {what} / {small.name}, {what}", "ratio", [one / other], None)
        for what, (one, other) in told.items()
        if one and other
    ]


def _taught_by(shipped: Shipped) -> str:
    """Return the setting of who taught the student."""
    return next(cost.name for cost in shipped.costs if part_of(cost.name) in TEACHERS)


def shipped_findings(
    shipped: Shipped, labels: Int[Tensor, " examples"] | None, columns: Sequence[str] = ()
) -> list[str]:
    """Return in words what was shipped: how true it is to the student, and what it costs beside who taught it.

    `columns` are the names of a table's columns, in the order in which the files take them.
    """
    costs = {cost.name: cost for cost in shipped.costs}
    student, large, parity = costs[STUDENT], costs[_taught_by(shipped)], shipped.parities[STUDENT]
    same = f"chooses the student's class on {parity.top1_agreement:.2%} of {parity.rows:,} test rows"
    most = f"{parity.largest_difference:.1g} at most"
    said = [f"student.onnx ({student.size_bytes:,} bytes) {same}; its logits differ by {most}."]
    if columns:
        more = f", … ({len(columns):,} in all: column_names in its metadata)" if len(columns) > MOST_NAMED else ""
        said.append(f"It takes a row's numbers in this order: {', '.join(columns[:MOST_NAMED])}{more}.")
    if INT8 in costs and labels is not None:
        errors = {name: count_errors(shipped.logits[name], labels) for name in (STUDENT, INT8)}
        said.append(
            f"In int8 it has {costs[INT8].size_bytes:,} bytes and makes {errors[INT8]:,} test errors, "
            f"in float32 {errors[STUDENT]:,}."
        )
    if INT8 in costs:
        said += _slower(costs[INT8], student)
    who = net_of_file(large.name)
    in_runtime = large.from_python_ms is not None  # a file that was made here, or the teacher's own
    where = "" if in_runtime else f", and the {who}, of which no file is made, as it is called"
    said.append(
        f"In ONNX Runtime on one thread{where}: one example takes the {who} {large.one.p50_ms:.3g} ms and the student "
        f"{student.one.p50_ms:.3g} ms ({large.one.p50_ms / student.one.p50_ms:.1f} ×), {BATCH_SIZE} at once "
        f"{large.many.p50_ms:.3g} ms and {student.many.p50_ms:.3g} ms "
        f"({large.many.p50_ms / student.many.p50_ms:.1f} ×)."
    )
    return [*said, *_why_less(large, student), *shipped.refused]


def _why_less(large: Cost, small: Cost) -> list[str]:
    """Return a sentence where a call got quicker by a smaller factor than its net got smaller."""
    quicker = large.one.p50_ms / small.one.p50_ms
    if not large.parameters or not small.parameters or large.parameters / small.parameters <= quicker:
        return []
    smaller = f"It has {large.parameters / small.parameters:.1f} × fewer parameters"
    why = "a call, and each layer in it, takes a time of its own however narrow the layers are"
    return [f"{smaller}, and one example is {quicker:.1f} × quicker: {why}."]


def _slower(int8: Cost, exact: Cost) -> list[str]:
    """Return a sentence where a net is slower in 8-bit integers than in float32."""
    slower = {
        what: (own.p50_ms, other.p50_ms)
        for what, own, other in (
            ("one example", int8.one, exact.one),
            (f"{BATCH_SIZE} at once", int8.many, exact.many),
        )
        if own.p50_ms > other.p50_ms
    }
    if not slower:
        return []
    told = ", ".join(
        f"{what} takes {own:.3g} ms in int8 and {other:.3g} ms in float32" for what, (own, other) in slower.items()
    )
    return [f"In int8 the student is slower here: {told}."]
