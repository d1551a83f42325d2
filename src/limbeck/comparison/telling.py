"""What a comparison came to: for the terminal, as JSON, and for its page."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from limbeck.comparison.difference import Difference, differences
from limbeck.comparison.finished import Finished
from limbeck.conclusion import SMOKE
from limbeck.evidence import formatted, row_of, tabulate
from limbeck.judge import Judgement
from limbeck.report.comparison_page import Compared, Errors
from limbeck.runs import flat


def page_of(runs: Sequence[Finished]) -> Compared:
    """Return what the page of a comparison shows."""
    return Compared(
        names=[run.name for run in runs],
        test_name=runs[0].test_set.name,
        num_examples=len(runs[0].labels),
        warnings=warnings_of(runs),
        findings=[each.sentence for each in differences(runs)],
        differences=[_line(each) for each in differences(runs)],
        errors=[
            Errors(run.name, part, [float(each.errors) for each in run.judgements[setting]])
            for run in runs
            for part, setting in run.cast.items()
        ],
        table=table_of(runs),
        made=[{"run": run.name, "folder": str(run.folder), "command": run.command} for run in runs],
        settings=_differing(runs),
    )


def told_comparison(runs: Sequence[Finished]) -> dict[str, Any]:
    """Return a comparison as JSON holds it."""
    return {
        "runs": [
            {
                "name": run.name,
                "folder": str(run.folder),
                "recipe": run.recipe,
                "command": run.command,
                "cast": run.cast,
            }
            for run in runs
        ],
        "warnings": warnings_of(runs),
        "rows": [{"run": run.name, **row} for run in runs for row in run.rows],
        "differences": [
            {
                "first": each.first.name,
                "second": each.second.name,
                "verdict": each.verdict,
                "sentence": each.sentence,
                "seeds": asdict(each.of_seeds),
                "seed 0": {**asdict(each.of_nets), "finding": each.nets},
            }
            for each in differences(runs)
        ],
    }


def table_of(runs: Sequence[Finished]) -> list[dict[str, str]]:
    """Return each run's settings and figures, ready to print: mean ± sd over its seeds."""
    lines = []
    for run in runs:
        for line in tabulate(run.rows):
            setting = line.pop("model")
            named = {"run: setting": f"{run.name}: {setting}"}
            lines.append({**named, **line, **_calibrated(run.judgements.get(setting, []))})
    columns = dict.fromkeys(column for line in lines for column in line)
    return [{column: line.get(column, "–") for column in columns} for line in lines]


def _calibrated(judgements: Sequence[Judgement]) -> dict[str, str]:
    """Return the columns that tell a setting's figures at the fitted temperature; none where there is none."""
    figures = {
        "NLL at fitted T": [each.calibrated_nll for each in judgements],
        "ECE at fitted T": [each.calibrated_ece for each in judgements],
    }
    known = {name: [value for value in values if value is not None] for name, values in figures.items()}
    return {
        name: formatted(row_of("", name, values, None))
        for name, values in known.items()
        if values and len(values) == len(judgements)
    }


def warnings_of(runs: Sequence[Finished]) -> list[str]:
    """Return what must be said of runs whose figures mean nothing."""
    return [f"{run.name}: {SMOKE}" for run in runs if run.smoke]


def _line(difference: Difference) -> dict[str, str]:
    """Return the figures of a verdict, ready to print."""
    own, nets = difference.of_seeds, difference.of_nets
    seeds = f"{own.seeds[0]} paired" if own.paired else f"{own.seeds[0]} and {own.seeds[1]}"
    known = own.low is not None and own.high is not None
    return {
        "students of": f"{difference.first.name} less {difference.second.name}",
        "verdict": difference.verdict,
        "seeds": seeds,
        "errors": f"{own.errors:+.1f}",
        "95% interval": f"{own.low:+.1f} to {own.high:+.1f}" if known else "–",
        "bootstrap": "–" if own.bootstrap is None else "{:+.1f} to {:+.1f}".format(*own.bootstrap),
        "p": "–" if own.p is None else f"{own.p:.2g}",
        "errors, seed 0": f"{nets.errors:+.0f}",
        "95% interval over examples": f"{nets.low:+.1f} to {nets.high:+.1f}",
        "McNemar p": f"{nets.p:.2g}",
        "nets of seed 0": difference.nets,
    }


def _differing(runs: Sequence[Finished]) -> list[dict[str, str]]:
    """Return the settings in which runs differ, the recipe first."""
    told = [{"recipe": run.recipe, **flat(run.config)} for run in runs]
    names = dict.fromkeys(name for own in told for name in own)
    return [
        {"setting": name, **{run.name: str(own.get(name, "–")) for run, own in zip(runs, told, strict=True)}}
        for name in names
        if len({str(own.get(name, "–")) for own in told}) > 1
    ]
