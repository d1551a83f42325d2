"""The order in which trackers are asked and told, and what becomes of a run when one of them fails."""

import json
import shutil

import pytest
from finished_runs import rewrite

from limbeck import ArgumentError, RunError, TrackingError
from limbeck.progress import Progress
from limbeck.run_json import read_run
from limbeck.tracking.sending import check, send
from limbeck.tracking.tensorboard import TensorBoard
from limbeck.tracking.tracker import Tracker


class Notebook(Tracker):
    """Takes down what it is asked, and fails where it is told to."""

    def __init__(self, place="here", fails_at=None, error=None):
        self.told, self.where, self.fails_at = [], place, fails_at
        self.error = error or OSError("no space left")

    name = property(lambda self: "notebook")
    version = property(lambda self: "1")
    place = property(lambda self: f"the notebook {self.where}")

    def _take(self, what, value=None):
        if what == self.fails_at:
            raise self.error
        self.told.append((what, value))

    def check(self):
        self._take("check")

    def owns(self, entry):
        return (entry["name"], entry["where"]) == ("notebook", self.where)

    def open(self, known):
        self._take("open", known)
        return {"name": "notebook", "where": self.where, "id": known["id"] if known else "first"}

    def log_hyperparams(self, params, *args, **kwargs):
        self._take("settings", params)

    def log_metrics(self, metrics, step=None):
        self._take("figures", (step, metrics))

    def log_tags(self, tags):
        self._take("tags", tags)

    def log_findings(self, findings, report):
        self._take("findings", report)

    def log_files(self, files):
        self._take("files", {path.name: path.read_bytes() for path in files})

    def finalize(self, status):
        self._take("end", status)


class Page:
    """Draws what run.json tells of trackers."""

    drawn = 0

    def __call__(self, folder):
        self.drawn += 1
        (folder / "report.html").write_text(json.dumps(read_run(folder)["trackers"]))


def test_a_tracked_run_is_made_then_linked_then_told(run):
    notebook, page = Notebook(), Page()
    before = read_run(run)["trackers"]
    send(run, [notebook], page, Progress())
    entry = {"name": "notebook", "where": "here", "id": "first"}
    assert read_run(run)["trackers"] == [*before, entry]
    order = list(dict.fromkeys(what for what, _ in notebook.told))
    assert order == ["open", "settings", "figures", "tags", "findings", "files", "end"]
    told = dict(notebook.told)
    assert told["open"] is None
    assert told["settings"] == read_run(run)["config"]
    assert json.loads(told["files"]["report.html"]) == [*before, entry]  # drawn with the link before it was sent
    assert told["files"]["run.json"] == (run / "run.json").read_bytes()
    assert told["findings"] == "report.html"
    assert told["end"] == "success"


def test_curves_are_told_to_who_has_not_got_them(run):
    notebook = Notebook()
    send(run, [notebook], Page(), Progress())
    names = {name for what, told in notebook.told if what == "figures" for name in told[1]}
    assert {"seed_0/student/loss", "seed_1/twin/validation_nll", "student/test_errors"} <= names


def test_who_has_the_curves_is_told_only_those_that_lie_elsewhere(run):
    class Having(Notebook):
        has_curves = True

    def curves_told(notebook):
        send(run, [notebook], Page(), Progress())
        told = [name for what, own in notebook.told if what == "figures" for name in own[1]]
        return {name.rpartition("/")[0] for name in told if name.startswith("seed_")}

    nets = {f"seed_{seed}/{net}" for seed in (0, 1) for net in ("twin", "student")}
    assert not Notebook().has_curves
    assert curves_told(Notebook()) == nets
    assert curves_told(Having("there")) == set()
    shutil.rmtree(run / "seed-1" / "student" / "tensorboard")  # as of one that lies in the cache
    assert curves_told(Having("there")) == {"seed_1/student"}


def test_told_again_it_goes_on_with_the_same_tracked_run_and_the_page_stays(run):
    page = Page()
    send(run, [Notebook()], page, Progress())
    again = Notebook()
    send(run, [again], page, Progress())
    assert again.told[0] == ("open", {"name": "notebook", "where": "here", "id": "first"})
    assert page.drawn == 1
    send(run, [Notebook("there")], page, Progress())
    assert [entry["where"] for entry in read_run(run)["trackers"]] == ["tensorboard", "here", "there"]


def test_where_the_tracked_run_is_is_said(run):
    class Saying(Progress):
        said = ()

        def say(self, text):
            self.said = (*self.said, text)

    progress = Saying()
    send(run, [TensorBoard(run / "tensorboard"), Notebook()], Page(), progress)
    assert progress.said == (f"tensorboard: {run / 'tensorboard'}", "notebook: here")


@pytest.mark.parametrize("fails_at", ["open", "settings", "figures", "files", "end"])
def test_one_that_fails_leaves_the_run_whole_and_the_others_told(run, fails_at):
    before = read_run(run)["rows"]
    good = Notebook("good")
    with pytest.raises(TrackingError) as caught:
        send(run, [Notebook("bad", fails_at), good], Page(), Progress())
    assert caught.value.message == "the notebook bad can't take down the run: no space left"
    assert caught.value.hint == f"the run's results are whole in {run}: the same command sends them"
    assert good.told[-1] == ("end", "success")
    assert read_run(run)["rows"] == before
    assert ("bad" in [entry["where"] for entry in read_run(run)["trackers"]]) == (fails_at != "open")


def test_all_that_fail_are_told_and_what_is_not_installed_has_its_hint(run):
    broken = [Notebook("a", "open"), Notebook("b", "settings", ModuleNotFoundError("No module named 'notebook'"))]
    with pytest.raises(TrackingError) as caught:
        send(run, broken, Page(), Progress())
    assert caught.value.message == (
        "the notebook a can't take down the run: no space left; "
        "notebook must be installed, it is not whole: No module named 'notebook'"
    )
    assert caught.value.hint is not None
    assert caught.value.hint.endswith("; pip install 'limbeck[notebook]'")


def test_before_the_training_what_is_wrong_is_said(run):
    check(Notebook())
    with pytest.raises(
        TrackingError, match="the notebook here can't take down the run: no space left\n\nhint: nothing"
    ):
        check(Notebook(fails_at="check"))
    with pytest.raises(ArgumentError, match="mine"):
        check(Notebook(fails_at="check", error=ArgumentError("mine")))


def test_a_damaged_list_of_trackers_is_said(run):
    rewrite(run, trackers=[{"name": "mlflow"}])
    with pytest.raises(RunError, match=r"run.json is damaged: .*trackers"):
        send(run, [Notebook()], Page(), Progress())
