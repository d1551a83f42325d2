"""`limbeck new`: a recipe's file of one's own that runs as it is, by `limbeck run` and by Python."""

import json
import os
import subprocess
import sys

import pytest

import limbeck
from limbeck.cli import main
from limbeck.cli.own_recipes import copied, recipe_in
from limbeck.errors import ArgumentError
from limbeck.recipes import RECIPES
from limbeck.results import load
from limbeck.runs import default_folder

FAST = ["--smoke", "--members", "1", "--student.epochs", "1", "--quiet"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("mine", "yours"):
        sys.modules.pop(name, None)


def test_a_copied_recipe_runs_as_it_is(place, capsys):
    assert main(["new", "mine.py", "--from", "digits"]) == 0
    assert capsys.readouterr().out == "mine.py runs as it is: limbeck run mine.py --smoke\n"
    text = (place / "mine.py").read_text()
    assert text.endswith('\n\n\nif __name__ == "__main__":\n    limbeck.cli.run_file(__file__)\n')
    assert "limbeck run mine.py  " in text
    assert "results/digits.json" not in text
    assert main(["run", "mine.py", *FAST]) == 0
    (folder,) = (place / "runs").iterdir()
    assert folder.name.startswith("mine-")
    told = json.loads((folder / "run.json").read_text())
    assert (told["recipe"], told["command"].split()[:3]) == ("mine", ["limbeck", "run", "mine.py"])
    assert "code" in told
    assert "Limbeck: mine" in (folder / "report.html").read_text()
    done = subprocess.run([sys.executable, "mine.py", *FAST], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == capsys.readouterr().out
    assert len(list((place / "runs").iterdir())) == 1


def test_a_teacher_and_a_student_to_begin_with_run_as_they_are(place, capsys):
    assert main(["new", "mine.py", "--from", "distill"]) == 0
    run = "limbeck distill --teacher mine:teacher --student mine:student --data digits"
    assert capsys.readouterr().out == f"mine.py runs as it is: {run}\n"
    assert f"    {run}\n" in (place / "mine.py").read_text()
    assert main([*run.split()[1:], "--budget.epochs", "1", "--no-ship", "--quiet", "--out", "run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "student: run/student.safetensors"
    assert "<title>Limbeck: mine:teacher on digits</title>" in (place / "run" / "report.html").read_text()


def test_a_teacher_and_a_student_in_a_folder_are_run_from_there(place, capsys):
    assert main(["new", "my nets/mine.py", "--from", "distill"]) == 0
    run = "limbeck distill --teacher mine:teacher --student mine:student --data digits"
    assert capsys.readouterr().out == f"my nets/mine.py runs as it is: cd 'my nets' && {run}\n"


def test_a_changed_file_is_another_recipe(place, capsys):
    main(["new", "yours.py", "--from", "digits"])
    assert main(["run", "yours.py", *FAST, "--out", "run"]) == 0
    text = (place / "yours.py").read_text()
    (place / "yours.py").write_text(text.replace("temperature: float = 4.0", "temperature: float = 4.0 + 0"))
    os.utime("yours.py", (1, 1))  # what was compiled before is not taken for it
    del sys.modules["yours"]
    assert main(["run", "yours.py", *FAST, "--out", "run"]) == 2
    assert "holds a run of another configuration (code: " in capsys.readouterr().err
    assert default_folder("a", Digits()) != default_folder("a", Digits(), "1") != default_folder("a", Digits(), "2")


def Digits():  # noqa: N802 - stands for the class
    return RECIPES[0].config()


def test_nothing_is_written_over_and_names_are_checked(place, capsys):
    (place / "mine.py").write_text("mine")
    for arguments, message in (
        (["mine.py", "--from", "digits"], "mine.py is there already"),
        (["other.py", "--from", "digit"], "recipe must be one of digits, letters, mnist"),
        (["other.txt", "--from", "digits"], "a recipe's file must be called as a module is, NAME.py, got other.txt"),
        (["my-own.py", "--from", "digits"], "a recipe's file must be called as a module is, NAME.py, got my-own.py"),
        (["torch.py", "--from", "digits"], "must not be called as another module is, 'torch' can be imported already"),
        (["limbeck.py", "--from", "digits"], "'limbeck' can be imported already"),
        (["this.py", "--from", "digits"], "'this' can be imported already"),
        (
            ["sklearn.py", "--from", "digits"],
            "'sklearn' can be imported already\n\nhint: call it otherwise: my_sklearn.py",
        ),
        (["mine.py/other.py", "--from", "digits"], "cannot write mine.py/other.py: File exists"),
    ):
        assert main(["new", *arguments]) == 2
        assert message in capsys.readouterr().err
    assert (place / "mine.py").read_text() == "mine"


def test_a_file_is_whole_or_not_there(place, capsys, monkeypatch):
    def full(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    assert main(["new", "mine.py", "--from", "digits"]) == 2
    assert "cannot write mine.py: No space left on device" in capsys.readouterr().err
    assert list(place.iterdir()) == []


def test_a_file_of_ones_own_is_not_recorded(place, capsys):
    assert main(["new", "mine.py", "--from", "digits"]) == 0
    assert main(["run", "mine.py", "--record"]) == 2
    assert "what is recorded is a run of a recipe that comes with limbeck, got mine.py" in capsys.readouterr().err
    assert sorted(path.name for path in place.iterdir() if path.name != "__pycache__") == ["mine.py"]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_recipe_can_be_copied_and_imported(recipe, place):
    (place / "mine.py").write_text(copied(recipe, place / "mine.py"))
    own = recipe_in(place / "mine.py")
    assert own.name == "mine"
    assert own.config() == own.config().__class__()
    assert own.config.__module__ == "mine"
    assert vars(own.config()).keys() == vars(recipe.config()).keys()
    assert own.summary == recipe.summary
    assert f"limbeck run {recipe.name} " not in own.doc
    assert load("mine") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "mine.py must have a function main(config, run), it has none"),
        ("def main(config, run): ...", "must say that its config is a frozen dataclass"),
        ("class C: ...\ndef main(config: C, run): ...", "must say that its config is a frozen dataclass"),
        ("import nothing_of_this_name", "mine.py can't be imported: ModuleNotFoundError"),
        ("raise SystemExit('no')", "mine.py can't be imported: SystemExit: no"),
        (
            "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass C: ...\ndef main(config: 'C', run): ...",
            "--smoke needs C.smoke(), there is none",
        ),
        (
            "from dataclasses import *\n@dataclass(frozen=True)\nclass C:\n  size: int\ndef main(config: C, run): ...",
            "C in mine.py must have a default for each field, size has none",
        ),
    ],
)
def test_files_that_are_no_recipes_are_told(place, capsys, text, message):
    (place / "mine.py").write_text(text)
    assert main(["run", "mine.py", "--smoke"]) == 2
    assert message in capsys.readouterr().err


def test_a_file_must_be_there_under_a_name_that_is_free(place):
    with pytest.raises(ArgumentError, match=r"a recipe's file must be there, none.py is not"):
        recipe_in(place.relative_to(place) / "none.py")
    (place / "json.py").write_text("")
    with pytest.raises(ArgumentError, match=r"must not be called as another module is, 'json' can be imported"):
        recipe_in(place / "json.py")
    assert "cli" in dir(limbeck) or limbeck.cli
