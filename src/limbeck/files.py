"""Files that are whole or not there, and fingerprints of what is in them."""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from limbeck.errors import BusyError, RunError

Read = TypeVar("Read")
DAMAGED_HINT = "delete it and run the same command again"


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well, move it to `path` in one step.

    Raises:
        RunError: the disk is full or the folder can't be written; `path` is as it was before.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")  # two writers don't share one
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_over(path)
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _remove_left_over(path: Path) -> None:
    """Remove what writers of this file left that were killed."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        owner = partial.name.split(".")[-2]
        if owner.isdigit() and not Path("/proc", owner).exists() and Path("/proc").exists():
            partial.unlink(missing_ok=True)


def cannot_write(path: object, error: OSError) -> RunError:
    """Return the error to raise when the system refuses a write."""
    return RunError(
        f"cannot write {path}: {error.strerror or error}",
        "what was finished is kept: make room or choose another folder, and run the same command again",
    )


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in one step."""
    with writing(path) as partial:
        partial.write_bytes(data)


def as_json(value: Any) -> Any:
    """Return a value as JSON holds it; a number that is not finite, for which JSON has no form, is None.

    >>> as_json({"nll": float("inf"), "errors": (3, 4)})
    {'nll': None, 'errors': [3, 4]}
    """
    return json.loads(json.dumps(value), parse_constant=lambda _: None)


def json_text(value: Any) -> str:
    """Return a value as JSON that people can read."""
    return json.dumps(as_json(value), indent=1, ensure_ascii=False)


def write_json(path: Path, value: Any) -> None:
    """Write JSON, readable by people, in one step."""
    write_bytes(path, _in_utf8(json_text(value) + "\n"))


def write_sealed(path: Path, value: Any) -> None:
    """Write JSON in one step, sealed with a checksum over it."""
    content = as_json(value)
    write_json(path, {"seal": fingerprint({"content": content}), "content": content})


def read_sealed(path: Path) -> Any:
    """Return the JSON that `write_sealed` wrote. What an earlier version wrote has no seal, and is good enough.

    Raises:
        RunError: the file is damaged, or not there.
    """
    try:
        told = json.loads(path.read_bytes())
        if not isinstance(told, dict) or not {"seal", "content"} & told.keys():
            return told
        whole = told["seal"] == fingerprint({"content": told["content"]})
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {type(error).__name__}: {error}", DAMAGED_HINT) from error
    if not whole:
        raise RunError(f"{path} is damaged: its checksum is not that of its content", DAMAGED_HINT)
    return told["content"]


def kept_json(path: Path, make: Callable[[], Any], read: Callable[[Any], Read]) -> Read:
    """Return what `read` makes of a sealed JSON file; where there is none, make and write it: times are taken once.

    Raises:
        RunError: the file is damaged, or of another form: `read` raises a KeyError, TypeError or ValueError.
    """
    if not path.exists():
        write_sealed(path, make())
    told = read_sealed(path)
    try:
        return read(told)
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged: {type(error).__name__}: {error}", DAMAGED_HINT) from error


def sha256(*parts: bytes | memoryview) -> str:
    """Return the SHA-256 of the parts, one after the other."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def fingerprint(value: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a value's JSON, the same for every order of its keys."""
    return sha256(_in_utf8(json.dumps(value, sort_keys=True, ensure_ascii=False)))


def _in_utf8(text: str) -> bytes:
    """Return JSON in UTF-8; a path's byte that is none, which Python tells by a surrogate, as JSON's escape of that."""
    return text.encode(errors="backslashreplace")


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def locked(
    path: Path,
    *,
    what: Path | None = None,
    wait: bool = True,
    hint: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[None]:
    """Hold the lock file `path` until the block ends or the process does; first wait until nobody else holds it.

    That there is something to wait for is told to `say`; `what` it is, the lock's folder where not given.

    Raises:
        BusyError: somebody holds it, and `wait` is False; `hint` is the way out.
        RunError: the file can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as error:
        raise cannot_write(path, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            busy = f"{what or path.parent} is in use by another limbeck"
            if not wait:
                raise BusyError(busy, hint) from error
            say(f"{busy}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
