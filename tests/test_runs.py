"""A run's folder is bound to its configuration, held by one process, and never lost."""

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch

from limbeck import ArgumentError, Budget, RunError, TransferSet
from limbeck.progress import Progress
from limbeck.run_json import read_run
from limbeck.runs import Run, default_cache, default_folder, first_difference, told_config


@dataclass(frozen=True)
class Config:
    temperature: float = 4.0
    widths: tuple[int, ...] = (3, 4)


def a_run(folder, **change):
    run = Run("digits", Config(), folder, 1, None, Progress(), "limbeck run digits")
    return replace(run, **change)


def test_a_new_folder_is_made_and_told(tmp_path):
    with a_run(tmp_path / "deep" / "run").held():
        assert not (tmp_path / "deep" / "run" / "run.json").exists()  # not before the configuration is found good
        a_run(tmp_path / "deep" / "run").claim()
        told = read_run(tmp_path / "deep" / "run")
    assert told["config"] == {"temperature": 4.0, "widths": [3, 4]}
    assert told["versions"]["torch"].startswith("2.")
    assert {"commit", "machine", "date", "command"} <= told.keys()


@dataclass(frozen=True)
class Inner:
    width: int = 3


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    budgets: tuple[Budget, ...] = (Budget(5), Budget(5, optimizer="sgd"))


def test_a_configuration_may_hold_others():
    told = told_config(Outer())
    assert told["inner"] == {"width": 3}
    assert told["budgets"] == [Budget(5).spec(), Budget(5).spec() | {"optimizer": "sgd"}]
    assert default_folder("digits", Outer()) != default_folder("digits", Outer(Inner(4)))


def test_the_same_configuration_goes_on_and_keeps_what_was_told(tmp_path):
    with a_run(tmp_path).held():
        a_run(tmp_path).save({"rows": [1]})
    with a_run(tmp_path, num_seeds=9).held():
        assert read_run(tmp_path)["rows"] == [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": Config(temperature=8.0)}, r"another configuration \(config.temperature: 4.0 there, 8.0 here\)"),
        ({"recipe": "mnist"}, r"another configuration \(.*recipe: digits there, mnist here\)"),
    ],
)
def test_another_configuration_is_refused(tmp_path, change, message):
    with a_run(tmp_path).held():
        a_run(tmp_path).claim()
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(RunError, match=message), a_run(tmp_path, **change).held():
        pass
    assert (tmp_path / "run.json").read_bytes() == before


def some_data(start=0):
    return TransferSet(torch.arange(start, start + 6).reshape(3, 2), torch.arange(3))


def test_other_data_is_refused(tmp_path):
    with a_run(tmp_path).held():
        a_run(tmp_path).claim(some_data())
        a_run(tmp_path).claim(some_data())
        a_run(tmp_path).save({"rows": [1]})
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(RunError, match="holds a run on other data"), a_run(tmp_path).held():
        a_run(tmp_path).claim(some_data(1))
    with pytest.raises(RunError, match="holds a run on other data"):
        a_run(tmp_path).claim(replace(some_data(), labels=torch.tensor([0, 2, 1])))
    assert (tmp_path / "run.json").read_bytes() == before


def test_a_folder_of_an_earlier_version_is_bound_to_the_data_it_goes_on_with(tmp_path):
    with a_run(tmp_path).held():
        a_run(tmp_path).save({"rows": [1]})
        a_run(tmp_path).claim(some_data())
    with pytest.raises(RunError, match="holds a run on other data"):
        a_run(tmp_path).claim(some_data(1))
    assert read_run(tmp_path)["rows"] == [1]


def test_less_than_a_finished_run_has_is_refused(tmp_path):
    whole = a_run(tmp_path, num_seeds=3, controls=("permuted",))
    with whole.held():
        whole.claim()
    with a_run(tmp_path).held():  # it had not finished
        whole.save({"rows": [1]})
    for less, asked in (
        ({"num_seeds": 2, "controls": ("permuted",)}, r"\(--seeds 3\)"),
        ({"num_seeds": 3}, r"\(--seeds 3 --controls permuted\)"),
    ):
        with pytest.raises(RunError, match=f"a finished run of more than was asked for {asked}"):
            a_run(tmp_path, **less).held().__enter__()
    with a_run(tmp_path, num_seeds=4, controls=("random", "permuted")).held():
        assert read_run(tmp_path)["rows"] == [1]


def test_without_a_home_folder_the_cache_has_to_be_named(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    for name in ("LIMBECK_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(ArgumentError, match="there must be a home folder"):
        default_cache()


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with (
        pytest.raises(RunError, match="must be empty or a run's folder, it holds other things"),
        a_run(tmp_path).held(),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_in_use_is_refused(tmp_path):
    program = f"""
from pathlib import Path
import test_runs
with test_runs.a_run(Path({str(tmp_path)!r})).held():
    print("held", flush=True)
    input()
"""
    here = Path(__file__).parent
    other = subprocess.Popen([sys.executable, "-c", program], cwd=here, stdin=-1, stdout=-1, text=True)
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    with pytest.raises(RunError, match="is in use by another limbeck"), a_run(tmp_path).held():
        pass
    other.communicate("\n")
    with a_run(tmp_path).held():
        pass


def test_an_unwritable_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RunError, match=r"cannot write .*file/run: Not a directory"),
        a_run(tmp_path / "file" / "run").held(),
    ):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"recipe": "digits"})])
def test_a_damaged_run_json_is_said(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunError, match="run.json is damaged"):
        read_run(tmp_path)


def test_no_run_is_said(tmp_path):
    with pytest.raises(RunError, match="is no run's folder: there is no run.json"):
        read_run(tmp_path)


def test_each_configuration_has_its_own_default_folder():
    folders = {
        default_folder("digits", Config()),
        default_folder("digits", Config(8.0)),
        default_folder("mnist", Config()),
    }
    assert len(folders) == 3
    assert default_folder("digits", Config()) == default_folder("digits", Config())


def test_differences_are_found_in_depth():
    assert first_difference({"a": {"b": 1}}, {"a": {"b": 2}}) == "a.b: 1 there, 2 here"
    assert first_difference({"a": {"b": 1}}, {"a": {"b": 1}}) is None
    assert first_difference({"a": 1}, {}) == "a: 1 there, None here"


def test_of_several_differences_the_first_is_told():
    fields = [f"field {number}" for number in range(20)]
    assert first_difference(dict.fromkeys(fields, 1), dict.fromkeys(fields, 2)) == "field 0: 1 there, 2 here"
