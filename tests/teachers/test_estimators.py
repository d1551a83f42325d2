"""Teachers from scikit-learn: from the fitted estimator to the student, and a fingerprint that other processes have."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from torch.testing import assert_close

from limbeck import ArgumentError, Budget, TransferSet, distill, write_soft_targets
from limbeck.models import MLP
from limbeck.targets import Dense
from limbeck.teachers import from_sklearn, load_teacher

PIXELS, LABELS = load_digits(return_X_y=True)
PIXELS, LABELS = PIXELS[:500], LABELS[:500]
X, Y = torch.from_numpy(PIXELS).reshape(-1, 1, 8, 8), torch.from_numpy(LABELS)


def estimators():
    return [
        ExtraTreesClassifier(5, random_state=0),
        RandomForestClassifier(5, random_state=0),
        HistGradientBoostingClassifier(max_iter=2, random_state=0),
        LogisticRegression(max_iter=200),
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        CalibratedClassifierCV(LinearSVC(random_state=0), cv=2),
        GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [2, 5]}, cv=2),
    ]


def fitted_prints():
    return [from_sklearn(estimator.fit(PIXELS, LABELS)).fingerprint for estimator in estimators()]


@pytest.fixture(scope="module")
def forest():
    return ExtraTreesClassifier(20, random_state=0).fit(PIXELS[:400], LABELS[:400])


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.uint8])
def test_logits_are_the_logs_of_the_probabilities(forest, kind):
    teacher, probs = from_sklearn(forest, floor=1e-4), forest.predict_proba(PIXELS)
    logits = teacher(X.to(kind))
    assert logits.dtype == torch.float32
    assert_close(logits, torch.from_numpy(np.log(np.maximum(probs, 1e-4))).float(), rtol=0, atol=1e-6)
    assert (probs == 0).any()
    assert repr(teacher) == "<teacher ExtraTreesClassifier of 10 classes, probs >= 0.0001>"


def test_a_forest_is_distilled_into_a_net(forest, tmp_path):
    data = TransferSet(X.float(), Y)
    targets = write_soft_targets(from_sklearn(forest), data, tmp_path, encoding=Dense("float32"))
    found = targets.logits(data.ids, temperature=1.0).softmax(-1)
    assert_close(found, torch.from_numpy(forest.predict_proba(PIXELS)).float(), rtol=1e-5, atol=1e-6)
    torch.manual_seed(0)
    budget = Budget(epochs=20, batch_size=32, learning_rate=1e-2, precision="32-true")
    measures = distill(MLP([64, 32, 10]), targets, data, budget=budget).measures()
    assert measures["teacher"].accuracy > 0.8
    assert measures["student"].accuracy > 0.7


def test_the_same_fit_has_the_same_fingerprint_in_another_process():
    script = "import test_estimators; print(*test_estimators.fitted_prints())"
    there = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    )
    here = fitted_prints()
    assert there.stdout.split() == here
    assert len(set(here)) == len(here)


def test_another_fit_has_another_fingerprint(forest):
    settings = {"n_estimators": 20, "random_state": 0}
    prints = [
        from_sklearn(forest).fingerprint,
        from_sklearn(forest, floor=1e-3).fingerprint,
        from_sklearn(ExtraTreesClassifier(**settings).fit(PIXELS[:399], LABELS[:399])).fingerprint,
        from_sklearn(ExtraTreesClassifier(20, random_state=1).fit(PIXELS[:400], LABELS[:400])).fingerprint,
        from_sklearn(ExtraTreesClassifier(**settings, max_depth=9).fit(PIXELS[:400], LABELS[:400])).fingerprint,
    ]
    assert len(set(prints)) == len(prints)
    workers = ExtraTreesClassifier(**settings, n_jobs=2).fit(PIXELS[:400], LABELS[:400])
    assert from_sklearn(workers).fingerprint == prints[0]


def test_the_fingerprint_is_that_of_now():
    estimator = GaussianNB().fit(PIXELS, LABELS)
    teacher = from_sklearn(estimator)
    before = teacher.fingerprint
    teacher(X)
    assert teacher.fingerprint == before
    estimator.fit(PIXELS[:400], LABELS[:400])
    assert teacher.fingerprint != before


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Ridge().fit(PIXELS, LABELS), "must have predict_proba, Ridge has none\n\nhint: .*CalibratedClassifierCV"),
        (GaussianNB(), r"must be fitted, GaussianNB has no classes_\n\nhint: call fit\(inputs, labels\) first"),
        (make_pipeline(StandardScaler(), GaussianNB()), "must be fitted, Pipeline has no classes_"),
        (GridSearchCV(GaussianNB(), {}), "must be fitted, GridSearchCV has no classes_"),
        (
            DecisionTreeClassifier().fit(PIXELS, np.stack([LABELS, LABELS], 1)),
            "must have one output, DecisionTreeClassifier has 2\n\nhint: fit one estimator to each",
        ),
        (
            GaussianNB().fit(PIXELS, LABELS + 1),
            r"labels must be 0..9, GaussianNB has 1, 2, 3, 4, 5, 6, 7, 8, 9, 10\n\nhint: if these are the",
        ),
        (
            GaussianNB().fit(PIXELS, np.array(["no", "yes"])[LABELS % 2]),
            r"has no, yes\n\nhint: .*: --classes no yes, or from_sklearn\(estimator, classes=\[",
        ),
    ],
)
def test_refuses(estimator, message):
    with pytest.raises(ArgumentError, match=message):
        from_sklearn(estimator)


@pytest.mark.parametrize(
    ("classes", "hint"),
    [
        (("yes", "no"), r"if these are the data's classes, name them in that order: --classes no yes"),
        (
            ("no", "yes", "perhaps"),
            "fit it to the data's own labels; or, where its classes are these under other names",
        ),
    ],
)
def test_classes_are_offered_where_the_data_has_them_too(classes, hint):
    estimator = GaussianNB().fit(PIXELS, np.array(["no", "yes"])[LABELS % 2])
    with pytest.raises(ArgumentError, match=rf"labels must be 0..1, or .*GaussianNB has no, yes\n\nhint: {hint}"):
        from_sklearn(estimator, classes=classes)


def test_what_tells_several_labels_at_once_is_no_teacher():
    several = OneVsRestClassifier(LogisticRegression(max_iter=500)).fit(
        PIXELS[:100], np.eye(10, dtype=int)[LABELS[:100]]
    )
    with pytest.raises(
        ArgumentError, match=r"sums to .*\n\nhint: .*a teacher of several labels at once, each with a probability"
    ):
        from_sklearn(several)(X)


def test_an_estimator_without_probabilities_is_named_by_what_it_lacks(tmp_path, monkeypatch):
    (tmp_path / "svm_of_mine.py").write_text("from sklearn.svm import SVC\nfitted = SVC().fit([[0], [1]], [0, 1])\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(ArgumentError, match="must have predict_proba, SVC has none\n\nhint: .*CalibratedClassifierCV"):
        load_teacher("svm_of_mine:fitted")


def test_refuses_a_floor_outside(forest):
    with pytest.raises(ArgumentError, match="floor must lie between 0 and 1, got 0"):
        from_sklearn(forest, floor=0)


def test_refuses_inputs_of_other_features(forest):
    message = (
        r"must have the 64 features ExtraTreesClassifier was fitted on, got 16 from a batch of shape \(2, 1, 4, 4\)"
    )
    with pytest.raises(ArgumentError, match=message):
        from_sklearn(forest)(torch.zeros(2, 1, 4, 4))


def test_refuses_a_state_that_cannot_be_told():
    estimator = GaussianNB().fit(PIXELS, LABELS)
    estimator.lock = threading.Lock()
    with pytest.raises(
        ArgumentError, match=r"that of GaussianNB is not: .*\n\nhint: .*from_function\(estimator.predict"
    ):
        from_sklearn(estimator)


@pytest.fixture(scope="module")
def on_columns():
    """An estimator that was fitted on a DataFrame's columns."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(PIXELS[:, 20:23], columns=[" left", "mid", "right"])
    return make_pipeline(StandardScaler(), GaussianNB()).fit(frame, LABELS % 2)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            ("right", "mid", "left"),
            r"Pipeline was fitted on, in that order: left, mid, right; they are .*\n\nhint: --inputs left mid right$",
        ),
        (("left", "mid", "right", "new"), r"in that order: left, mid, right; they are left, mid, right, new\n"),
        (("left", "mid", "r"), r"Pipeline was fitted on, 'right' is not among left, mid, r\n\nhint: it was fitted on"),
    ],
)
def test_refuses_columns_that_it_was_not_fitted_on(on_columns, columns, message):
    with pytest.raises(ArgumentError, match=message):
        from_sklearn(on_columns, columns=columns)


def test_takes_the_columns_that_it_was_fitted_on_and_such_as_have_no_names(on_columns):
    rows = torch.from_numpy(PIXELS[:5, 20:23])
    told = from_sklearn(on_columns, columns=("left", "mid", "right"))
    assert_close(told(rows), from_sklearn(on_columns)(rows))
    assert told.fingerprint == from_sklearn(on_columns).fingerprint
    from_sklearn(GaussianNB().fit(PIXELS, LABELS), columns=("a", "b"))
