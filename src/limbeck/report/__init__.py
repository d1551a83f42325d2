"""The evidence on one self-contained page.

judged.py      what each model said on the test set, and who plays which part
curves.py      how the models were trained
charts.py      what a study varied, and what came of it
confusions.py  which class they take for which
pictures.py    what those plotly figures share
examples.py    the test examples whose soft targets tell most
page.py        the page, from page.html.j2, page.css and page.js
"""

from limbeck.report.charts import Chart, Series
from limbeck.report.judged import Judged, Table
from limbeck.report.page import write_report

__all__ = ["Chart", "Judged", "Series", "Table", "write_report"]
