"""Finished runs side by side: whether their students differ, and in what.

finished.py    runs, read from their folders
difference.py  whether the students of two of them differ
telling.py     what came of it, for the terminal, as JSON and for the page
"""

from limbeck.comparison.difference import Difference, differences
from limbeck.comparison.finished import Finished, read_runs
from limbeck.comparison.telling import page_of, table_of, told_comparison

__all__ = ["Difference", "Finished", "differences", "page_of", "read_runs", "table_of", "told_comparison"]
