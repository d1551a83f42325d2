"""What a run comes to where there are no labels: how far the student says what its teacher says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limbeck.evidence import KL, LATENCY, costs_told, mean_of, ratio_row, row_of, sd_of
from limbeck.judge import Fidelity, proportion_interval


@dataclass(frozen=True)
class Likeness:
    """What one seed came to without labels: the student's fidelity on the test set, and the student for keeps."""

    taught_by: str
    """'teacher' or 'ensemble'."""
    fidelities: dict[str, Fidelity]
    """Of the teacher, to itself, and of the student."""
    parameters: dict[str, int | None]
    """None of what is no net."""
    seconds: dict[str, float]
    latency_ms: dict[str, float]
    """Median time of one example, alone, on one thread."""
    validation: Fidelity
    """The student's, on the validation split."""
    weights: Path

    @property
    def held_out_loss(self) -> float:
        """By which the student for keeps is chosen among seeds: the divergence from the teacher on validation rows."""
        assert self.validation.kl is not None
        return self.validation.kl


def likeness_figures(outcomes: Sequence[Likeness], *, one_teacher: bool = False) -> list[dict[str, Any]]:
    """Return the rows of record, one value a seed; of one teacher of all seeds one, but for its times."""
    first, rows = outcomes[0], []
    for setting in first.fidelities:
        own = [each.fidelities[setting] for each in outcomes]
        own = own[:1] if one_teacher and setting == first.taught_by else own
        rows.append(row_of(setting, "agreement", [each.agreement or 0.0 for each in own], None))
        rows.append(row_of(setting, KL, [each.kl or 0.0 for each in own], None))
        size = first.parameters[setting]
        rows += [] if size is None else [row_of(setting, "parameters", [float(size)] * len(own), None)]
        rows.append(row_of(setting, LATENCY, [each.latency_ms[setting] for each in outcomes], None))
    rows += [row_of(name, "seconds", [each.seconds[name] for each in outcomes], None) for name in first.seconds]
    return [*rows, ratio_row(first.taught_by, [each.latency_ms for each in outcomes])]


def likeness_found(outcomes: Sequence[Likeness]) -> list[str]:
    """Return in words how far the student says what its teacher says, and what it costs beside it."""
    first, own = outcomes[0], [each.fidelities["student"] for each in outcomes]
    by, rows = first.taught_by, own[0].examples
    agreed, kl = [each.agreement or 0.0 for each in own], [each.kl or 0.0 for each in own]
    if len(own) == 1:
        low, high = proportion_interval(round(agreed[0] * rows), rows)
        over = f"1 seed, 95% interval {low:.1%} to {high:.1%}"
        told = f"{kl[0]:.3g} nats"
    else:
        over = f"mean of {len(own)} seeds, sd {sd_of(agreed):.1%}"
        told = f"{mean_of(kl):.3g} ± {sd_of(kl):.2g} nats"
    said = f"The student chooses the {by}'s class on {mean_of(agreed):.1%} of {rows:,} test rows ({over})"
    return [
        f"There are no labels, and so no label-only twin: the student is judged by how far it says what the {by} says.",
        f"{said}; its divergence, KL({by} ‖ student), is {told}.",
        *costs_told(by, first.parameters, [each.latency_ms for each in outcomes]),
    ]
