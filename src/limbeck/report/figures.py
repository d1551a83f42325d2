"""What a finished run's run.json tells the page, made ready to be printed and drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from limbeck.report.headline import headline
from limbeck.report.judged import Table
from limbeck.report.run_tables import cost_table, judgement_table
from limbeck.report.trade_offs import Point, points
from limbeck.run_json import lies_beside


@dataclass(frozen=True)
class Tracked:
    """Where the run has been taken down too."""

    name: str
    where: str
    beside: bool = False
    """Whether that is a folder beside the page."""

    @property
    def link(self) -> str | None:
        """Its address where that is one of the web: of any other kind none becomes a link."""
        return self.where if urlsplit(self.where).scheme in ("http", "https") else None


@dataclass(frozen=True)
class Figures:
    """A run's figures of record, in the forms in which the page shows them."""

    headline: str = ""
    """The whole in a sentence, perhaps none."""
    points: list[Point] = field(default_factory=list)
    """What each net makes of errors, and what it costs."""
    costs: Table = field(default_factory=list)
    judgements: Table = field(default_factory=list)
    tracked: list[Tracked] = field(default_factory=list)
    where: str = ""
    """On which machine, when and by which code."""

    @classmethod
    def of(cls, told: Mapping[str, Any], num_examples: int) -> "Figures":
        """Return what run.json tells of a finished run that was judged on so many test examples."""
        rows, costs = told["rows"], told["costs"]
        return cls(
            "" if told["smoke"] else headline(rows, costs, num_examples),
            points(rows, costs, num_examples),
            cost_table(costs),
            judgement_table(told["judgements"]),
            [Tracked(each["name"], each["where"], lies_beside(each)) for each in told.get("trackers", [])],
            _where(told),
        )


def _where(told: Mapping[str, Any]) -> str:
    """Return in words on which machine a run was made, when and by which code."""
    threads = "1 thread" if told["threads"] == 1 else f"{told['threads']} threads"
    version, torch = (told["versions"].get(name, "?") for name in ("limbeck", "torch"))
    commit = told["commit"]
    code = f"limbeck {version}" + (
        "" if commit is None else f" (commit {commit[:12]}{'+' if commit[-1] == '+' else ''})"
    )
    return f"{told['date']}, on {told['machine']}, {threads}, by {code} and torch {torch}."
