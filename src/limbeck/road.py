"""The road a recipe takes: teach, soften, distill, judge, report.

Each station leaves its product in the run's folder, so a run that was killed goes on from the last one that is
whole. A recipe says what is taught, to whom and with which budget; the way is the same for all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from limbeck.budget import Budget
from limbeck.checkpoint import load_tensors, save_tensors
from limbeck.data import Plain, TransferSet, View
from limbeck.distillation import Distilled, distill, num_outputs
from limbeck.errors import ArgumentError, RunError
from limbeck.files import write_bytes
from limbeck.judge import Measures, count_parameters, evaluate, measure, share_recovered, sign_flip_p
from limbeck.objective import check_hard_weight, check_temperature
from limbeck.report import Judged, write_report
from limbeck.runs import Run, read_run
from limbeck.targets import write_soft_targets
from limbeck.teachers import Ensemble, predict
from limbeck.training import Fitted, Row, fit

MEMBERS_PER_SEED = 1000  # seeds of the nets of run seed s lie in s·1000 ... s·1000 + 999, the student's is the last
METRICS = {  # of results/*.json, and how a table prints them
    "test errors": lambda m: m.errors,
    "NLL": lambda m: m.nll,
    "ECE": lambda m: m.ece,
    "agreement": lambda m: m.agreement,
    "parameters": lambda m: m.parameters,
}


@dataclass(frozen=True)
class Journey:
    """What a recipe sets out with."""

    train: TransferSet
    validation: TransferSet
    test: TransferSet
    make_teacher: Callable[[], nn.Module]
    make_student: Callable[[], nn.Module]
    num_teachers: int
    teacher_budget: Budget
    student_budget: Budget
    temperature: float
    hard_weight: float
    teacher_view: View = field(default_factory=Plain)
    student_view: View = field(default_factory=Plain)
    num_views: int = 1

    def __post_init__(self) -> None:
        """Find what is wrong before the first teacher is trained."""
        check_temperature(self.temperature)
        check_hard_weight(self.hard_weight, labelled=self.train.labels is not None)
        if self.num_teachers < 1:
            raise ArgumentError(f"members must be >= 1, got {self.num_teachers}")
        outputs = [num_outputs(make(), self.train) for make in (self.make_teacher, self.make_student)]
        if outputs[0] != outputs[1]:
            raise ArgumentError(f"student and teacher must have the same classes, got {outputs[1]} and {outputs[0]}")


@dataclass(frozen=True)
class Outcome:
    """What one seed came to: each setting's measures on the test set, and the student for keeps."""

    measures: dict[str, list[Measures]]
    seconds: dict[str, float]
    """Training time of each setting; an ensemble's is that of all its members."""
    student_validation: Measures
    weights: Path


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    rows: list[dict[str, Any]]
    table: list[dict[str, str]]
    findings: list[str]
    report: Path


def travel(run: Run, journey: Journey, paper: dict[tuple[str, str], float] | None = None) -> Result:
    """Take the road once a seed and return what all seeds came to.

    Raises:
        LimbeckError: as the stations do; what was finished is kept.
    """
    outcomes = [_one_seed(run, journey, seed) for seed in range(run.num_seeds)]
    rows = figures(outcomes, paper or {})
    table, findings = tabulate(rows), find(outcomes)
    best = min(outcomes, key=lambda outcome: outcome.student_validation.nll)
    write_bytes(run.folder / "student.safetensors", best.weights.read_bytes())
    run.save({"seeds": run.num_seeds, "rows": rows, "findings": findings, "table": table})
    keep_test_set(run.folder, journey.test)
    return Result(rows, table, findings, draw(run.folder))


def seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return a net whose start is a function of the seed; the caller's random numbers are left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def _one_seed(run: Run, journey: Journey, seed: int) -> Outcome:
    folder, progress = run.seed_folder(seed), run.progress
    taught = _teach(journey, folder, seed, run)
    teachers = [fitted.net for fitted in taught]
    ensemble = Ensemble(teachers) if len(teachers) > 1 else teachers[0]
    transfer = journey.train.seen_through(journey.student_view)
    targets = write_soft_targets(ensemble, transfer, folder / "targets", num_views=journey.num_views, progress=progress)
    test_targets = write_soft_targets(
        ensemble, journey.test, folder / "targets-test", encoding="float32", progress=progress
    )
    distilled = distill(
        seeded(journey.make_student, (seed + 1) * MEMBERS_PER_SEED - 1),
        targets,
        transfer,
        temperature=journey.temperature,
        hard_weight=journey.hard_weight,
        budget=journey.student_budget,
        validation=journey.validation,
        test_set=journey.test,
        test_targets=test_targets,
        seed=seed,
        folder=folder,
        progress=progress,
    )
    return _judge(journey, distilled, taught, folder)


def _teach(journey: Journey, folder: Path, seed: int, run: Run) -> list[Fitted]:
    """Train the members, which differ in their random start, order and dropout alone (s. 4)."""
    seen = journey.train.seen_through(journey.teacher_view)
    return [
        fit(
            seeded(journey.make_teacher, seed * MEMBERS_PER_SEED + member),
            seen,
            validation=journey.validation,
            budget=journey.teacher_budget,
            seed=seed * MEMBERS_PER_SEED + member,
            folder=folder / f"teacher-{member}",
            name=f"seed {seed}: teacher {member + 1} of {journey.num_teachers}",
            progress=run.progress,
        )
        for member in range(journey.num_teachers)
    ]


def _judge(journey: Journey, distilled: Distilled, taught: Sequence[Fitted], folder: Path) -> Outcome:
    test, reference = journey.test, distilled.teacher_logits
    assert reference is not None
    assert test.labels is not None
    assert distilled.twin_fit is not None
    measures = {"teacher": [evaluate(fitted.net, test, teacher_logits=reference) for fitted in taught]}
    strongest = "ensemble" if len(taught) > 1 else "teacher"
    if strongest == "ensemble":
        size = sum(count_parameters(fitted.net) for fitted in taught)
        measures["ensemble"] = [measure(reference, test.labels[test.ids], reference, size)]
    seconds = {strongest: sum(fitted.seconds for fitted in taught)}
    judged = [Judged(strongest, reference)]
    for name, fitted in (("twin", distilled.twin_fit), ("student", distilled.student_fit)):
        judged.append(Judged(name, predict(fitted.net, test), fitted.history))
        measures[name] = [evaluate(fitted.net, test, teacher_logits=reference)]
        seconds[name] = fitted.seconds
    save_judged(folder / "judged.safetensors", judged)
    weights = folder / "student" / "model.safetensors"
    return Outcome(measures, seconds, evaluate(distilled.student, journey.validation), weights)


def save_judged(path: Path, judged: Sequence[Judged]) -> None:
    """Keep what each model said on the test set, and its curves, for reports to come."""
    tensors: dict[str, Tensor] = {model.name: model.logits for model in judged}
    histories: dict[str, list[Row]] = {model.name: model.history for model in judged}
    save_tensors(path, tensors, {"order": [model.name for model in judged], "histories": histories})


def figures(outcomes: Sequence[Outcome], paper: dict[tuple[str, str], float]) -> list[dict[str, Any]]:
    """Return the rows of record: each setting's metrics, one value a seed (the mean over a seed's teachers)."""
    rows = []
    for setting in outcomes[0].measures:
        for metric, value_of in METRICS.items():
            values = [float(np.mean([value_of(m) for m in outcome.measures[setting]])) for outcome in outcomes]
            rows.append(row_of(setting, metric, values, paper.get((setting, metric))))
    rows += [row_of(name, "seconds", [o.seconds[name] for o in outcomes], None) for name in outcomes[0].seconds]
    share = share_recovered(*(errors_of(outcomes, name) for name in ("twin", strongest(outcomes), "student")))
    if share is not None:
        rows.append(row_of(f"student, share of the twin-to-{strongest(outcomes)} gap", "ratio", [share], None))
    return rows


def row_of(setting: str, metric: str, values: list[float], paper: float | None) -> dict[str, Any]:
    """Return one row of record; the sd is that of a sample, 0 for one value."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    mean = float(np.mean(values))
    told = {"setting": setting, "metric": metric, "n": len(values), "mean": mean, "sd": sd}
    return {**told, "values": values, "paper": paper}


def strongest(outcomes: Sequence[Outcome]) -> str:
    """Return the setting that taught the student."""
    return "ensemble" if "ensemble" in outcomes[0].measures else "teacher"


def errors_of(outcomes: Sequence[Outcome], setting: str) -> list[float]:
    """Return a setting's test errors, one value a seed."""
    return [float(np.mean([m.errors for m in outcome.measures[setting]])) for outcome in outcomes]


def tabulate(rows: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the printed table: one line a setting, mean ± sd over the seeds."""
    settings = list(dict.fromkeys(row["setting"] for row in rows if row["metric"] == "test errors"))
    table = []
    for setting in settings:
        own = {row["metric"]: row for row in rows if row["setting"] == setting}
        line = {"model": setting, "seeds": str(own["test errors"]["n"])}
        line |= {metric: formatted(own[metric]) for metric in METRICS}
        if any(row["paper"] is not None for row in rows):
            paper = own["test errors"]["paper"]
            line["paper's errors"] = "–" if paper is None else f"{paper:g}"
        table.append(line)
    return table


def formatted(row: dict[str, Any]) -> str:
    """Return a row's figure as it is printed.

    >>> formatted(row_of("twin", "test errors", [14, 16], None))
    '15.0 ± 1.4'
    """
    if row["metric"] == "parameters":
        return f"{row['mean']:,.0f}"
    scale, digits, unit = {"test errors": (1, 1, ""), "agreement": (100, 1, "%"), "NLL": (1, 3, "")}.get(
        row["metric"], (1, 3, "")
    )
    spread = f" ± {row['sd'] * scale:.{digits}f}" if row["n"] > 1 else ""
    return f"{row['mean'] * scale:.{digits}f}{spread}{unit}"


def find(outcomes: Sequence[Outcome]) -> list[str]:
    """Return in words whether the soft targets helped, and how much of the gap they closed."""
    twin, student = errors_of(outcomes, "twin"), errors_of(outcomes, "student")
    name, seeds = strongest(outcomes), len(outcomes)
    examples = outcomes[0].measures["student"][0].examples
    seed_word = "paired seeds" if seeds > 1 else "seed: no interval"
    difference = np.mean(twin) - np.mean(student)
    verb = f"{abs(difference):.1f} {'fewer' if difference >= 0 else 'more'} test errors than its label-only twin"
    p = f", sign-flip p = {sign_flip_p(twin, student):.3f}" if seeds > 1 else ""
    said = [
        (
            f"The student makes {verb} ({np.mean(student):.1f} against {np.mean(twin):.1f} of {examples:,}; "
            f"{seeds} {seed_word}{p})."
        )
    ]
    share = share_recovered(twin, errors_of(outcomes, name), student)
    if share is not None:
        said.append(f"It recovers {share:.0%} of the gap between the twin and the {name}.")
    size = outcomes[0].measures[name][0].parameters / outcomes[0].measures["student"][0].parameters
    if size > 1:
        said.append(f"It has {size:.0f} times fewer parameters than the {name}.")
    return said


def keep_test_set(folder: Path, test: TransferSet) -> None:
    """Keep the examples that models were judged on, for reports to come."""
    assert test.labels is not None
    tensors = {"inputs": test.at(test.ids), "labels": test.labels[test.ids]}
    save_tensors(folder / "test.safetensors", tensors, {"class_names": test.class_names, "name": test.name})


def draw(folder: Path) -> Path:
    """Write the page of a finished run from what is in its folder, and return its path.

    Raises:
        RunError: the run has not finished, or a file of it is damaged.
    """
    told = read_run(folder)
    if "rows" not in told:
        raise RunError(f"the run in {folder} has not finished", f"go on with it: {told.get('command')}")
    tensors, test_told = load_tensors(folder / "test.safetensors")
    names = tuple(test_told["class_names"])
    test = TransferSet(tensors["inputs"], tensors["labels"], names, name=test_told["name"])
    logits, judged_told = load_tensors(folder / "seed-0" / "judged.safetensors")
    judged = [Judged(name, logits[name], judged_told["histories"][name]) for name in judged_told["order"]]
    return write_report(
        folder / "report.html",
        f"Limbeck: {told['recipe']}",
        judged,
        test,
        config=told["config"],
        command=told["command"],
        table=told["table"],
        findings=told["findings"],
        note="The pictures below show seed 0." if told["seeds"] > 1 else "",
    )
