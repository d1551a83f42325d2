"""Insert the figures of README.md from results/*.json, between its `figures` marks.

python docs/figures.py            writes them
python docs/figures.py --check    fails where README says something else
"""

import re
import statistics
import sys
from pathlib import Path
from typing import Any

from limbeck.recipes import RECIPES
from limbeck.results import load, spread

README = Path(__file__).parents[1] / "README.md"
MARKED = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- /figures -->)", re.DOTALL)


def figure(told: dict[str, Any], setting: str, metric: str) -> dict[str, Any]:
    """Return one row of record."""
    return next(row for row in told["rows"] if (row["setting"], row["metric"]) == (setting, metric))


def digits() -> str:
    """Return what the demo came to, with the seeds of record."""
    told = load("digits")
    if told is None:
        return "(not recorded yet)\n"
    settings = dict.fromkeys(row["setting"] for row in told["rows"] if row["metric"] == "test errors")
    lines = ["| | test errors | NLL | ECE | parameters |", "|---|---|---|---|---|"]
    for setting in settings:
        nll, ece, size = (figure(told, setting, metric) for metric in ("NLL", "ECE", "parameters"))
        lines.append(
            f"| {setting} | {spread(figure(told, setting, 'test errors'))} | {nll['mean']:.3f} ± {nll['sd']:.3f} "
            f"| {ece['mean']:.3f} ± {ece['sd']:.3f} | {size['mean']:,.0f} |"
        )
    return "\n".join([*lines, "", " ".join(told["findings"]), ""])


def recipes() -> str:
    """Return the table of recipes, paper beside ours."""
    lines = ["| recipe | setting | paper | ours | seeds |", "|---|---|---|---|---|"]
    for recipe in RECIPES:
        told = load(recipe.name)
        errors = [] if told is None else [row for row in told["rows"] if row["metric"] == "test errors"]
        for row in errors:
            paper = "–" if row["paper"] is None else f"{row['paper']:g}"
            lines.append(f"| `{recipe.name}` | {row['setting']}, test errors | {paper} | {spread(row)} | {row['n']} |")
        if told is None:
            lines.append(f"| `{recipe.name}` | not recorded yet | – | – | – |")
    return "\n".join([*lines, ""])


def bench() -> str:
    """Return what the benchmarks came to, their medians."""
    lines = ["| measured | median | n |", "|---|---|---|"]
    for name in ("loop", "kills", "startup"):
        told = load(f"bench-{name}")
        for row in [] if told is None else told["rows"]:
            unit = " s" if row["metric"] == "seconds" else " ×"
            lines.append(
                f"| {row['setting'].split(', ', 1)[1]} | {statistics.median(row['values']):.2f}{unit} | {row['n']} |"
            )
    return "\n".join([*lines, ""])


def inserted(text: str) -> str:
    """Return a text with each marked part replaced by what results/ says."""
    blocks = {"digits": digits, "recipes": recipes, "bench": bench}
    return MARKED.sub(lambda match: match[1] + blocks[match[2]]() + match[3], text)


def main() -> int:
    """Write the figures, or with --check compare them."""
    text = README.read_text()
    wanted = inserted(text)
    if "--check" in sys.argv[1:]:
        if text != wanted:
            print("README.md: figures are not those of results/; run `make figures`", file=sys.stderr)
        return int(text != wanted)
    README.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
