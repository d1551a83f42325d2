"""When a tracker is asked: before the first net is trained, whether it is there; after the last, to take all down.

The run's own results are whole before a tracker hears of them. A tracked run is made first, for the page shows the way
to it; then the page is drawn, and then sent.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from limbeck.errors import LimbeckError, TrackingError
from limbeck.progress import Progress
from limbeck.run_json import Entry, lies_beside, read_finished, write_run
from limbeck.tracking.record import REPORT, Record, read_record
from limbeck.tracking.tracker import Tracker

BEFORE = "nothing was trained: mend it, or leave this tracker out"
AGAIN = "the run's results are whole in {folder}: the same command sends them"


def check(tracker: Tracker) -> None:
    """Look whether a tracker is there, before the first net is trained.

    Raises:
        TrackingError: it can't take down a run.
    """
    with _refusing(tracker, BEFORE):
        tracker.check()


def send(folder: Path, trackers: Sequence[Tracker], draw: Callable[[Path], object], progress: Progress) -> None:
    """Send a finished run to trackers; one that had it before goes on with the same tracked run.

    Raises:
        TrackingError: some have failed, the others were told.
        RunError: the run has not finished, or its run.json is damaged.
    """
    told, opened, failed = read_finished(folder), [], []
    known: list[Entry] = told.get("trackers", [])
    for tracker in trackers:
        try:
            with _refusing(tracker):
                own = next((entry for entry in known if tracker.owns(entry)), None)
                opened.append((tracker, tracker.open(own)))
        except TrackingError as error:
            failed.append(error)
    others = [entry for entry in known if not any(tracker.owns(entry) for tracker, _ in opened)]
    entries = others + [entry for _, entry in opened]
    if entries != known:
        write_run(folder, {**told, "trackers": entries})
        draw(folder)
    record = read_record(folder)
    for tracker, entry in opened:
        try:
            with _refusing(tracker):
                _tell(tracker, record)
            progress.say(f"{entry['name']}: {folder / entry['where'] if lies_beside(entry) else entry['where']}")
        except TrackingError as error:
            failed.append(error)
    if failed:
        hints = [AGAIN.format(folder=folder), *(error.hint for error in failed if error.hint)]
        raise TrackingError("; ".join(error.message for error in failed), "; ".join(dict.fromkeys(hints)))


def _tell(tracker: Tracker, record: Record) -> None:
    tracker.log_hyperparams(record.config)
    for step, metrics in [*record.figures, *record.curves, *([] if tracker.has_curves else record.curves_here)]:
        tracker.log_metrics(metrics, step)
    tracker.log_tags(record.tags)
    tracker.log_findings(record.findings, REPORT)
    tracker.log_files(record.files)
    tracker.save()
    tracker.finalize("success")


@contextlib.contextmanager
def _refusing(tracker: Tracker, hint: str | None = None) -> Iterator[None]:
    """Make of whatever the library behind a tracker raises one error that says which."""
    try:
        yield
    except LimbeckError:
        raise
    except ImportError as error:
        install = f"pip install 'limbeck[{tracker.name}]'"
        raise TrackingError(f"{tracker.name} must be installed, it is not whole: {error}", install) from error
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise TrackingError(f"{tracker.place} can't take down the run: {said}", hint) from error
