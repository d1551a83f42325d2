"""A study: arms share starts, nets are trained once, processes share the work."""

import contextlib
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from limbeck import ArgumentError, Budget, Ensemble, RunError, SoftTargets, TargetsError, TransferSet
from limbeck.conclusion import read_judged
from limbeck.files import locked
from limbeck.judge import fidelity_on_training, fit_temperature, judgement_of, read_judgement
from limbeck.models import MLP
from limbeck.progress import Progress
from limbeck.road import student_seed
from limbeck.run_json import read_run
from limbeck.runs import Run
from limbeck.study import Arm, Study, as_trained, near
from limbeck.teachers import InBfloat16, seeded
from limbeck.teachers.fingerprints import weights_fingerprint
from limbeck.training import FromLabels, FromSoftTargets
from limbeck.training.loop import _Training

QUICK = Budget(epochs=2, batch_size=16, learning_rate=1e-2, precision="32-true")


def blobs(count, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    return TransferSet(torch.randn(count, 6, generator=generator) + torch.eye(3).repeat(1, 2)[labels], labels)


def net():
    return MLP([6, 8, 3])


def study_in(folder, seeds=2, **options):
    run = Run("study", QUICK, folder / "run", seeds, None, Progress(), "command", cache=folder / "cache", **options)
    return Study(run, blobs(64, 0), blobs(16, 1), blobs(32, 2))


def two_arms(study):
    [teacher] = study.teach("teacher", net, study.train, QUICK)
    targets = study.soften(teacher.net, study.train)
    return [
        Arm("twin", net, study.train, FromLabels(), QUICK),
        Arm("student", net, study.train, FromSoftTargets(targets, 4.0, 0.0), QUICK),
    ]


@pytest.fixture
def untrainable(monkeypatch):
    """After this no net is trained."""

    def stop():
        def epoch(self):
            raise AssertionError("a net is trained that was there")

        monkeypatch.setattr(_Training, "_epoch", epoch)

    return stop


def test_each_arm_is_trained_once_a_seed_and_never_again(tmp_path, untrainable):
    study = study_in(tmp_path)
    arms = two_arms(study)
    first = study.compare(lambda _: arms)
    assert list(first) == ["twin", "student"]
    assert [len(own) for own in first.values()] == [2, 2]
    assert first["twin"][0].test_logits.shape == (32, 3)
    assert first["twin"][0].validation_logits.shape == (16, 3)
    assert not torch.equal(first["twin"][0].test_logits, first["twin"][1].test_logits)
    untrainable()
    other = study_in(tmp_path / "elsewhere", seeds=1)
    other = Study(Run("other", QUICK, tmp_path / "o", 1, None, Progress(), "", cache=tmp_path / "cache"), *sets(other))
    again = other.compare(lambda _: two_arms(other))
    assert torch.equal(again["student"][0].test_logits, first["student"][0].test_logits)
    assert again["student"][0].fitted.seconds == first["student"][0].fitted.seconds
    assert again["student"][0].fitted.start == first["student"][0].fitted.start == first["twin"][0].fitted.start


def sets(study):
    return study.train, study.validation, study.test


def test_arms_of_a_seed_start_alike(tmp_path):
    study = study_in(tmp_path)
    still = Budget(epochs=1, batch_size=64, learning_rate=1e-12)
    arms = [Arm(name, net, study.train, FromLabels(views), still) for name, views in (("a", None), ("b", 1))]
    found = study.compare(lambda _: arms)
    assert torch.allclose(found["a"][0].test_logits, found["b"][0].test_logits, atol=1e-6)
    assert not torch.allclose(found["a"][0].test_logits, found["a"][1].test_logits, atol=1e-2)


@contextlib.contextmanager
def held_elsewhere(lock, until):
    """Another thread holds a lock until an event, or for 20 s."""
    held = threading.Event()

    def hold():
        with locked(lock):
            held.set()
            until.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    yield
    thread.join()


def test_what_another_process_trains_is_put_off_and_then_waited_for(tmp_path):
    study = study_in(tmp_path, seeds=1)
    arms = two_arms(study)
    study.compare(lambda _: arms)
    weights = {name: own[0].weights for name, own in study.compare(lambda _: arms).items()}
    for path in weights.values():
        path.unlink()
    lock, trained = weights["twin"].parent / ".lock", threading.Event()
    order = []
    own_trial = Study._trial

    def trial(self, arm, seed, *, wait):
        order.append((arm.setting, wait))
        if wait:
            trained.set()
        return own_trial(self, arm, seed, wait=wait)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Study, "_trial", trial)
        with held_elsewhere(lock, trained):
            found = study.compare(lambda _: arms)
    assert order[:2] == [("twin", False), ("student", False)]
    assert order[-1] == ("twin", True)
    assert list(found) == ["twin", "student"]


def test_with_nothing_held_out_the_first_seeds_student_is_kept(tmp_path):
    whole = study_in(tmp_path, seeds=2)
    sets = (whole.train, whole.test)
    study = Study.on(whole.run, sets, 0)
    assert study.validation is None
    assert len(study.train) == len(whole.train)
    trials = study.compare(lambda _: two_arms(study))
    assert trials["student"][0].validation_logits is None
    assert "validation_nll" not in trials["student"][0].fitted.history[0]
    study.conclude_taught([], trials, teacher=trials["twin"][0], twin="twin", student="student")
    kept = (study.run.folder / "student.safetensors").read_bytes()
    assert kept == trials["student"][0].weights.read_bytes()


def test_a_study_takes_the_first_examples_and_holds_some_out(tmp_path):
    whole = study_in(tmp_path)
    study = Study.on(whole.run, (whole.train, whole.test), 5, 20, accuracy=True)
    assert sorted([*study.train.ids.tolist(), *study.validation.ids.tolist()]) == whole.train.ids[:20].tolist()
    assert len(study.validation) == 5
    trials = study.compare(lambda _: two_arms(study)[:1])
    rows = {row["metric"]: row["values"] for row in study.rows(trials, None)}
    assert rows["accuracy"] == [pytest.approx(1 - errors / len(study.test)) for errors in rows["test errors"]]
    assert "accuracy" not in {row["metric"] for row in replace(study, accuracy=False).rows(trials, None)}
    with pytest.raises(ArgumentError, match=r"examples must lie in 1\.\."):
        Study.on(whole.run, (whole.train, whole.test), 0, 0)


def test_a_net_that_is_there_is_read_whoever_holds_its_lock(tmp_path):
    study = study_in(tmp_path, seeds=1)
    first = study.compare(lambda _: [two_arms(study)[0]])["twin"][0]
    with locked(first.weights.parent / ".lock"):
        again = study._trial(two_arms(study)[0], 0, wait=False)
    assert torch.equal(first.test_logits, again.test_logits)


def test_targets_that_are_there_are_read_whoever_holds_their_lock(tmp_path):
    study = study_in(tmp_path)
    teacher = net()
    first = study.soften(teacher, study.train)
    with locked(first.folder.with_suffix(".lock")):
        assert study.soften(teacher, study.train).fingerprint == first.fingerprint


def test_waiting_is_told(tmp_path):
    told, lock = [], tmp_path / "net" / ".lock"
    let_go = threading.Event()

    def say(text):
        told.append(text)
        let_go.set()

    with held_elsewhere(lock, let_go), locked(lock, what=tmp_path / "store", say=say):
        assert told == [f"{tmp_path / 'store'} is in use by another limbeck: waiting for it"]


def test_damaged_targets_in_the_cache_are_named(tmp_path):
    study = study_in(tmp_path)
    teacher = net()
    targets = study.soften(teacher, study.train)
    shard = next(targets.folder.rglob("*.arrow"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    with pytest.raises(TargetsError, match=f"hint: delete {targets.folder} and write the soft targets again"):
        study.soften(teacher, study.train).logits(study.train.ids, temperature=1.0)


def test_sets_to_judge_on_have_labels(tmp_path):
    study = study_in(tmp_path)
    some = study.validation.labelled_only(study.validation.ids[:5])
    with pytest.raises(
        ArgumentError, match="must have a label for each row to be judged on, it has 11 of 16 rows without"
    ):
        Study(study.run, study.train, some, study.test)
    with pytest.raises(ArgumentError, match="must have a label for each row to be judged on, it has none"):
        Study(study.run, study.train, study.validation, study.test.without_labels())


def test_teachers_are_one_or_more(tmp_path):
    study = study_in(tmp_path)
    for count in (0, 999):
        with pytest.raises(ArgumentError, match=rf"count must lie in 1..998, got {count}"):
            study.teach("teacher", net, study.train, QUICK, count)


@pytest.mark.parametrize("damage", ["[]", '{"twin": "fast"}', "{"])
def test_damaged_times_are_said(tmp_path, damage):
    study = study_in(tmp_path, seeds=1)
    trials = {name: own[0] for name, own in study.compare(lambda _: two_arms(study)).items()}
    study.run.folder.mkdir(exist_ok=True)
    (study.run.folder / "times.json").write_text(damage)
    with pytest.raises(RunError, match=r"times.json is damaged"):
        study.latencies(trials)


def test_soft_targets_are_written_once(tmp_path):
    study = study_in(tmp_path)
    teacher = net()
    asked = []
    teacher.register_forward_hook(lambda *_: asked.append(1))
    first = study.soften(teacher, study.train)
    rows = len(asked)
    assert study.soften(teacher, study.train).fingerprint == first.fingerprint
    assert len(asked) - rows <= 1  # the classes of a few rows are asked for, no more
    part = study.train.subset(torch.arange(10))
    assert study.soften(teacher, part).folder != first.folder


def test_controls_are_arms_beside_their_setting(tmp_path):
    study = study_in(tmp_path, seeds=1, controls=("smoothed", "permuted", "random"))
    arms = two_arms(study)
    found = study.compare(lambda _: arms, controlled=["student"], random_teacher=net)
    assert list(found) == [
        "twin",
        "student",
        "student, control: labels smoothed to equal entropy",
        "student, control: other classes permuted",
        "student, control: untrained teacher",
    ]
    logits = [own[0].test_logits for own in found.values()]
    assert all(not torch.equal(a, b) for i, a in enumerate(logits) for b in logits[:i])
    told = study.controls_told(found, "student")
    assert len(told) == 3
    assert told[0].startswith("The student makes ")
    assert "test errors than its control “labels smoothed to equal entropy” (" in told[0]


def test_an_ensemble_is_written_once_and_read_with_its_mean(tmp_path):
    study = study_in(tmp_path)
    torch.manual_seed(0)
    nets = [net(), net()]
    arithmetic = study.soften(Ensemble(nets), study.train)
    geometric = study.soften(Ensemble(nets, "geometric", [3, 1]), study.train)
    assert geometric.folder == arithmetic.folder
    assert (geometric.mean, list(geometric.weights)) == ("geometric", [0.75, 0.25])
    assert geometric.fingerprint != arithmetic.fingerprint
    assert arithmetic.fingerprint == SoftTargets.open(arithmetic.folder).fingerprint


def test_controls_of_what_is_no_student_are_refused(tmp_path):
    study = study_in(tmp_path, seeds=1, controls=("smoothed",))
    arm = Arm("twin", net, study.train, FromLabels(), QUICK)
    with pytest.raises(ArgumentError, match="controls need soft targets"):
        study.compare(lambda _: [arm], controlled=["twin"], random_teacher=net)
    with pytest.raises(ArgumentError, match="must be arms, got student"):
        study.compare(lambda _: [arm], controlled=["student"], random_teacher=net)


def test_settings_must_differ(tmp_path):
    study = study_in(tmp_path, seeds=1)
    arm = Arm("twin", net, study.train, FromLabels(), QUICK)
    with pytest.raises(ArgumentError, match="settings must differ"):
        study.compare(lambda _: [arm, arm])


def test_it_ends_in_rows_a_page_and_the_best_student(tmp_path):
    study = study_in(tmp_path)
    study.run.folder.mkdir(exist_ok=True)
    [teacher] = study.teach("teacher", net, study.train, QUICK)
    targets = study.soften(teacher.net, study.train)
    arm = Arm("student", net, study.train, FromSoftTargets(targets, 4.0, 0.0), QUICK)
    found = study.compare(lambda _: [arm])
    logits = study.trial(teacher).test_logits
    rows = study.rows(found, logits)
    errors = next(row for row in rows if row["metric"] == "test errors")
    expected = [int((each.test_logits.argmax(1) != study.labels).sum()) for each in found["student"]]
    assert errors["values"] == expected
    agreement = next(row for row in rows if row["metric"] == "agreement")
    same = [(each.test_logits.argmax(1) == logits.argmax(1)).double().mean().item() for each in found["student"]]
    assert agreement["values"] == pytest.approx(same)
    told = ("teacher", logits)
    result = study.conclude(rows, ["found"], found, teacher=told, asked=teacher.net, twin=None, student="student")
    assert result.table[0]["model"] == "student"
    [spent] = [row["values"] for row in result.rows if row["setting"] == "all trainings"]
    assert spent == pytest.approx([sum(each.seconds for each in (teacher, *(own.fitted for own in found["student"])))])
    assert "found" in result.report.read_text()
    nll = [
        torch.nn.functional.cross_entropy(each.validation_logits, study.validation_labels).item()
        for each in found["student"]
    ]
    best = found["student"][nll.index(min(nll))].weights
    assert (study.run.folder / "student.safetensors").read_bytes() == Path(best).read_bytes()


def test_it_keeps_what_each_net_is_judged_by(tmp_path):
    study = study_in(tmp_path)
    study.run.folder.mkdir(exist_ok=True)
    [fitted] = study.teach("teacher", net, study.train, QUICK)
    teacher, arms = study.trial(fitted), two_arms(study)
    found = study.compare(lambda _: arms)
    study.conclude_taught([], found, teacher=teacher, twin="twin", student="student")
    told = read_run(study.run.folder)
    assert told["cast"] == {"teacher": "teacher", "twin": "twin", "student": "student"}
    assert {setting: len(own) for setting, own in told["judgements"].items()} == {"teacher": 1, "twin": 2, "student": 2}
    trial = found["student"][1]
    judged = read_judgement(told["judgements"]["student"][1])
    held_out = (trial.validation_logits, study.validation_labels)
    assert judged == judgement_of(
        trial.test_logits,
        study.labels,
        held_out=held_out,
        teacher_logits=teacher.test_logits,
        training=fidelity_on_training(trial.net, study.train, arms[1].objective.soft_targets),
        start=weights_fingerprint(seeded(net, student_seed(1))),
    )
    assert judged.training.examples == len(study.train)
    assert judged.temperature == fit_temperature(*held_out)
    twin = read_judgement(told["judgements"]["twin"][1])
    assert (twin.training, twin.start) == (None, judged.start)  # a pair, of which one had no soft targets
    kept = {each.name: each for each in read_judged(study.run.seed_folder(0))}
    assert list(kept) == ["teacher", "twin", "student"]
    for name, own in (("teacher", teacher), ("student", found["student"][0])):
        fitted = fit_temperature(own.validation_logits, study.validation_labels)
        assert kept[name].fitted_temperature() == fitted


def test_without_a_validation_split_nothing_is_fitted_or_kept_of_it(tmp_path):
    whole = study_in(tmp_path, seeds=1)
    whole.run.folder.mkdir(exist_ok=True)
    study = Study(whole.run, whole.train, None, whole.test)
    [fitted] = study.teach("teacher", net, study.train, QUICK)
    found = study.compare(lambda _: [Arm("student", net, study.train, FromLabels(), QUICK)])
    study.conclude_taught([], found, teacher=study.trial(fitted), twin=None, student="student")
    told = read_run(study.run.folder)["judgements"]
    assert [own[0]["temperature"] for own in told.values()] == [None, None]
    assert [each.fitted_temperature() for each in read_judged(study.run.seed_folder(0))] == [None, None]
    assert study.validation_logits(fitted.net) is None


def test_choices_need_held_out_examples(tmp_path):
    whole = study_in(tmp_path)
    study = Study.on(whole.run, (whole.train, whole.test), 0)
    trials = study.compare(lambda _: two_arms(study)[:1])
    with pytest.raises(ArgumentError, match="choices are made by held-out examples"):
        study.validation_errors(trials["twin"])


def test_a_teacher_is_asked_in_the_precision_it_was_trained_in():
    model = net()
    assert as_trained(model, QUICK) is model
    asked = as_trained(model, replace(QUICK, precision="bf16-mixed"))
    assert isinstance(asked, InBfloat16)
    assert asked.net is model


def test_a_teacher_on_another_device_is_brought_there_and_back(monkeypatch):
    monkeypatch.setattr("limbeck.study.device_here", lambda: "meta")
    model = net()
    moved = []
    model.to = lambda device: moved.append(device) or model
    model.cpu = lambda: moved.append("cpu") or model
    with near([model, lambda inputs: inputs]):
        assert moved == ["meta"]
    assert moved == ["meta", "cpu"]


def test_a_study_claims_its_runs_folder_for_the_whole_data_when_the_first_net_is_asked_for(tmp_path):
    study = study_in(tmp_path, seeds=1)
    part = replace(study, train=study.train.subset(study.train.ids[:32]))
    assert not (study.run.folder / "run.json").exists()
    part.compare(lambda _: [Arm("twin", net, part.train, FromLabels(), QUICK)])
    data = [[each.fingerprint, each.labels_fingerprint] for each in (study.train, study.validation, study.test)]
    assert read_run(study.run.folder)["data"] == data
    study.teach("teacher", net, study.train, QUICK)
    study.soften(net(), study.train)
    other = Study(study.run, blobs(64, 3), study.validation, study.test)
    with pytest.raises(RunError, match="holds a run on other data"):
        other.teach("teacher", net, other.train, QUICK)
    with pytest.raises(RunError, match="holds a run on other data"):
        other.soften(net(), other.train)
