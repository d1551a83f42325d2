"""Runs that can be compared, and why others can't."""

import json
import shutil

import pytest
import torch
from compared_runs import small_runs
from finished_runs import rewrite

from limbeck import ArgumentError, RunError
from limbeck.comparison import read_runs
from limbeck.conclusion import keep_test_set, read_test_set
from limbeck.data import TransferSet


@pytest.fixture(scope="module", name="small_runs")
def made_runs(tmp_path_factory):
    return small_runs(tmp_path_factory.getbasetemp())


def changed(run, folder, **changes):
    """Return a copy of a run whose run.json tells something else; what is None is left out."""
    copy = folder / "copy"
    shutil.copytree(run, copy)
    rewrite(copy, **changes)
    return copy


def test_runs_are_read_from_their_folders(small_runs):
    warm, narrow = read_runs([small_runs / "warm", small_runs / "narrow"])
    assert (warm.name, warm.recipe, warm.smoke, warm.cast["teacher"]) == ("warm", "digits", True, "teacher")
    told = json.loads((small_runs / "warm" / "run.json").read_bytes())
    errors = next(r["values"] for r in told["rows"] if (r["setting"], r["metric"]) == ("student", "test errors"))
    assert warm.errors == errors
    assert (warm.student_logits.argmax(1) != warm.labels).sum() == errors[0]
    assert narrow.config["student_hidden"] == [8]
    assert len(narrow.labels) == 897


def test_a_smoke_run_is_one_whatever_its_findings_say(small_runs, tmp_path):
    copy = changed(small_runs / "hot", tmp_path, findings=["It helps."])
    assert read_runs([small_runs / "warm", copy])[1].smoke
    whole = changed(copy, tmp_path / "whole", smoke=False)
    assert not read_runs([small_runs / "warm", whole])[1].smoke


def test_folders_of_one_name_are_told_apart_by_their_paths(small_runs, tmp_path):
    shutil.copytree(small_runs / "hot", tmp_path / "warm")
    names = [run.name for run in read_runs([small_runs / "warm", tmp_path / "warm", small_runs / "hot"])]
    assert names == [str(small_runs / "warm"), str(tmp_path / "warm"), "hot"]


def test_runs_are_two_or_more_and_different(small_runs):
    with pytest.raises(ArgumentError, match="must be two or more different folders, got 1"):
        read_runs([small_runs / "warm"])
    with pytest.raises(ArgumentError, match=r"different folders, got .*warm twice"):
        read_runs([small_runs / "warm", small_runs / "hot" / ".." / "warm"])


def test_runs_on_other_test_data_are_refused(small_runs, tmp_path):
    copy = changed(small_runs / "hot", tmp_path)
    test_set = read_test_set(copy)
    keep_test_set(copy, TransferSet(test_set.inputs + 1, test_set.labels, test_set.class_names, name=test_set.name))
    same = "got warm on 897 examples of the digits test set and copy on 897 examples of the digits test set of other"
    with pytest.raises(ArgumentError, match=same):
        read_runs([small_runs / "warm", copy])
    keep_test_set(copy, TransferSet(torch.zeros(3, 1), torch.arange(3), name="toy set"))
    with pytest.raises(ArgumentError, match=r"and copy on 3 examples of the toy set\n\nhint: compare runs on one data"):
        read_runs([small_runs / "warm", copy])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": None}, "has not finished\n\nhint: go on with it: limbeck run digits"),
        ({"judgements": None}, "run.json is damaged: .*judgements"),
        ({"rows": 3}, "run.json is damaged: .*rows"),
    ],
)
def test_runs_that_are_unfinished_or_damaged_are_refused(small_runs, tmp_path, changes, message):
    copy = changed(small_runs / "hot", tmp_path, **changes)
    with pytest.raises(RunError, match=message):
        read_runs([small_runs / "warm", copy])


def test_a_run_without_labels_is_said(small_runs, tmp_path):
    copy = changed(small_runs / "hot", tmp_path, judgements={}, cast={"teacher": "teacher", "student": "student"})
    said = r"must have labels, .*, that in .*/copy has none\n\nhint: limbeck report RUN"
    with pytest.raises(ArgumentError, match=said):
        read_runs([small_runs / "warm", copy])


def test_a_folder_that_is_no_runs_is_said(small_runs, tmp_path):
    with pytest.raises(RunError, match="is no run's folder"):
        read_runs([small_runs / "warm", tmp_path])


def test_a_file_that_is_missing_is_said(small_runs, tmp_path):
    copy = changed(small_runs / "hot", tmp_path)
    (copy / "seed-0" / "judged.safetensors").unlink()
    with pytest.raises(RunError, match=r"judged.safetensors is missing"):
        read_runs([small_runs / "warm", copy])
