import plotly.graph_objects as go

from limbeck.report.confusions import confusions
from limbeck.report.curves import curves
from limbeck.report.judged import Evidence


def test_plotly_knows_every_property(models, test_set):
    evidence = Evidence.of(models, test_set)
    for picture in [*curves(evidence), *confusions(evidence)]:
        go.Figure(picture.figure)
