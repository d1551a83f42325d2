"""Where independent trainings run: one after another here, and shared with every process that has the same cache.

Nothing is scheduled. Each process goes through the same list of jobs; a job that another one is at is put off, and
waited for when all else is done; one that is finished is read. So the same command, started again in another folder
(`--out`), is help; a run that was killed goes on with what is missing; a job that is added later is all there is to do.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from limbeck.errors import BusyError
from limbeck.progress import Task

Done = TypeVar("Done")
Job = Callable[[bool], Done]
"""Does one thing and returns it; asked not to wait (False), it raises BusyError where another process is at it."""


def shared(jobs: "Sequence[Job[Done]]", task: Task | None = None) -> "list[Done]":
    """Return what all jobs return; what another process is at is put off, and waited for when all else is done.

    Raises:
        LimbeckError: as the jobs do; what was finished is kept.
    """
    done: dict[int, Done] = {}
    left, put_off = deque(enumerate(jobs)), 0
    while left:
        place, job = left.popleft()
        try:
            done[place] = job(put_off > len(left))
        except BusyError:
            left.append((place, job))
            put_off += 1
            continue
        put_off = 0
        if task is not None:
            task.advance(1)
    return [done[place] for place in range(len(jobs))]
