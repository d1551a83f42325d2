"""The page: everything a report shows, in one file that asks the network for nothing."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError
from limbeck.files import write_bytes
from limbeck.judge import class_table
from limbeck.report.calibration import calibrations
from limbeck.report.charts import Chart, pictures_of
from limbeck.report.choice import DIFFER
from limbeck.report.confusions import MOST_NAMED, MOST_PRINTED, confusions
from limbeck.report.curves import curves
from limbeck.report.examples import hold
from limbeck.report.figures import Figures
from limbeck.report.frame import rendered
from limbeck.report.held import told as told_as_json
from limbeck.report.judged import Evidence, Judged, Table
from limbeck.report.mistakes import MOST_CLASSES, mistakes
from limbeck.report.pictures import tone
from limbeck.report.scripts import OURS
from limbeck.report.speech import Speech
from limbeck.report.trade_offs import trade_offs
from limbeck.report.utterances import drawn
from limbeck.report.word_table import word_table
from limbeck.runs import flat

TEMPERATURES = (1.0, 20.0)  # the paper's range (Hinton et al. 2015, s. 3)
MOST_LISTED = 100  # classes of a table
TEMPERATURE = 4.0  # where the configuration has none


def write_report(
    path: str | Path,
    title: str,
    models: Sequence[Judged],
    test_set: TransferSet,
    *,
    config: Mapping[str, Any],
    command: str = "",
    table: Table | None = None,
    findings: Sequence[str] = (),
    note: str = "",
    charts: Sequence[Chart] = (),
    figures: Figures | None = None,
    speech: Speech | None = None,
) -> Path:
    """Write the evidence as one self-contained HTML page and return its path.

    The same arguments give the same bytes. Without labels the page has no errors and no confusions.

    Args:
        path: where to; folders are made.
        title: the page's.
        models: what each said on the test set. The part a model plays goes by its name: 'ensemble' (or else
            'teacher'), 'twin', 'student'.
        test_set: what they were judged on.
        config: shown at the end; its 'temperature' is where the slider starts.
        command: what makes this page again.
        table: rows ready to print; computed from the models where None.
        findings: sentences for the head of the page.
        note: said above the pictures.
        charts: what was varied, drawn after the table.
        figures: a run's of record: the headline, errors against costs, and more tables.
        speech: a speech run's words, and some of its utterances.

    Raises:
        ArgumentError: no model, logits that don't fit the test set or each other, labels outside the classes, or rows
            of the table that differ in their columns.
        RunError: the file can't be written.
    """
    evidence = Evidence.of(models, test_set)
    rows = evidence.table() if table is None else table
    _check_table(rows)
    page = _render(
        evidence,
        title=title,
        config=flat(config),
        command=command,
        table=rows,
        findings=findings,
        note=note,
        charts=charts,
        record=figures or Figures(),
        speech=speech,
    )
    write_bytes(Path(path), page.encode(errors="replace"))
    return Path(path)


def temperatures(config: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return the slider's (lowest, start, highest): the paper's range, wider where the configuration is outside it.

    >>> temperatures({"temperature": 30})
    (1.0, 30.0, 30.0)
    """
    given = config.get("temperature", TEMPERATURE)
    usable = isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < math.inf
    start = float(given) if usable else TEMPERATURE
    return min(TEMPERATURES[0], start), start, max(TEMPERATURES[1], start)


def _render(
    evidence: Evidence,
    *,
    config: Mapping[str, Any],
    charts: Sequence[Chart],
    record: Figures,
    speech: Speech | None,
    **told: Any,
) -> str:
    pictures = {
        "trade_offs": trade_offs(record.points, len(evidence.test_set)),
        "charts": pictures_of(charts),
        "curves": curves(evidence),
        "calibrations": calibrations(evidence),
        "confusions": confusions(evidence),
    }
    low, start, high = temperatures(config)
    kinds = mistakes(evidence, start)
    held = hold(evidence, kinds, start)
    shown = {
        **told,
        **pictures,
        "config": [{"setting": name, "value": value} for name, value in config.items()],
        "evidence": evidence,
        "record": record,
        "word_table": [] if speech is None else word_table(speech.rates),
        "utterances": [] if speech is None else drawn(speech),
        "classes": _classes(evidence),
        "most_listed": MOST_LISTED,
        "held": told_as_json(evidence, held, kinds),
        "num_telling": len(held.telling),
        "num_differing": held.telling.count(DIFFER),
        "reference": evidence.reference,
        "tone": tone,
        "temperatures": {"low": low, "start": start, "high": high},
        "most_printed": MOST_PRINTED,
        "most_named": MOST_NAMED,
        "most_classes": MOST_CLASSES,
    }
    return rendered("page.html.j2", OURS, [picture for part in pictures.values() for picture in part], shown)


def _classes(evidence: Evidence) -> Table:
    """Return the figures of each class, those with the most errors."""
    if evidence.labels is None:
        return []
    models = {model.name: model.logits for model in evidence.cast}
    return class_table(models, evidence.labels, evidence.class_names)[:MOST_LISTED]


def _check_table(table: Table) -> None:
    for row in table:
        if list(row) != list(table[0]):
            raise ArgumentError(f"all rows of the table must have the columns {list(table[0])}, got {list(row)}")
