"""The verb that sets finished runs side by side: compare."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import tyro

from limbeck.cli.output import Output, print_json, print_table
from limbeck.errors import ArgumentError
from limbeck.run_json import read_finished


@dataclass(frozen=True)
class CompareOptions(Output):
    """Which runs to compare."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = dataclasses.field(kw_only=True)
    """The folders of two or more finished runs, judged on the same test data."""
    out: Path = Path("compare.html")
    """The page."""


def compare(arguments: list[str]) -> None:
    """`limbeck compare RUN RUN …`."""
    said = "Set finished runs side by side, and say whether their students differ."
    options = tyro.cli(CompareOptions, args=arguments, prog="limbeck compare", description=said)
    if len(options.runs) < 2:
        raise ArgumentError(f"runs to compare must be two or more, got {len(options.runs)}", "give their folders")
    for folder in options.runs:
        read_finished(folder)  # what is no run is said at once: the rest waits for torch
        if options.out.resolve().is_relative_to(folder.resolve()):
            raise ArgumentError(
                f"the page of a comparison must lie outside the runs' folders, got {options.out}",
                "name another file with --out",
            )
    from limbeck import comparison
    from limbeck.report.comparison_page import write_comparison

    runs = comparison.read_runs(options.runs)
    page = comparison.page_of(runs)
    path = write_comparison(options.out, page)
    if options.json:
        print_json(comparison.told_comparison(runs) | {"page": str(path)})
        return
    print_table(page.table)
    print("", *page.warnings, *page.findings, f"page: {path}", sep="\n")
