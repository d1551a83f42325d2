"""Insert the figures of README.md and docs/ from results/*.json, between their `figures` marks.

python docs/figures.py            writes them
python docs/figures.py --check    fails where a page says something else
"""

import re
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Any

from limbeck.controls import control_of
from limbeck.evidence import FRAMES, WER, formatted
from limbeck.recipes import RECIPES
from limbeck.results import headlines, load, made, papers_figure, spread
from limbeck.settings import STUDENT, TWIN, is_file, part_of

DOCS = Path(__file__).parent
PAGES = (
    DOCS.parent / "README.md",
    *(DOCS / f"{name}.md" for name in ("benchmarks", "mnist", "cifar", "shipping", "specialists", "speech")),
)
MARKED = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- /figures -->)", re.DOTALL)
MISSING = "(not recorded yet)\n"
NOT_OF_THE_PAPER = ("cifar10-labml", "cifar10-labml-ours", "cifar10", "cifar100-table")


def figure(told: dict[str, Any], setting: str, metric: str) -> dict[str, Any]:
    """Return one row of record."""
    return next(row for row in told["rows"] if (row["setting"], row["metric"]) == (setting, metric))


def digits() -> str:
    """Return what the demo came to, with the seeds of record."""
    told = load("digits")
    if told is None:
        return MISSING
    settings = dict.fromkeys(row["setting"] for row in told["rows"] if row["metric"] == "test errors")
    lines = ["| | test errors | NLL | ECE | parameters |", "|---|---|---|---|---|"]
    for setting in [each for each in settings if not is_file(each)]:
        nll, ece, size = (figure(told, setting, metric) for metric in ("NLL", "ECE", "parameters"))
        lines.append(
            f"| {setting} | {spread(figure(told, setting, 'test errors'))} | {nll['mean']:.3f} ± {nll['sd']:.3f} "
            f"| {ece['mean']:.3f} ± {ece['sd']:.3f} | {size['mean']:,.0f} |"
        )
    return "\n".join([*lines, "", *(f"- {finding}" for finding in told["findings"]), ""])


def shipped(name: str) -> str:
    """Return what a recipe's ONNX files are worth and cost, and how often the student's the teacher's does."""
    results = load(name)
    rows = {(row["setting"], row["metric"]): row for row in (results or {"rows": []})["rows"]}
    settings = [setting for setting, metric in rows if metric == "size (bytes)" and is_file(setting)]
    if results is None or not settings:
        return MISSING
    columns = {  # of the table, and of the record: what follows the setting, and the metric
        "test errors": ("", "test errors"),
        "parameters": ("", "parameters"),
        "bytes": ("", "size (bytes)"),
        "one example (ms)": ("", "latency p50 (ms)"),
        "asked from Python": (", asked from Python", "latency p50 (ms)"),
        "64 examples": (", 64 examples", "latency p50 (ms)"),
    }
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for setting in settings:
        cells = [formatted(rows[setting + more, metric]) for more, metric in columns.values()]
        lines.append(f"| {setting} | {' | '.join(cells)} |")
    ratios = [row for (setting, metric), row in rows.items() if metric == "ratio" and "student, ONNX, " in setting]
    lines += ["", "| ratio | |", "|---|---|", *(f"| {row['setting']} | {row['mean']:.1f} × |" for row in ratios)]
    how = f"`{results['command']}`, {results['machine']}, {results['date']}."
    return "\n".join([*lines, "", how, ""])


def recipes() -> str:
    """Return the short table of recipes: what is published beside ours, twins and students."""
    lines = ["| recipe | setting | published | ours | seeds |", "|---|---|---|---|---|"]
    for recipe in RECIPES:
        told = load(recipe.name)
        if told is None:
            lines.append(f"| `{recipe.name}` | not recorded yet | – | – | – |")
            continue
        rows = [row for row in headlines(told) if row["paper"] is not None or _is_compared(row["setting"])]
        for row in rows:
            setting = f"{row['setting']}, {row['metric']}"
            lines.append(f"| `{recipe.name}` | {setting} | {papers_figure(row)} | {spread(row)} | {row['n']} |")
        if not any(part_of(row["setting"]) == STUDENT for row in rows):
            lines.append(f"| `{recipe.name}` | students of many settings: {_page_of(recipe.name)} | | | |")
    return "\n".join([*lines, ""])


def _page_of(recipe: str) -> str:
    """Return a link from README to the page that has a recipe's figures."""
    [page] = [page for page in PAGES if page.parent == DOCS and f"<!-- figures: {recipe} -->" in page.read_text()]
    return f"[docs/{page.name}](docs/{page.name})"


def _is_compared(setting: str) -> bool:
    """Return whether a setting is a twin or a student, and no control."""
    return part_of(setting) in (TWIN, STUDENT) and control_of(setting) is None


def study(name: str) -> str:
    """Return all settings of a recipe, paper beside ours, and what was found."""
    told = load(name)
    if told is None:
        return MISSING
    settings = dict.fromkeys(row["setting"] for row in told["rows"] if row["metric"] in ("test errors", "accuracy"))
    rows = {(row["setting"], row["metric"]): row for row in told["rows"]}
    metrics = [
        metric
        for metric in ("test errors", "accuracy", "NLL", "agreement")
        if any((setting, metric) in rows for setting in settings)
    ]
    published = "published" if name in NOT_OF_THE_PAPER else "paper"
    lines = [f"| | n | {published} | {' | '.join(metrics)} |", "|---" * (3 + len(metrics)) + "|"]
    for setting in settings:
        own = [rows.get((setting, metric)) for metric in metrics]
        first = next(row for row in own if row is not None)
        cells = ["" if row is None else formatted(row) for row in own]
        lines.append(f"| {setting} | {first['n']} | {paper_of(own)} | {' | '.join(cells)} |")
    how = f"`{told['command']}`: {made(told)}, {told['date']}."
    return "\n".join([*lines, "", *(f"- {finding}" for finding in told["findings"]), "", how, ""])


def spoken(name: str) -> str:
    """Return a speech recipe's tables: frames that are right, words that are wrong, and what was found."""
    told = load(name)
    if told is None:
        return MISSING
    rows = {(row["setting"], row["metric"]): row for row in told["rows"]}
    frames = [
        [setting, str(row["n"]), paper_of([row]), spread(row)]
        for (setting, metric), row in rows.items()
        if metric == FRAMES
    ]
    words = [
        [setting, str(row["n"]), paper_of([row]), spread(row), _quicker(rows[f"{setting}, audio / decoding", "ratio"])]
        for (setting, metric), row in rows.items()
        if metric == WER
    ]
    tables = [
        _table(["", "n", "paper", "frames right"], frames),
        _table(["", "n", "paper", "WER", "decoding, times as fast as speech"], words),
    ]
    return "\n".join([*tables, found(name)])


def _quicker(row: dict[str, Any]) -> str:
    return f"{statistics.median(row['values']):.0f}"


def found(name: str) -> str:
    """Return what a recipe found: of those with too many settings for a page."""
    told = load(name)
    if told is None:
        return MISSING
    how = f"`{told['command']}`: {made(told)}, {told['date']}."
    return "\n".join([*(f"- {finding}" for finding in told["findings"]), "", how, ""])


def section_five(name: str) -> str:
    """Return a recipe's settings, and section 5's three tables: paper beside ours."""
    results = load(name)
    if results is None:
        return MISSING
    rows = {(row["setting"], row["metric"]): row for row in results["rows"]}
    settings = dict.fromkeys(setting for setting, _ in rows)
    covered = [each for each in settings if each.startswith("ensemble, covered by ")]
    members = [each for each in settings if each.startswith("ensemble, specialist ")]

    def cells(setting: str, columns: dict[str, str]) -> list[str]:
        return [
            _shown(rows[setting, metric], how) if (setting, metric) in rows else "–" for metric, how in columns.items()
        ]

    def papers(setting: str, metric: str) -> str:
        row = rows.get((setting, metric))
        return "–" if row is None or row["paper"] is None else f"{100 * row['paper']:.3g}%"

    accuracies = [
        [
            told_as,
            *(
                each
                for metric in ("conditional accuracy", "accuracy")
                for each in (papers(s, metric), *cells(s, {metric: "%"}))
            ),
        ]
        for s, told_as in (("teacher", "generalist"), ("ensemble", "with specialists"))
    ]
    coverage = [
        [
            setting.rpartition(" ")[2],
            *cells(setting, {"test examples": "", "gained": "+"}),
            papers(setting, "relative change"),
            *cells(setting, {"relative change": "+%"}),
        ]
        for setting in covered
    ]
    brought = [
        [
            setting.rpartition(" ")[2],
            *cells(
                setting,
                {
                    "generalist within its classes": "%",
                    "specialist within its classes": "%",
                    "gained alone": "+",
                    "gained in the team": "+",
                },
            ),
        ]
        for setting in members
    ]
    tables = [
        _table(["", "conditional accuracy, paper", "ours", "test accuracy, paper", "ours"], accuracies),
        _table(
            [
                "specialists that cover the true class",
                "test examples",
                "change in right ones",
                "relative change, paper",
                "ours",
            ],
            coverage,
        ),
        _table(
            [
                "specialist",
                "generalist within its classes",
                "specialist there",
                "right ones gained, alone",
                "in the team",
            ],
            brought,
        ),
    ]
    return study(name) + "\n" + "\n".join(tables)


def _table(head: list[str], lines: list[list[str]]) -> str:
    rows = [f"| {' | '.join(line)} |" for line in (head, *lines)]
    return "\n".join([rows[0], "|---" * len(head) + "|", *rows[1:], ""])


def _shown(row: dict[str, Any], how: str) -> str:
    """Return a row's mean, and its sd over several seeds: in per cent or not, with a sign or not."""
    scale, unit = (100, "%") if "%" in how else (1, "")
    sign, digits = "+" if "+" in how else "", 2 if unit else 1
    spread = f" ± {scale * row['sd']:.{digits}f}" if row["n"] > 1 else ""
    return f"{scale * row['mean']:{sign}.{digits}f}{spread}{unit}"


def paper_of(rows: list[dict[str, Any] | None]) -> str:
    """Return the paper's figure for a setting."""
    told = [row for row in rows if row is not None and row["paper"] is not None]
    return papers_figure(told[0]) if told else "–"


SHORT = (  # what README tells of the benchmarks: file, beginning of the setting
    ("student_step", "student, fastest correct peer / ours with our defaults"),
    ("student_step", "student, fastest correct peer / ours with the teacher in the loop"),
    ("student_step", "student, ours from the store, float32 / ours label-only"),
    ("store", "student, bytes a row, all told, 1,000,000"),
    ("kills", "student, resumed"),
    ("combine", "specialists, the paper's gradient descent to 1e-4 / ours, C = 1000"),
    ("startup", "student, limbeck --help"),
)


def told(row: dict[str, Any]) -> str:
    """Return a benchmark's figure as it is printed: the median of its values."""
    value = statistics.median(row["values"])
    if row["metric"] == "ratio":
        return f"{value:.3g} ×" if value < 10 else f"{value:.0f} ×"
    if row["metric"] == "seconds":
        scale, unit = next((s, u) for s, u in ((1, "s"), (1e3, "ms"), (1e6, "µs")) if value * s >= 1 or u == "µs")
        return f"{value * scale:.3g} {unit}"
    if row["metric"] == "size (bytes)":
        return f"{value:,.0f} bytes"
    return f"{value:,.0f}" if row["metric"] == "rows a second" else f"{value:.3g}"


def lines_of(rows: list[dict[str, Any]]) -> str:
    """Return benchmark rows as a table."""
    lines = ["| measured | median | n |", "|---|---|---|"]
    for row in rows:
        setting = row["setting"].split(", ", 1)[1]
        kind = ", rows a second" if row["metric"] == "rows a second" and "a second" not in setting else ""
        lines.append(f"| {setting}{kind} | {told(row)} | {row['n']} |")
    return "\n".join([*lines, ""])


def short() -> str:
    """Return the few measurements that README shows."""
    found = [
        row
        for name, beginning in SHORT
        for row in (load(f"bench-{name}") or {"rows": []})["rows"]
        if row["setting"].startswith(beginning)
    ]
    return lines_of(found)


def whole(*names: str) -> str:
    """Return all rows of some benchmarks, and where and when they were made."""
    found = [results for name in names if (results := load(f"bench-{name}")) is not None]
    if not found:
        return MISSING
    machine = f"On {found[0]['machine']}, torch {found[0]['versions']['torch']}, {found[0]['date']}.\n\n"
    return machine + lines_of([row for results in found for row in results["rows"]])


def by_classes() -> str:
    """Return the loss's measurements: a line a contender, a column a number of classes."""
    results = load("bench-loss")
    if results is None:
        return MISSING
    timed = [row for row in results["rows"] if row["metric"] == "seconds"]
    names = list(dict.fromkeys(row["setting"].split(", ")[1] for row in timed))
    sizes = list(dict.fromkeys(row["setting"].split("C = ")[1] for row in timed))
    figures = {tuple(row["setting"].split(", ")[1:]): told(row) for row in timed}
    lines = ["| | " + " | ".join(f"C = {int(size):,}" for size in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    lines += [
        f"| {name.removeprefix('loss of ')} | "
        + " | ".join(figures.get((name, f"C = {size}"), "–") for size in sizes)
        + " |"
        for name in names
    ]
    told_beside = [
        row
        for row in results["rows"]
        if row["setting"].endswith("T²·KL") or row["setting"].startswith("student, ours / eager")
    ]
    return "\n".join([*lines, "", ""]) + lines_of(told_beside)


def inserted(text: str) -> str:
    """Return a text with each marked part replaced by what results/ says."""
    blocks = {
        "digits": digits,
        "recipes": recipes,
        "shipped": lambda: shipped("digits"),
        "bench": short,
        "loss": by_classes,
        "student_step": lambda: whole("student_step"),
        "store": lambda: whole("store"),
        "out_of_core": lambda: whole("out_of_core"),
        "combine": lambda: whole("combine"),
        "loop": lambda: whole("loop", "startup", "kills"),
    }
    blocks |= {name: partial(section_five, name) for name in ("clinc150", "cifar100")}
    blocks |= {name: partial(spoken, name) for name in ("an4", "fsdd")}
    blocks |= {name: partial(found, name) for name in ("specialists-map", "cifar100-map")}
    blocks |= {recipe.name: partial(study, recipe.name) for recipe in RECIPES if recipe.name not in blocks}
    return MARKED.sub(lambda match: match[1] + blocks[match[2]]() + match[3], text)


def main() -> int:
    """Write the figures, or with --check compare them."""
    wrong = 0
    for page in PAGES:
        text = page.read_text()
        wanted = inserted(text)
        if "--check" not in sys.argv[1:]:
            page.write_text(wanted)
        elif text != wanted:
            print(f"{page.name}: figures are not those of results/; run `make figures`", file=sys.stderr)
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
