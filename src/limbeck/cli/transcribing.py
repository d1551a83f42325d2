"""`limbeck transcribe RUN FILE …`: words, times and confidence from a finished run's student."""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from limbeck.cli.output import Output, print_json, print_table
from limbeck.errors import ArgumentError, DataError
from limbeck.run_json import read_finished

if TYPE_CHECKING:
    from limbeck.hybrid.transcribing import Listener, Transcript


@dataclass(frozen=True)
class TranscribeOptions(Output):
    """Which run's student listens, and to what."""

    run: tyro.conf.Positional[Path] = dataclasses.field(kw_only=True)
    """The run's folder."""
    files: tyro.conf.Positional[tuple[Path, ...]] = dataclasses.field(kw_only=True)
    """Audio files: one channel, with as many samples a second as the run's corpus has."""
    language: str | None = None
    """One of the run's models of language; its last by default, for fsdd `connected`: any digits in any order.
    `isolated` hears exactly one."""


def transcribe(arguments: list[str]) -> None:
    """`limbeck transcribe RUN FILE …`."""
    what = (
        "The words of audio files, when each was said, and the mean probability that the net gave to the phones of "
        "each; from the ONNX file of a finished run's student."
    )
    options = tyro.cli(TranscribeOptions, args=arguments, prog="limbeck transcribe", description=what)
    if not options.files:
        raise ArgumentError("files must be one or more, none was given", "limbeck transcribe RUN FILE …")
    read_finished(options.run)
    from limbeck.hybrid.transcribing import Listener

    listener = Listener(options.run, options.language)
    found, refused = [], []
    for file in options.files:
        heard = _heard(listener, file)
        if isinstance(heard, DataError):
            refused.append(heard)
            continue
        found.append(heard)
        if not options.json:
            _print(heard)
    if options.json:
        print_json([_told(each) for each in found])
    if len(refused) == 1:
        raise refused[0]
    if refused:
        sys.stdout.flush()
        raise DataError("\n".join(["files must be heard, these were not:", *(each.message for each in refused)]))


def _heard(listener: "Listener", file: Path) -> "Transcript | DataError":
    """Return what is heard of a file, or why nothing is: others may be heard all the same."""
    try:
        return listener.transcript(file)
    except DataError as error:
        return error


def _print(heard: "Transcript") -> None:
    print(f"{heard.file}: {heard.text}")
    columns = ("word", "start (s)", "end (s)", "confidence")
    lines = [(each.word, f"{each.start:.2f}", f"{each.end:.2f}", f"{each.confidence:.2f}") for each in heard.words]
    print_table([dict(zip(columns, line, strict=True)) for line in lines])


def _told(heard: "Transcript") -> dict[str, object]:
    words = [each._asdict() for each in heard.words]
    return {"file": str(heard.file), "seconds": heard.seconds, "text": heard.text, "words": words}
