"""Reading ahead: while the net learns from one block of batches, a thread reads the next from memory or disk."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Piece = TypeVar("Piece")


def ahead(readings: Iterable[Callable[[], Piece]]) -> Generator[Piece, None, None]:
    """Yield what each reading returns, in order; the next one runs in a thread meanwhile.

    The thread computes with one thread of its own: two teams on the same cores would wait for each other.
    """
    main_threads = torch.get_num_threads()
    with ThreadPoolExecutor(1, "limbeck-reader", initializer=lambda: torch.set_num_threads(1)) as reader:
        reader.submit(torch.get_num_threads).result()
        torch.set_num_threads(main_threads)  # the thread's choice is also the default of threads to come
        waiting: Future[Piece] | None = None
        for reading in readings:
            ready, waiting = waiting, reader.submit(reading)
            if ready is not None:
                yield ready.result()
        if waiting is not None:
            yield waiting.result()
