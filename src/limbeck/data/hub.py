"""Data sets of the Hugging Face hub, by their name: owner/name, or owner/name:configuration."""

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from limbeck.data.splits import Split, split_told
from limbeck.data.tables import Part
from limbeck.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

EXTRA_HINT = "pip install 'limbeck[hub]'"
NAME = re.compile(r"[\w.-]+/[\w.-]+(:[\w.+-]+)?", re.ASCII)


def is_hub_name(source: str) -> bool:
    """Return whether a source is named as the hub names data sets.

    >>> is_hub_name("owner/name"), is_hub_name("owner/name:config"), is_hub_name("digits"), is_hub_name("./a/b")
    (True, True, False, False)
    """
    return NAME.fullmatch(source) is not None and not source.startswith((".", "/"))


def hub_tables(source: str, *configuration: str | None, hint: str) -> "dict[str, pa.Table]":
    """Return the tables of a data set that the library datasets can load, by its own splits.

    Images stay encoded bytes; those in files of their own are read.

    Raises:
        DataError: the library is not installed, there is no such data set, or the hub can't be reached; `hint` is the
            way out.
    """
    try:
        import datasets
        from datasets.table import embed_table_storage
    except ImportError as error:
        raise DataError(f"reading {source} needs the package datasets", f"{EXTRA_HINT}, or {hint}") from error
    try:
        load: Any = datasets.load_dataset  # its own types tell nothing of names alone
        loaded = load(source, *configuration)
        return {split: embed_table_storage(data.with_format("arrow")[:]) for split, data in loaded.items()}
    except Exception as error:  # the hub's client raises errors of many libraries
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{source} could not be read from the hub: {told}", hint) from error


def read_hub(source: str, name: str | None = None) -> dict[Split, list[Part]]:
    """Return the tables of a data set of the hub, by split; `name` is its configuration.

    Splits that are neither training, validation nor test are left out.

    Raises:
        DataError: as `hub_tables`, or there is no training split.
    """
    tables = hub_tables(
        source,
        name,
        hint="look at the name (owner/name, owner/name:configuration) and the network; or download it as Parquet files",
    )
    found: dict[Split, list[Part]] = {}
    for called, table in tables.items():
        split = split_told(PurePath(called))
        if split is not None:
            found.setdefault(split, [Part(f"{source}, split {called}", table)])
    if "training" not in found:
        raise DataError(f"{source} must have a training split, it has {', '.join(tables)}")
    return found
