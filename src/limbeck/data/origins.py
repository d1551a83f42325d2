"""Where each row of a source comes from, as a page or a message tells it: a file, and for tables a row of it."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import overload


class RowsOfTables(Sequence[str]):
    """The origins of rows of tables that lie one after the other, counted from 1 in each; made as they are asked for.

    Where the places are other things than tables, `row` is what one of their parts is called.

    >>> list(RowsOfTables(["a.csv", "b.csv"], [1, 2]))
    ['a.csv, row 1', 'b.csv, row 1', 'b.csv, row 2']
    """

    def __init__(self, places: Sequence[str], num_rows: Sequence[int], row: str = "row") -> None:
        self._places, self._ends, self._row = list(places), list(accumulate(num_rows)), row

    def __len__(self) -> int:
        return self._ends[-1]

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        if not 0 <= row < len(self):
            raise IndexError(f"there are {len(self)} rows, got {row}")
        place = bisect_right(self._ends, row)
        before = self._ends[place - 1] if place else 0
        return f"{self._places[place]}, {self._row} {row - before + 1}"
