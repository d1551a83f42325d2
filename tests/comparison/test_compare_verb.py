"""`limbeck compare` as it is used."""

import json

import pytest
from compared_runs import small_runs
from small_runs import run_small

from limbeck.cli import main
from limbeck.comparison import read_runs
from limbeck.recipes import mnist, mnist_unlabelled


@pytest.fixture(scope="module", name="small_runs")
def made_runs(tmp_path_factory):
    return small_runs(tmp_path_factory.getbasetemp())


def test_it_prints_a_table_and_sentences_and_writes_a_page(small_runs, tmp_path, capsys):
    out = tmp_path / "both.html"
    assert main(["compare", str(small_runs / "warm"), str(small_runs / "hot"), "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:5] == ["run:", "setting", "seeds", "test", "errors"]
    assert [line.split("  ")[0] for line in lines[1:7]] == [
        f"{run}: {part}" for run in ("warm", "hot") for part in ("teacher", "twin", "student")
    ]
    assert lines[-2].startswith("Too few seeds to tell: the student of ")
    assert lines[-1] == f"page: {out}"
    assert "Do their students differ?" in out.read_text()


def test_json_is_one_value(small_runs, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", str(small_runs / "warm"), str(small_runs / "hot"), "--json", "--quiet"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert captured.err == ""
    assert told["page"] == "compare.html"
    assert [each["name"] for each in told["runs"]] == ["warm", "hot"]
    assert (tmp_path / "compare.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "runs to compare must be two or more, got 0"),
        (["warm"], "runs to compare must be two or more, got 1\n\nhint: give their folders"),
        (["warm", "nowhere"], "nowhere is no run's folder: there is no run.json"),
        (["warm", "./warm"], "must be two or more different folders"),
        (["warm", "hot", "--out", "file/page.html"], "cannot write file/page.html"),
        (["warm", "hot", "--out", "hot/run.json"], "must lie outside the runs' folders, got hot/run.json"),
    ],
)
def test_bad_input_gets_one_message_and_exit_code_2(small_runs, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(small_runs)
    (small_runs / "file").touch()
    assert main(["compare", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_two_recipes_on_one_test_set_can_be_compared(tmp_path, capsys, monkeypatch):
    run_small(mnist, mnist.Mnist(), tmp_path, monkeypatch)
    run_small(mnist_unlabelled, mnist_unlabelled.MnistUnlabelled(), tmp_path, monkeypatch)
    folders = [tmp_path / "mnist", tmp_path / "mnist-unlabelled"]
    first, second = read_runs(folders)
    assert (first.cast["student"], second.cast["student"]) == ("student", "student, no labels")
    assert main(["compare", *map(str, folders), "--out", str(tmp_path / "page.html")]) == 0
    said = capsys.readouterr().out
    assert "2 paired seeds" in said  # the same net from the same start, though the recipes differ
    assert "mnist-unlabelled: student, all labels" in said
