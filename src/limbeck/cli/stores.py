"""The verbs about what is kept: `limbeck targets info | verify | export | import | fuse`."""

import contextlib
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from limbeck.cli.output import Output, print_facts, print_json
from limbeck.cli.softening import (
    DataOptions,
    EncodingOptions,
    JudgingOptions,
    data_from,
    encoding_from,
    facts_of,
    in_words,
    teacher_from,
)
from limbeck.errors import ArgumentError, TargetsError
from limbeck.progress import progress_for


@dataclass(frozen=True)
class StoreOptions(Output):
    """Which store."""

    store: tyro.conf.Positional[Path] = field(kw_only=True)
    """The store's folder."""


@dataclass(frozen=True)
class VerifyOptions(StoreOptions, JudgingOptions, DataOptions):
    """Which store, and who to ask again."""

    recompute: int = 0
    """Ask the teacher again on so many random examples, and tell the largest difference."""
    tolerance: float = 0.01
    """The largest difference of a logit, beyond float16's rounding, that passes."""
    seed: int = 0
    """Of the choice of examples."""


@dataclass(frozen=True)
class ExportOptions(StoreOptions):
    """Which store, and where to."""

    parquet: Path | None = None
    """The file to write; beside the store, under its name, by default."""


@dataclass(frozen=True)
class ImportOptions(Output, DataOptions, EncodingOptions):
    """Which table, and where to."""

    file: tyro.conf.Positional[Path] = field(kw_only=True)
    """A Parquet file: an exported store, or a table of example and logits (or probs), perhaps view and teacher."""
    out: Path = Path("targets")
    """The store's folder."""
    view: str = "plain"
    """For a table from elsewhere: the view its teachers saw, as in `limbeck soften`."""
    floor: float | None = None
    """For a table from elsewhere that gives probs: the smallest probability that is told apart."""


@dataclass(frozen=True)
class FuseOptions(StoreOptions, EncodingOptions):
    """Which store, which mean, and where to."""

    temperature: float = field(kw_only=True)
    """The student's temperature."""
    mean: Literal["arithmetic", "geometric"] | None = None
    """The mean to write; the store's own by default."""
    weights: tuple[float, ...] = ()
    """How much each teacher counts, relative to the others."""
    out: Path = Path("fused")
    """The new store's folder."""


def info(arguments: list[str]) -> None:
    """`limbeck targets info STORE`."""
    options = tyro.cli(StoreOptions, args=arguments, prog="limbeck targets info", description="What a store holds.")
    _tell_store(options, options.store)


def verify(arguments: list[str]) -> None:
    """`limbeck targets verify STORE`."""
    what = "Compare every file with its checksum and, with --recompute N, N random examples with the teacher."
    options = tyro.cli(VerifyOptions, args=arguments, prog="limbeck targets verify", description=what)
    from limbeck.targets import SoftTargets

    targets = SoftTargets.open(options.store)
    targets.verify()
    files = sum(len(member.shards) for member in targets.manifest.members)
    told: dict[str, object] = {"store": str(options.store), "shards_as_written": files}
    if not 0 <= options.tolerance < float("inf"):
        raise ArgumentError(f"tolerance must be a number >= 0, got {options.tolerance}")
    if options.recompute == 0 and (options.teacher or options.data):
        raise ArgumentError("asking a teacher again needs --recompute N, got 0")
    if options.recompute:
        from limbeck.data.views import view_of
        from limbeck.targets import recompute

        data = data_from(options, view_of(targets.manifest.view))
        with contextlib.redirect_stdout(sys.stderr):  # what a teacher prints is no data of ours
            teacher = teacher_from(options)(data)
            found = recompute(
                targets, teacher, data, options.recompute, seed=options.seed, batch_size=options.batch_size
            )
        told |= asdict(found)
        if found.beyond_rounding > options.tolerance:
            raise TargetsError(
                f"what {options.store} holds must be what the teacher says, within {options.tolerance:g}: the largest "
                f"of {found.rows} rows' differences is {found.largest_difference:g}, {found.beyond_rounding:g} beyond "
                f"rounding (example {found.example}, view {found.view})",
                "it is another teacher, another version of it, or other inputs; --tolerance sets what passes",
            )
    _tell(options, told)


def export(arguments: list[str]) -> None:
    """`limbeck targets export STORE`."""
    options = tyro.cli(
        ExportOptions, args=arguments, prog="limbeck targets export", description="Write a store as one Parquet table."
    )
    from limbeck.targets import SoftTargets, export_parquet

    path = options.parquet or Path(f"{options.store.resolve()}.parquet")
    if path.exists():
        raise ArgumentError(f"{path} is there already", "name another file with --parquet")
    export_parquet(SoftTargets.open(options.store), path, progress=progress_for(quiet=options.quiet))
    _tell(options, {"parquet": str(path), "bytes": path.stat().st_size})


def import_(arguments: list[str]) -> None:
    """`limbeck targets import FILE`."""
    what = "Make a store of an exported table, or of a teacher's outputs that were made elsewhere (with --data)."
    options = tyro.cli(ImportOptions, args=arguments, prog="limbeck targets import", description=what)
    from limbeck.data.views import view_from
    from limbeck.targets import import_parquet

    data = None if options.data is None else data_from(options, view_from(options.view))
    targets = import_parquet(
        options.file,
        options.out,
        transfer_set=data,
        encoding=encoding_from(options) if options.told else None,
        floor=options.floor,
        progress=progress_for(quiet=options.quiet),
    )
    _tell_store(options, targets.folder)


def fuse(arguments: list[str]) -> None:
    """`limbeck targets fuse STORE`."""
    what = "Write the mean of a store's teachers at a temperature as a store of its own."
    options = tyro.cli(FuseOptions, args=arguments, prog="limbeck targets fuse", description=what)
    from limbeck.targets import SoftTargets, fuse

    targets = SoftTargets.open(options.store)
    if options.mean or options.weights:
        targets = targets.averaged(options.mean or targets.mean, options.weights or targets.weights)
    encoding = encoding_from(options)
    progress = progress_for(quiet=options.quiet)
    fused = fuse(targets, options.out, temperature=options.temperature, encoding=encoding, progress=progress)
    _tell_store(options, fused.folder)


def _tell(options: Output, told: dict[str, object]) -> None:
    if options.json:
        print_json(told)
    else:
        print_facts(told)


def _tell_store(options: Output, folder: Path) -> None:
    facts = facts_of(folder)
    _tell(options, facts if options.json else in_words(facts))
