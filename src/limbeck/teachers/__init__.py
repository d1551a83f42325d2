"""What a teacher is: anything that turns a batch of inputs into logits (batch, classes).

    a torch.nn.Module                       is one as it is
    from_sklearn(estimator)                 a fitted scikit-learn estimator
    from_onnx("teacher.onnx")               an ONNX file, by ONNX Runtime
    from_function(function, "name, 1")      any callable on torch or numpy batches
    Ensemble([...])                         several of them as one
    InBfloat16(net)                         a net asked in bfloat16, where that is faster

What gives probabilities is turned into logits by `logits_of`, with a floor that is said.
"""

from limbeck.teachers.adapters import AdaptedTeacher, InBfloat16, from_function, sharpened
from limbeck.teachers.ensemble import Ensemble, Mean, mean_logits, members_of, relative_weights
from limbeck.teachers.estimators import from_sklearn
from limbeck.teachers.fingerprints import (
    described,
    own_code,
    teacher_fingerprint,
    tensors_fingerprint,
    weights_fingerprint,
)
from limbeck.teachers.judging import Teacher, asked_at_once, judged, judging, laid_out, layout_for, predict
from limbeck.teachers.loading import load_student, load_teacher, teacher_named
from limbeck.teachers.onnx_files import from_onnx
from limbeck.teachers.probabilities import PROBABILITY_FLOOR, Gives, logits_of, refuse_probabilities
from limbeck.teachers.seeding import check_maker, seeded

__all__ = [
    "PROBABILITY_FLOOR",
    "AdaptedTeacher",
    "Ensemble",
    "Gives",
    "InBfloat16",
    "Mean",
    "Teacher",
    "asked_at_once",
    "check_maker",
    "described",
    "from_function",
    "from_onnx",
    "from_sklearn",
    "judged",
    "judging",
    "laid_out",
    "layout_for",
    "load_student",
    "load_teacher",
    "logits_of",
    "mean_logits",
    "members_of",
    "own_code",
    "predict",
    "refuse_probabilities",
    "relative_weights",
    "seeded",
    "sharpened",
    "teacher_fingerprint",
    "teacher_named",
    "tensors_fingerprint",
    "weights_fingerprint",
]
