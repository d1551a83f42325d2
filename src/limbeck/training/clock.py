"""When to tell of progress and when to keep a checkpoint: by time, so that small nets don't pay for either."""

import time

from limbeck.progress import Task

CHECKPOINT_EVERY_S = 15.0
TELL_EVERY_S = 0.1


class Clock:
    """The time of one training; `began` is earlier by what it took before it was resumed."""

    def __init__(self, began: float, task: Task) -> None:
        self.began, self.task = began, task
        self.told = self.kept = time.monotonic()
        self.untold = 0

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def advance(self) -> None:
        self.untold += 1
        if time.monotonic() - self.told > TELL_EVERY_S:
            self.tell()

    def tell(self) -> None:
        self.task.advance(self.untold)
        self.told, self.untold = time.monotonic(), 0

    def checkpoint_is_due(self) -> bool:
        return time.monotonic() - self.kept >= CHECKPOINT_EVERY_S
