"""A run's folder: what a recipe has done so far, so that the same command goes on where it was stopped.

run.json              recipe, configuration, data, seeds and controls, versions, commit, machine, every figure, trackers
report.html           the page
student.safetensors   the student of the seed with the lowest validation NLL; of seed 0 where nothing is held out
student.onnx ...      what is taken away, where it is shipped, and shipped.safetensors, what they were checked against:
                      see `limbeck.ship.shipping`
targets/              soft targets of a teacher that is there already, one of all seeds; targets-test/ and
                      targets-validation/ are what it says of those splits
tensorboard/          the figures as TensorBoard's events, and the curves of nets that lie in the cache
test.safetensors      the examples that all were judged on; times.json: of a study, how long one takes each net
seed-0/               one folder a seed: teachers, soft targets, twin, student, and what each said on the test set;
                      of a study what was said alone, its nets and soft targets lie in the cache

A folder is bound to recipe, configuration and data; seeds and controls may be added, not taken from a finished run.
"""

import contextlib
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limbeck.budget import Budget
from limbeck.controls import Control
from limbeck.errors import ArgumentError, RunError
from limbeck.files import as_json, cannot_write, fingerprint, locked
from limbeck.progress import Progress
from limbeck.run_json import read_run, write_run

if TYPE_CHECKING:
    from limbeck.data import TransferSet

CACHE_ENVIRONMENT = "LIMBECK_CACHE"
LIBRARIES = ("limbeck", "torch", "lightning-fabric", "numpy", "scikit-learn", "pyarrow", "onnxruntime")


def default_cache() -> Path:
    """Return where nets that several recipes share are kept: LIMBECK_CACHE, or else a folder of the user's cache.

    Raises:
        ArgumentError: there is neither that nor a home folder.
    """
    try:
        own = os.environ.get(CACHE_ENVIRONMENT)
        if own:
            return Path(own).expanduser()
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "limbeck"
    except RuntimeError as error:
        raise ArgumentError(f"there must be a home folder to keep trained nets in: {error}", "give --cache") from error


@dataclass(frozen=True)
class Run:
    """One recipe, one configuration, one folder."""

    recipe: str
    config: Any
    """The recipe's frozen dataclass."""
    folder: Path
    num_seeds: int
    data: Path | None
    progress: Progress
    command: str
    cache: Path = field(default_factory=default_cache)
    """Where nets that several recipes share are kept."""
    controls: tuple[Control, ...] = ()
    """Which controls are trained beside the students."""
    smoke: bool = False
    """Whether it is a smoke run, of which the findings say that its figures mean nothing."""
    ship: bool = False
    """Whether ONNX files are written and measured at the end."""
    code: str | None = None
    """SHA-256 of a recipe's file of one's own: changed, it is another recipe."""

    @property
    def config_dict(self) -> dict[str, Any]:
        """The configuration as JSON holds it."""
        return told_config(self.config)

    def seed_folder(self, seed: int) -> Path:
        """Where one seed's stations leave their products."""
        return self.folder / f"seed-{seed}"

    def save(self, told: Mapping[str, Any]) -> None:
        """Write run.json with what is known about where and how, and `told`."""
        there = self._there() or {}
        kept = {name: there[name] for name in ("data", "trackers") if name in there}
        asked = {"seeds": self.num_seeds, "controls": list(self.controls), "command": self.command, "smoke": self.smoke}
        write_run(self.folder, {**self.identity(), **kept, **provenance(), **asked, **told})

    def identity(self) -> dict[str, Any]:
        """What a folder is bound to beside its data: seeds and controls may be added, nothing else may change."""
        code = {} if self.code is None else {"code": self.code}
        return {"recipe": self.recipe, "config": self.config_dict, **code}

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder: make it, or check that it is this run's, and keep others out until the block ends.

        Raises:
            RunError: the folder holds another run or other things, is in use, or can't be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._check()
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        with locked(self.folder / ".lock", wait=False, hint="wait for it, or use --out"):
            self._check()  # again: another run may have ended since
            yield

    def claim(self, *sets: "TransferSet") -> None:
        """Bind the folder to this run and its data, once both have been found good.

        Raises:
            RunError: the folder holds a run on other data.
        """
        data = [[each.fingerprint, each.labels_fingerprint] for each in sets]
        there = self._there()
        if there is None:
            self.save({"data": data})
        elif "data" not in there:  # of an earlier version
            write_run(self.folder, {**there, "data": data})
        elif there["data"] != data:
            raise RunError(
                f"{self.folder} holds a run on other data",
                "give the same --data to go on with it, or another folder with --out",
            )

    def _there(self) -> dict[str, Any] | None:
        return read_run(self.folder) if (self.folder / "run.json").exists() else None

    def _check(self) -> None:
        there = self._there()
        if there is None:
            if not (self.folder / ".lock").exists() and any(self.folder.iterdir()):
                raise RunError(f"{self.folder} must be empty or a run's folder, it holds other things", "use --out")
            return
        difference = first_difference({k: there.get(k) for k in ("recipe", "config", "code")}, self.identity())
        if difference:
            raise RunError(
                f"{self.folder} holds a run of another configuration ({difference})",
                "give the same configuration to go on with it, or another folder with --out",
            )
        seeds, controls = there.get("seeds", 0), there.get("controls", [])
        lost = not set(controls) <= set(self.controls)
        if "rows" in there and (seeds > self.num_seeds or lost):
            more = ["--seeds", str(seeds), *(["--controls", *controls] if lost else [])]
            raise RunError(
                f"{self.folder} holds a finished run of more than was asked for ({' '.join(more)})",
                "ask for as much or more to go on with it, or for another folder with --out",
            )


def default_folder(recipe: str, config: Any, code: str | None = None) -> Path:
    """Return the folder of a run that names none: each configuration, and each version of one's own file, has one."""
    told = told_config(config) if code is None else {"config": told_config(config), "code": code}
    return Path("runs") / f"{recipe}-{fingerprint(told)[:8]}"


def told_config(config: Any) -> dict[str, Any]:
    """Return a configuration as JSON holds it, its budgets by what they bind a training to."""

    def told(value: Any) -> Any:
        if isinstance(value, Budget):
            return value.spec()
        if is_dataclass(value):
            return {each.name: told(getattr(value, each.name)) for each in fields(value)}
        if isinstance(value, Path):
            return str(value)
        return [told(each) for each in value] if isinstance(value, list | tuple) else value

    return as_json(told(config))


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings under dotted names.

    >>> flat({"temperature": 8, "student": {"epochs": 3}})
    {'temperature': 8, 'student.epochs': 3}
    """
    return dict(_settings(config))


def _settings(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _settings(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def first_difference(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str = "") -> str | None:
    """Return in words the first field in which two nested configurations differ, None where none does."""
    for key in {**here, **there}:  # in their order: the same words every time
        a, b = there.get(key), here.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found = first_difference(a, b, f"{prefix}{key}.")
            if found:
                return found
        elif a != b:
            return f"{prefix}{key}: {a} there, {b} here"
    return None


def provenance() -> dict[str, Any]:
    """Return versions, commit, machine, what precision 'auto' means on it, and date: what a figure needs to be one."""
    import torch

    from limbeck.training.loop import precision_here

    return {
        "commit": commit(),
        "versions": {"python": platform.python_version(), **dict(_versions())},
        "machine": machine(),
        "threads": torch.get_num_threads(),
        "auto_precision": precision_here(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _versions() -> Iterator[tuple[str, str]]:
    for name in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):  # those of extras
            yield name, metadata.version(name)


def commit() -> str | None:
    """Return the source's git commit, with + where the tree had changes; None outside a checkout."""
    here = Path(__file__).parent
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        git = ["git", "-C", str(here)]
        root = subprocess.run([*git, "rev-parse", "--show-toplevel"], check=True, capture_output=True, text=True)
        if Path(root.stdout.strip()) / "src" / "limbeck" != here:
            return None
        head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
        dirty = subprocess.run([*git, "status", "--porcelain", "-uno"], check=True, capture_output=True, text=True)
        return head.stdout.strip() + ("+" if dirty.stdout else "")
    return None


def machine() -> str:
    """Return the processor, its cores and the accelerator in words."""
    import torch

    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        cpu = names[0] if names else platform.processor()
        device = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
        return f"{cpu}, {os.cpu_count()} cores{device}"
    return platform.processor() or platform.machine()
