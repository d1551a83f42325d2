"""The evidence on one self-contained page.

judged.py           what each model said on the test set, and who plays which part
figures.py          what run.json tells of a run: headline.py, trade_offs.py and run_tables.py make it ready
curves.py           how the models were trained
charts.py           what a study varied, and what came of it
confusions.py       which class they take for which, as matrices
calibration.py      how far their confidence can be trusted
mistakes.py         the same as a list, and how much of one class the teacher sees in another
pictures.py         what those plotly figures share
choice.py           which test examples the page holds
inputs.py           how their inputs are shown
examples.py         those examples, ready to be softened on the page
speech.py           what a run keeps of its words and utterances
utterances.py       those utterances, ready to be drawn by speech.html.j2
held.py             what the explorers are given, as JSON
scripts.py          page.js, softening.js, explorers.js, speech.js and start.js, and plotly, compressed
frame.py            what pages stand in: frame.html.j2, parts.html.j2, page.css
page.py             the page of a run, from page.html.j2
comparison_page.py  the page that shows finished runs side by side
"""

from limbeck.report.charts import Chart, Series
from limbeck.report.figures import Figures
from limbeck.report.judged import Judged, Table
from limbeck.report.page import write_report

__all__ = ["Chart", "Figures", "Judged", "Series", "Table", "write_report"]
