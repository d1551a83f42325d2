"""What a model is worth: its figures on held-out examples, and whether a difference is one.

measures.py      one model's figures on a labelled set
calibration.py   how far its confidence can be trusted, before and after one fitted temperature
fidelity.py      how far it says what its teacher says
classes.py       its figures class by class, and what it takes for what
judgement.py     all of these of one trained net
significance.py  tests and intervals: over seeds, over examples
verdicts.py      whether two ways of training differ, or two nets
biases.py        what to add to some classes' logits
"""

from limbeck.judge.biases import class_bias
from limbeck.judge.calibration import Bin, brier_score, expected_calibration_error, fit_temperature, reliability
from limbeck.judge.classes import ClassFigures, Confusion, by_class, class_table, most_confused
from limbeck.judge.fidelity import Fidelity, fidelity, fidelity_where
from limbeck.judge.judgement import (
    HeldOut,
    Judgement,
    fidelity_on_training,
    judgement_of,
    read_judgement,
    told_judgement,
)
from limbeck.judge.measures import Measures, count_errors, count_parameters, evaluate, measure
from limbeck.judge.significance import (
    Interval,
    NetsDifference,
    examples_interval,
    mcnemar_p,
    mean_interval,
    nets_difference,
    paired_interval,
    proportion_interval,
    recovered_interval,
    seeds_interval,
    share_recovered,
    sign_flip_p,
)
from limbeck.judge.verdicts import NetsFinding, SeedsDifference, Verdict, nets_finding, seeds_difference

__all__ = [
    "Bin",
    "ClassFigures",
    "Confusion",
    "Fidelity",
    "HeldOut",
    "Interval",
    "Judgement",
    "Measures",
    "NetsDifference",
    "NetsFinding",
    "SeedsDifference",
    "Verdict",
    "brier_score",
    "by_class",
    "class_bias",
    "class_table",
    "count_errors",
    "count_parameters",
    "evaluate",
    "examples_interval",
    "expected_calibration_error",
    "fidelity",
    "fidelity_on_training",
    "fidelity_where",
    "fit_temperature",
    "judgement_of",
    "mcnemar_p",
    "mean_interval",
    "measure",
    "most_confused",
    "nets_difference",
    "nets_finding",
    "paired_interval",
    "proportion_interval",
    "read_judgement",
    "recovered_interval",
    "reliability",
    "seeds_difference",
    "seeds_interval",
    "share_recovered",
    "sign_flip_p",
    "told_judgement",
]
