"""The command line as it is used: in a process of its own, judged by what it prints and how it ends."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from limbeck.conclusion import read_judged
from limbeck.judge import read_judgement
from limbeck.recipes import RECIPES
from limbeck.runs import default_cache

LIMBECK = Path(sys.executable).with_name("limbeck")


def limbeck(*arguments, cwd, **options):
    return subprocess.run([LIMBECK, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, **options)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """One smoke run of digits, shared: (folder, what was printed)."""
    folder = tmp_path_factory.mktemp("run")
    return folder, limbeck("run", "digits", "--smoke", "--seeds", 2, "--out", folder / "run", cwd=folder)


def test_a_run_ends_in_a_table_and_a_page(smoke):
    folder, done = smoke
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    columns = ["model", "seeds", "test errors", "NLL", "Brier", "ECE", "agreement", "parameters", "latency p50 (ms)"]
    assert lines[0].split() == " ".join(columns).split()
    assert [line.split()[0] for line in lines[1:5]] == ["teacher", "ensemble", "twin", "student"]
    assert "2 paired seeds, 95% interval of the difference " in done.stdout
    told = "A smoke run: its figures mean nothing."
    assert told in lines
    assert told in (folder / "run" / "report.html").read_text()
    assert lines[-2:] == [
        f"student: {folder / 'run' / 'student.safetensors'}",
        f"report: {folder / 'run' / 'report.html'}",
    ]
    assert "<html" in (folder / "run" / "report.html").read_text()[:500]


def test_the_run_folder_holds_what_the_design_says(smoke):
    folder, _ = smoke
    told = json.loads((folder / "run" / "run.json").read_text())
    assert told["recipe"] == "digits"
    assert told["config"]["members"] == 2
    assert {"rows", "findings", "versions", "machine", "commit", "command"} <= told.keys()
    errors = {row["setting"]: row for row in told["rows"] if row["metric"] == "test errors"}
    assert list(errors) == ["teacher", "ensemble", "twin", "student"]
    assert all(row["n"] == 2 and len(row["values"]) == 2 for row in errors.values())
    present = {str(path.relative_to(folder / "run")) for path in (folder / "run").rglob("*") if path.is_file()}
    for name in ("student.safetensors", "seed-1/targets/manifest.json", "seed-0/student/curves.csv"):
        assert name in present
    assert not any("checkpoint" in name or "partial" in name for name in present)


def test_each_net_is_judged_on_seeds_of_its_own(smoke):
    folder, _ = smoke
    told = json.loads((folder / "run" / "run.json").read_bytes())
    assert told["cast"] == {"teacher": "ensemble", "twin": "twin", "student": "student"}
    own = {setting: [read_judgement(each) for each in seeds] for setting, seeds in told["judgements"].items()}
    assert list(own) == ["ensemble", "twin", "student"]
    errors = {row["setting"]: row["values"] for row in told["rows"] if row["metric"] == "test errors"}
    assert {setting: [each.errors for each in seeds] for setting, seeds in own.items()} == {
        setting: errors[setting] for setting in own
    }
    assert [each.start for each in own["twin"]] == [each.start for each in own["student"]]
    assert own["student"][0].start != own["student"][1].start
    assert own["student"][1].training.examples == 700
    assert own["ensemble"][0].test.kl == pytest.approx(0, abs=1e-9)
    for seeds in own.values():
        assert all(each.teacher_right.examples + each.teacher_wrong.examples == each.examples for each in seeds)
    for seed in range(2):
        kept = {each.name: each for each in read_judged(folder / "run" / f"seed-{seed}")}
        assert own["student"][seed].temperature == kept["student"].fitted_temperature()


def test_a_run_of_an_earlier_version_is_gone_on_with(smoke, tmp_path):
    shutil.copytree(smoke[0] / "run", tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    told = json.loads(path.read_bytes())
    path.write_text(json.dumps({key: value for key, value in told.items() if key not in ("format", "seal")}))
    done = limbeck("report", tmp_path / "run", cwd=tmp_path)
    assert done.returncode == 2
    assert "hint: run it again, which goes on from what is there: limbeck run digits --smoke" in done.stderr
    again = limbeck("run", "digits", "--smoke", "--seeds", 2, "--out", tmp_path / "run", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert json.loads(path.read_bytes())["rows"] == told["rows"]
    assert limbeck("report", tmp_path / "run", cwd=tmp_path).returncode == 0


def test_the_same_command_goes_on_and_changes_nothing(smoke):
    folder, first = smoke
    weights = (folder / "run" / "student.safetensors").read_bytes()
    again = limbeck("run", "digits", "--smoke", "--seeds", 2, "--out", folder / "run", cwd=folder)
    assert again.stdout == first.stdout
    assert (folder / "run" / "student.safetensors").read_bytes() == weights


def test_json_is_one_value_and_quiet_is_quiet(smoke):
    folder, _ = smoke
    done = limbeck("run", "digits", "--smoke", "--seeds", 2, "--out", folder / "run", "--json", "--quiet", cwd=folder)
    told = json.loads(done.stdout)
    assert told["recipe"] == "digits"
    assert {row["setting"] for row in told["rows"]} >= {"twin", "student"}
    assert done.stderr == ""


def test_report_draws_the_page_again(smoke):
    folder, _ = smoke
    page = folder / "run" / "report.html"
    before = page.read_text()
    page.unlink()
    assert limbeck("report", folder / "run", cwd=folder).stdout == f"{page}\n"
    assert page.read_text() == before
    assert json.loads(limbeck("report", folder / "run", "--json", cwd=folder).stdout) == {"report": str(page)}


def test_report_on_an_edited_run_is_said(smoke, tmp_path):
    shutil.copytree(smoke[0] / "run", tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    path.write_text(path.read_text().replace('"mean": ', '"mean": 1', 1))
    done = limbeck("report", tmp_path / "run", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "run.json is damaged: its checksum is not that of its content" in done.stderr


def test_any_field_is_an_option_and_another_configuration_is_refused(smoke):
    folder, _ = smoke
    before = (folder / "run" / "run.json").read_bytes()
    done = limbeck("run", "digits", "--smoke", "--temperature", 8, "--out", folder / "run", cwd=folder)
    assert done.returncode == 2
    assert "another configuration (config.temperature: 4.0 there, 8.0 here)" in done.stderr
    assert (folder / "run" / "run.json").read_bytes() == before


def test_record_writes_the_figures_of_record(tmp_path):
    options = ("--members", 1, "--teacher.epochs", 1, "--student.epochs", 1, "--seeds", 1, "--out", "r", "--quiet")
    done = limbeck("run", "digits", *options, "--record", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "results" / "digits.json").read_text())
    assert list(told) == RECORD
    assert all(list(row) == ["setting", "metric", "n", "mean", "sd", "values", "paper"] for row in told["rows"])
    assert {row["setting"] for row in told["rows"]} >= {"teacher", "twin", "student"}
    assert told["config"]["teacher"]["epochs"] == 1
    (tmp_path / "results" / "digits.json").unlink()
    done = limbeck("record", "r", "--json", cwd=tmp_path)  # from the run's folder, wherever it ran
    assert json.loads(done.stdout) == {"results": "results/digits.json"}, done.stderr
    assert json.loads((tmp_path / "results" / "digits.json").read_text()) == told


def test_figures_of_more_seeds_are_not_replaced(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "digits.json").write_text('{"seeds": 10}')
    done = limbeck("run", "digits", "--seeds", "9", "--record", cwd=tmp_path)  # said before anything is trained
    assert done.returncode == 2
    told = f"{Path('results') / 'digits.json'} has figures of 10 seeds, which those of 9 can't replace"
    assert told in done.stderr
    assert (tmp_path / "results" / "digits.json").read_text() == '{"seeds": 10}'


@pytest.mark.parametrize("damaged", ["<<<<<<< ours", "[]"])
def test_a_damaged_record_is_told_before_anything_is_trained(damaged, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "digits.json").write_text(damaged)
    done = limbeck("run", "digits", "--record", cwd=tmp_path)
    assert done.returncode == 2
    assert f"{Path('results') / 'digits.json'} must be a record as limbeck writes it" in done.stderr
    assert (tmp_path / "results" / "digits.json").read_text() == damaged


def test_a_smoke_run_is_not_recorded_afterwards_either(smoke, tmp_path):
    folder, _ = smoke
    done = limbeck("record", folder / "run", cwd=tmp_path)
    assert done.returncode == 2
    assert "a smoke run can't be recorded: its figures mean nothing" in done.stderr
    assert not (tmp_path / "results").exists()


RECORD = [
    "recipe",
    "command",
    "seeds",
    "config",
    "commit",
    "versions",
    "machine",
    "threads",
    "auto_precision",
    "date",
    "rows",
    "findings",
]

BAD = [
    (
        ("rum",),
        (
            "command must be one of distill, list, run, new, report, record, compare, export, bench, transcribe, "
            "soften, targets, got 'rum'"
            "\n\nhint: did you mean run?"
        ),
    ),
    (
        ("run", "digit"),
        (
            f"recipe must be one of {', '.join(recipe.name for recipe in RECIPES)}, got 'digit'"
            "\n\nhint: did you mean digits?"
        ),
    ),
    (("run", "digits", "--temperatur", "8"), "--temperature"),
    (("run", "digits", "--temperature", "warm"), "--temperature"),
    (("run", "digits", "--temperature", "0"), "temperature must be > 0, from 1e-06 to 1e+09, got 0.0"),
    (("run", "digits", "--temperature", "-3"), "temperature must be > 0, from 1e-06 to 1e+09, got -3.0"),
    (("run", "digits", "--hard-weight", "1.5"), "hard_weight must lie in 0..1, got 1.5"),
    (("run", "digits", "--members", "0"), "members must lie in 1..999, got 0"),
    (("run", "digits", "--seeds", "0"), "seeds must lie in 1..1000, got 0"),
    (("run", "digits", "--dropout", "1"), "must lie in 0..1, 1 excluded, got 1.0"),
    (("run", "digits", "--jitter", "-1"), "jitter must be >= 0 pixels, got -1"),
    (("run", "digits", "--validation", "5000"), "validation set must take between 1 and 899 examples, got 5000"),
    (("run", "digits", "--student-hidden", "0"), "widths must be two or more numbers in 1..1000000, got [64, 0, 10]"),
    (("run", "digits", "--student.epochs", "0"), "epochs must be a whole number in 1..1000000000, got 0"),
    (("run", "digits", "--smoke", "--record"), "a smoke run can't be recorded"),
    (("run", "mnist", "--data", "nowhere"), "the data folder must exist, got nowhere"),
    (("run", "mnist", "--data", "."), "must hold the files of mnist, train-images-idx3-ubyte"),
    (("report", "nowhere"), "nowhere is no run's folder"),
    (("run", "digits", "--seeds", "2", "--seeds=3"), "an option must be given once, --seeds is there twice"),
    (("run", "digits", "--student-hidden", "1000000", "1000000"), "a net must have at most 2,147,483,648 weights"),
    (("run", "digits", "--student.max-norm", "inf"), "max_norm must be > 0"),
    (("run", "digits", "--smoke", "--out", "file/run"), "cannot write file/run: Not a directory"),
    (("run", "digits", "--smoke", "--out", "others"), "others must be empty or a run's folder, it holds other things"),
    (("run", "digits", "--smoke", "--out", "/proc/run"), "cannot write /proc/run"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_gets_one_message_and_exit_code_2(tmp_path, arguments, message):
    (tmp_path / "file").write_text("")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "thesis.tex").write_text("mine")
    done = limbeck(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert (tmp_path / "others" / "thesis.tex").read_text() == "mine"


def test_a_damaged_store_in_a_run_is_said(smoke, tmp_path):
    folder, _ = smoke
    shard = folder / "run" / "seed-0" / "targets" / "teacher-0" / "00000.arrow"
    whole = shard.read_bytes()
    try:
        shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        (folder / "run" / "seed-0" / "student" / "model.safetensors").rename(tmp_path / "kept")
        done = limbeck("run", "digits", "--smoke", "--seeds", 2, "--out", folder / "run", cwd=folder)
        assert done.returncode == 2
        assert "00000.arrow is damaged: its checksum is not the manifest's" in done.stderr
    finally:
        shard.write_bytes(whole)
        (tmp_path / "kept").rename(folder / "run" / "seed-0" / "student" / "model.safetensors")


@pytest.mark.parametrize("damage", ["{", "{}", '{"seconds": {"ensemble": 1.0}, "latency_ms": {"ensemble": 1.0}}'])
def test_damaged_times_in_a_run_are_said(smoke, tmp_path, damage):
    shutil.copytree(smoke[0] / "run", tmp_path / "run")
    (tmp_path / "run" / "seed-1" / "times.json").write_text(damage)
    done = limbeck("run", "digits", "--smoke", "--seeds", 2, "--out", tmp_path / "run", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "times.json is damaged: " in done.stderr


def test_list_tells_what_each_recipe_is_and_came_to(tmp_path):
    done = limbeck("list", cwd=tmp_path)
    assert re.search("^digits +Ten nets into one", done.stdout, re.MULTILINE)
    told = json.loads(limbeck("list", "--json", cwd=tmp_path).stdout)
    assert [entry["recipe"] for entry in told] == [recipe.name for recipe in RECIPES]


def test_help_is_there_for_every_verb_and_does_not_wait_for_torch(tmp_path):
    for arguments in (
        ("--help",),
        (),
        ("run", "--help"),
        ("list", "--help"),
        ("report", "--help"),
        ("compare", "--help"),
        ("soften", "--help"),
        ("distill", "--help"),
        ("targets",),
    ):
        done = limbeck(*arguments, cwd=tmp_path)
        assert done.returncode == 0
        assert "limbeck" in done.stdout
    assert "--temperature FLOAT" in limbeck("run", "digits", "--help", cwd=tmp_path).stdout
    program = "import sys, limbeck.cli; limbeck.cli.main(['--help']); assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)


def test_a_full_disk_is_said_and_the_run_goes_on_afterwards(tmp_path):
    """A limit on the size of a file stands in for a disk that fills up."""
    import resource

    def tight():
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    command = ("run", "digits", "--smoke", "--seeds", 1, "--out", "r", "--quiet")
    done = limbeck(*command, cwd=tmp_path, preexec_fn=tight)
    assert done.returncode == 2, done.stderr
    assert "cannot write" in done.stderr
    assert "File too large" in done.stderr
    assert limbeck(*command, cwd=tmp_path).returncode == 0


def test_controls_and_seeds_come_and_stay(tmp_path):
    options = ("--members", 1, "--teacher.epochs", 1, "--student.epochs", 1, "--out", "r", "--quiet")
    with_control = limbeck("run", "digits", *options, "--controls", "smoothed", "permuted", cwd=tmp_path)
    assert with_control.returncode == 0, with_control.stderr
    names = [line.rsplit("  1  ", 1)[0].strip() for line in with_control.stdout.splitlines()[1:6]]
    assert names[3:] == [
        "student, control: labels smoothed to equal entropy",
        "student, control: other classes permuted",
    ]
    assert "than its control “other classes permuted” (" in with_control.stdout
    without = limbeck("run", "digits", *options, "--seeds", 2, cwd=tmp_path)
    assert without.returncode == 2
    assert "a finished run of more than was asked for (--seeds 1 --controls smoothed permuted)" in without.stderr
    more = limbeck("run", "digits", *options, "--seeds", 2, "--controls", "permuted", "smoothed", cwd=tmp_path)
    assert more.returncode == 0, more.stderr
    assert json.loads((tmp_path / "r" / "run.json").read_bytes())["seeds"] == 2


def test_the_cache_is_where_one_says(tmp_path):
    done = limbeck("run", "mnist", "--smoke", "--data", tmp_path / "none", "--cache", tmp_path / "c", cwd=tmp_path)
    assert done.returncode == 2
    assert "must hold" in done.stderr or "give the folder" in done.stderr


@pytest.mark.parametrize(
    ("given", "expected"), [({"LIMBECK_CACHE": "/a"}, "/a"), ({"XDG_CACHE_HOME": "/b"}, "/b/limbeck")]
)
def test_the_cache_is_told_by_the_environment(given, expected, monkeypatch):
    for name in ("LIMBECK_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert default_cache() == Path(expected)
