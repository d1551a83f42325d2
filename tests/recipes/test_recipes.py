"""Each recipe's road in seconds; digits is taken by the command-line tests."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import LOADERS, run_small, settings

import limbeck
from limbeck import ArgumentError
from limbeck.data import Jitter, TransferSet
from limbeck.progress import Progress
from limbeck.recipes import (
    RECIPES,
    letters,
    mnist,
    mnist_best,
    mnist_ensemble,
    mnist_few,
    mnist_missing,
    mnist_objectives,
    mnist_temperature,
    mnist_unlabelled,
)
from limbeck.runs import Run
from limbeck.study import Study

small_mnist = LOADERS["load_mnist"]


def test_mnist_compares_student_and_twin(tmp_path, monkeypatch):
    result = run_small(mnist, mnist.Mnist(), tmp_path, monkeypatch, seeds=1)
    assert settings(result) == ["teacher", "twin", "student"]
    assert [line["paper's errors"] for line in result.table] == ["67", "146", "74"]
    assert "exact McNemar p" in result.findings[0]
    assert "latency p50 (ms)" in result.table[0]
    assert result.report.exists()


def test_the_mnist_recipes_share_their_nets(tmp_path, monkeypatch):
    run_small(mnist, mnist.Mnist(), tmp_path, monkeypatch)
    before = len(list((tmp_path / "nets").iterdir()))
    assert before == 1 + 2 * 2
    run_small(mnist_missing, mnist_missing.MnistMissing(), tmp_path, monkeypatch)
    assert len(list((tmp_path / "nets").iterdir())) == before + 2 * 2  # the teacher and the whole student are there
    assert len(list((tmp_path / "targets").glob("*/manifest.json"))) == 1


def test_mnist_temperature_draws_what_it_varied(tmp_path, monkeypatch):
    result = run_small(mnist_temperature, mnist_temperature.MnistTemperature(), tmp_path, monkeypatch)
    assert settings(result)[:3] == ["teacher", "twin, 30 units", "student, 30 units, T=1"]
    assert len(result.table) == 1 + 2 * (1 + 4)
    assert "Test errors by temperature and size" in result.report.read_text()
    assert [said.split()[0] for said in result.findings] == ["300", "30"]


def test_mnist_missing_tells_both_corrections(tmp_path, monkeypatch):
    result = run_small(mnist_missing, mnist_missing.MnistMissing(), tmp_path, monkeypatch)
    by_name = {(row["setting"], row["metric"]): row for row in result.rows}
    for name in (mnist_missing.NO_THREES, mnist_missing.SEVENS_EIGHTS):
        plain, validation, test = (
            by_name[setting, "test errors"]["mean"]
            for setting in (name, f"{name}, bias from validation", f"{name}, bias from the test set")
        )
        assert test <= min(plain, validation)
    assert by_name["student, 3s missing, bias from validation, on 3s", "accuracy"]["n"] == 2
    assert by_name["student, 3s missing, bias from the test set", "test errors"]["paper"] == 109
    assert by_name["student, 3s missing, bias from validation", "test errors"]["paper"] is None


def test_mnist_few_draws_parts_by_the_seed_the_smaller_from_the_larger():
    train = small_mnist()[0]
    small, large = (set(mnist_few.part_of(train, fraction, 0).ids.tolist()) for fraction in (0.1, 0.3))
    assert (len(small), len(large)) == (30, 90)
    assert small < large
    assert set(mnist_few.part_of(train, 0.1, 1).ids.tolist()) != small


def test_mnist_few_gives_a_part_the_same_steps_and_labels_alone_may_stop_early(tmp_path, monkeypatch):
    config = mnist_few.MnistFew(steps=400, batches=8)
    part = mnist_few.part_of(small_mnist()[0], 0.3, 0)
    budget = config.budget_for(part, config.steps)
    assert (budget.batch_size, budget.epochs) == (11, 49)
    assert budget.learning_rate == pytest.approx(5e-3 * (11 / 256) ** 0.5)
    assert budget.early_stop is None
    assert config.stopping_early(budget).early_stop == 10
    result = run_small(mnist_few, mnist_few.MnistFew(), tmp_path, monkeypatch)
    assert settings(result)[1:] == [
        "twin, 100% labels",
        "student, 100% soft",
        "twin, 30% labels, early stopping",
        "twin, 30% labels",
        "student, 30% soft",
        "twin, 100% labels, with views",
        "student, 100% soft, with views",
        "twin, 30% labels, with views",
        "student, 30% soft, with views",
    ]
    starts = [said.split(":")[0] for said in result.findings]
    assert starts == ["30% of the data", "30% of the data, all with views"]


def test_each_control_of_mnist_few_is_compared_with_its_own_student(tmp_path, monkeypatch):
    result = run_small(mnist_few, mnist_few.MnistFew(), tmp_path, monkeypatch, controls=("permuted", "random"))
    told = [said.split(" makes ")[0] for said in result.findings if "its control" in said]
    assert told == ["The student, 30% soft"] * 2 + ["The student, 30% soft, with views"] * 2


def test_what_is_lost_is_told_where_something_is():
    assert mnist_few._lost(0.99, 0.95, 0.98) == "; they lose 25% of what labels lose"
    assert mnist_few._lost(0.95, 0.9, 0.96) == ""


def test_mnist_unlabelled_needs_no_labels(tmp_path, monkeypatch):
    config = replace(mnist_unlabelled.MnistUnlabelled(), labelled=0.2)
    result = run_small(mnist_unlabelled, config, tmp_path, monkeypatch)
    names = [
        "twin, 20% labels, early stopping",
        "twin",
        "student, no labels",
        "student, 20% labels",
        "student, all labels",
    ]
    assert settings(result)[1:] == names
    assert len(result.findings) == 4


def test_mnist_ensemble_takes_both_means_and_one_member_a_seed(tmp_path, monkeypatch):
    result = run_small(mnist_ensemble, mnist_ensemble.MnistEnsemble(), tmp_path, monkeypatch)
    names = ["teacher", "ensemble, arithmetic mean", "ensemble, geometric mean", "twin", "student, one teacher"]
    assert settings(result) == [*names, "student, arithmetic mean", "student, geometric mean"]
    assert next(row["n"] for row in result.rows if row["setting"] == "teacher") == 2
    one = next(row for row in result.rows if row["setting"] == "student, one teacher" and row["metric"] == "NLL")
    assert one["values"][0] != one["values"][1]


def test_mnist_best_adds_one_means_after_the_other(tmp_path, monkeypatch):
    result = run_small(mnist_best, mnist_best.MnistBest(), tmp_path, monkeypatch)
    assert settings(result)[3:] == [*mnist_best.STEPS[:-1], mnist_best.OTHER, mnist_best.BEST, mnist_best.TWIN]
    told = [said.split(": ")[0] for said in result.findings if ": " in said]
    assert told == [*mnist_best.MEANS.values(), "T = 4, not 20"]


class Planned(Exception):
    """Raised in the place of the comparison."""


def arms_of(module, config, folder, monkeypatch, seed=0):
    """What a recipe would train for a seed, by setting."""
    planned = {}

    def compare(self, arms_of, controlled=(), random_teacher=None):
        planned.update((arm.setting, arm) for arm in arms_of(seed))
        raise Planned

    monkeypatch.setattr("limbeck.study.Study.compare", compare)
    with pytest.raises(Planned):
        run_small(module, config, folder, monkeypatch)
    return planned


def labels_in(arm):
    return set(arm.transfer_set.labels_at(arm.transfer_set.ids).tolist())


def test_each_objective_is_tried_and_chosen_on_held_out_images(tmp_path, monkeypatch):
    config = mnist_objectives.MnistObjectives()
    arms = arms_of(mnist_objectives, config, tmp_path, monkeypatch)
    told = {
        name.removeprefix("student, "): arm.objective.spec() | {"store": ""} for name, arm in list(arms.items())[1:]
    }
    plain = {"name": "soft targets", "store": "", "hard_weight": 0.0}
    later = plain | {"name": "beyond the paper", "soft_loss": "divergence", "standardise": False, "weights": None}
    decoupled = later | {"soft_loss": "decoupled", "weights": [1.0, 8.0]}
    assert told == {
        "divergence, T=4": plain | {"temperature": 4.0},
        "divergence, T=20": plain | {"temperature": 20.0},
        "DKD, T=4, weight 8": decoupled | {"temperature": 4.0},
        "DKD, T=20, weight 8": decoupled | {"temperature": 20.0},
        "DIST, T=4": later | {"soft_loss": "correlation", "temperature": 4.0},
        "DIST, T=20": later | {"soft_loss": "correlation", "temperature": 20.0},
        "standardised logits, T=2": later | {"standardise": True, "temperature": 2.0},
    }
    by_name = {"T=4": 3.0, "T=20": 2.0, "T=4, weight 8": 1.0, "T=20, weight 8": 5.0, "T=2": 9.0}
    monkeypatch.undo()
    named = {}
    own = Study.compare

    def compare(self, arms_of, controlled=(), random_teacher=None):
        found = own(self, arms_of, controlled, random_teacher)
        named.update((id(trials), setting.split(", ", 2)[-1]) for setting, trials in found.items())
        return found

    monkeypatch.setattr(Study, "compare", compare)
    monkeypatch.setattr(Study, "validation_errors", lambda self, trials: [by_name[named[id(trials)]]])
    result = run_small(mnist_objectives, config, tmp_path, monkeypatch)
    assert [said.split(", the best of its tries")[0] for said in result.findings] == [
        "The student, DKD, T=4, weight 8",
        "The student, DIST, T=20",
        "The student, standardised logits, T=2",
    ]
    assert all("than the student, divergence, T=20, the best of its own," in said for said in result.findings)


def test_the_objectives_controls_are_those_of_the_divergence(tmp_path, monkeypatch):
    config = mnist_objectives.MnistObjectives()
    result = run_small(mnist_objectives, config, tmp_path, monkeypatch, controls=("permuted",))
    controlled = {row["setting"] for row in result.rows if "permuted" in row["setting"]}
    assert len(controlled) == 2
    assert all(setting.startswith("student, divergence, T=") for setting in controlled)
    assert len(result.findings) == 4
    assert "its control “other classes permuted”" in result.findings[-1]


def test_a_student_of_missing_classes_never_sees_them(tmp_path, monkeypatch):
    arms = arms_of(mnist_missing, mnist_missing.MnistMissing(), tmp_path, monkeypatch)
    assert labels_in(arms["student"]) == set(range(10))
    assert labels_in(arms["student, 3s missing"]) == set(range(10)) - {3}
    assert labels_in(arms["student, 7s and 8s alone"]) == {7, 8}
    assert {arm.objective.hard_weight for arm in arms.values()} == {0.0}


def test_only_labels_alone_stop_early(tmp_path, monkeypatch):
    arms = arms_of(mnist_few, mnist_few.MnistFew(), tmp_path, monkeypatch)
    assert [name for name, arm in arms.items() if arm.budget.early_stop is not None] == [
        "twin, 30% labels, early stopping"
    ]
    part = [arms[name].transfer_set.ids.tolist() for name in ("twin, 30% labels", "student, 30% soft")]
    assert part[0] == part[1]
    assert len(part[0]) == 75
    assert len(arms["student, 100% soft"].transfer_set) == 250


def test_nets_with_views_see_the_same_views_and_spend_the_same(tmp_path, monkeypatch):
    arms = arms_of(mnist_few, mnist_few.MnistFew(), tmp_path, monkeypatch)
    for share in ("30%", "100%"):
        twin, student = arms[f"twin, {share} labels, with views"], arms[f"student, {share} soft, with views"]
        assert twin.transfer_set.view == student.transfer_set.view == Jitter(2)
        assert twin.transfer_set.ids.tolist() == student.transfer_set.ids.tolist()
        assert twin.budget == student.budget
        assert twin.objective.num_views == student.objective.num_views == 2
    assert arms["student, 30% soft, with views"].transfer_set.ids.tolist() == (
        arms["student, 30% soft"].transfer_set.ids.tolist()
    )


def test_what_has_no_labels_has_none(tmp_path, monkeypatch):
    config = mnist_unlabelled.MnistUnlabelled(labelled=0.2)
    arms = arms_of(mnist_unlabelled, config, tmp_path, monkeypatch)
    assert arms["student, no labels"].transfer_set.labels is None
    assert arms["student, no labels"].objective.hard_weight == 0
    some = arms["student, 20% labels"]
    assert some.objective.hard_weight == 0.1
    assert (
        some.transfer_set.labelled().ids.tolist() == arms["twin, 20% labels, early stopping"].transfer_set.ids.tolist()
    )
    assert len(some.transfer_set) == 250
    assert len(arms["twin, 20% labels, early stopping"].transfer_set) == 50


def test_each_means_changes_one_thing(tmp_path, monkeypatch):
    arms = arms_of(mnist_best, mnist_best.MnistBest(), tmp_path, monkeypatch)
    told = {}
    for name in (*mnist_best.STEPS, mnist_best.OTHER):
        arm = arms[name]
        store = arm.objective.soft_targets
        view = arm.transfer_set.view.spec()["name"]
        told[name] = (list(store.weights), arm.objective.temperature, view, store.num_views)
    plain, convolution, views, several, best, other = told.values()
    assert plain == convolution == ([1.0], 20.0, "plain", 1)
    assert (
        arms[mnist_best.PLAIN].objective.soft_targets.folder
        != arms[mnist_best.CONVOLUTION].objective.soft_targets.folder
    )
    assert views == ([1.0, 0.0], 20.0, "elastic", 2)
    assert several == best == ([0.5, 0.5], 20.0, "elastic", 2)
    assert other == ([0.5, 0.5], 4.0, "elastic", 2)
    twin = arms[mnist_best.TWIN]
    assert (twin.budget, twin.objective.num_views) == (arms[mnist_best.BEST].budget, 2)
    assert twin.transfer_set.view == arms[mnist_best.BEST].transfer_set.view


def test_the_gain_is_that_over_the_teachers_of_the_single_students():
    said, rows = mnist_ensemble._gain(
        [100, 90], 85, {mnist_ensemble.SINGLE: [110, 106], "student, m mean": [104, 104]}, "m"
    )
    assert rows[0]["values"] == [pytest.approx(0.4)]
    assert "makes 85 errors, the teachers of the single students 95.0; of that gain 40% reaches the student" in said[0]
    assert mnist_ensemble._gain([80], 85, {}, "m") == ([], [])


def test_the_honest_bias_is_that_of_the_held_out_images(tmp_path, monkeypatch):
    asked = []
    own = limbeck.judge.class_bias
    monkeypatch.setattr("limbeck.judge.class_bias", lambda *told: asked.append(len(told[1])) or own(*told))
    run_small(mnist_missing, mnist_missing.MnistMissing(), tmp_path, monkeypatch, seeds=1)
    assert asked == [50, 100, 50, 100]  # validation, test; for 3s, for 7s and 8s


def test_agreement_is_with_who_taught(tmp_path, monkeypatch):
    asked = []
    own = Study.rows
    monkeypatch.setattr(
        Study, "rows", lambda self, trials, logits: asked.append((list(trials), logits)) or own(self, trials, logits)
    )
    run_small(mnist_best, mnist_best.MnistBest(), tmp_path, monkeypatch, seeds=1)
    by_name = {names[0]: logits for names, logits in asked}
    one = [by_name[name] for name in (mnist_best.CONVOLUTION, mnist_best.VIEWS)]
    assert all(torch.equal(logits, one[0]) for logits in one)
    assert torch.equal(by_name[mnist_best.SEVERAL], by_name[mnist_best.BEST])
    assert not torch.equal(by_name[mnist_best.PLAIN], one[0])
    assert not torch.equal(by_name[mnist_best.BEST], one[0])
    assert by_name["teacher, the paper's"] is None


def test_controls_stand_beside_the_student(tmp_path, monkeypatch):
    controls = ("smoothed", "permuted", "random")
    result = run_small(mnist, mnist.Mnist(), tmp_path, monkeypatch, controls=controls)
    assert [name.partition(", control: ")[2] for name in settings(result)[3:]] == [
        "labels smoothed to equal entropy",
        "other classes permuted",
        "untrained teacher",
    ]
    assert [said for said in result.findings if "its control “" in said] == result.findings[-3:]


@pytest.mark.parametrize(
    ("module", "config", "rule"),
    [
        (mnist, mnist.Mnist(temperature=0.0), "temperature must be > 0"),
        (mnist, mnist.Mnist(hard_weight=2.0), "hard_weight must lie in 0..1"),
        (mnist, mnist.Mnist(student_hidden=(0,)), "widths must be"),
        (mnist_temperature, mnist_temperature.MnistTemperature(units=()), "units must be one or more different"),
        (mnist_temperature, mnist_temperature.MnistTemperature(temperatures=(4.0, 4.0)), "temperatures must be one or"),
        (mnist_temperature, mnist_temperature.MnistTemperature(temperatures=(4.0, 4.0000001)), "temperatures must be"),
        (
            mnist_temperature,
            mnist_temperature.MnistTemperature(student_hidden=(9,)),
            "student_hidden must be left as it is",
        ),
        (mnist, mnist.Mnist(jitter=-1), "jitter must be >= 0 pixels"),
        (mnist, mnist.Mnist(jitter=29), "jitter must not exceed the image"),
        (mnist_few, mnist_few.MnistFew(fractions=(0.99999,)), "must take between 1 and"),
        (mnist_temperature, mnist_temperature.MnistTemperature(temperatures=(0.0,)), "temperature must be > 0"),
        (mnist_ensemble, mnist_ensemble.MnistEnsemble(members=1), "members must lie in 2..100"),
        (mnist_unlabelled, mnist_unlabelled.MnistUnlabelled(labelled=0.99999), "must take between 1 and"),
        (mnist_objectives, mnist_objectives.MnistObjectives(hard_weight=0.1), "hard_weight must be 0 where"),
        (mnist_objectives, mnist_objectives.MnistObjectives(others_weights=(-1.0,)), "others_weights must be >= 0"),
        (mnist_objectives, mnist_objectives.MnistObjectives(temperature=4.0), "temperature must be left as it is, for"),
        (mnist_best, mnist_best.MnistBest(bend=29.0), "elastic must not exceed the image"),
        (mnist_best, mnist_best.MnistBest(bend=-1.0), "elastic takes pixels and bend >= 0"),
        (mnist_best, mnist_best.MnistBest(views=1), "views must lie in 2..10,000, got 1"),
        (mnist_few, mnist_few.MnistFew(fractions=(0.5, 1.0)), "fractions must lie between 0 and 1"),
        (mnist_few, mnist_few.MnistFew(fractions=()), "fractions must be one or more different"),
        (mnist_few, mnist_few.MnistFew(patience=0.0), "patience must lie in 0..1"),
        (mnist_unlabelled, mnist_unlabelled.MnistUnlabelled(labelled=0.0), "lie between 0 and 1"),
    ],
)
def test_what_no_recipe_can_do_is_refused_before_anything_is_trained(module, config, rule, tmp_path, monkeypatch):
    monkeypatch.setattr(type(config), "smoke", lambda self: self)
    with pytest.raises(ArgumentError, match=rule):
        run_small(module, config, tmp_path, monkeypatch)
    assert not (tmp_path / "nets").exists()
    assert not list(tmp_path.glob("*/run.json"))


def test_the_papers_two_statements_on_temperature_are_tested():
    steady = {(300, t): [70.0, 72.0, 71.0] for t in (8.0, 20.0, 50.0)}
    assert "“fairly similar” holds to within 10 errors" in mnist_temperature._large(steady)[0]
    rising = steady | {(300, 50.0): [90.0, 91.0, 93.0]}
    assert "is not shown" in mnist_temperature._large(rising)[0]
    assert "T=8 less T=50, -20.3 errors" in mnist_temperature._large(rising)[0]
    small = {(30, 1.0): [330.0, 331, 333], (30, 4.0): [300.0, 302, 300], (30, 20.0): [320.0, 321, 320]}
    assert "holds; errors at T=4" in mnist_temperature._small(small, small)[0]
    assert "does not hold throughout" in mnist_temperature._small(small | {(30, 20.0): [300.0, 304, 297]}, small)[0]
    assert mnist_temperature._small({(30, 1.0): [1.0]}, {}) == []
    assert mnist_temperature._small({(30, 4.0): [1.0, 2.0]}, {(30, 4.0): [1.0, 2.0]}) == []  # nothing to compare with


def small_letters(folder=None):
    """Noise in the form of letter recognition."""
    generator = np.random.default_rng(0)
    both = TransferSet(
        torch.from_numpy(generator.integers(0, 16, (400, 16), np.uint8)), torch.from_numpy(np.arange(400) % 26)
    )
    return both.subset(torch.arange(300), "letters training set"), both.subset(torch.arange(300, 400), "test set")


def test_letters_takes_its_road_and_changes_nothing_when_it_is_taken_again(tmp_path, monkeypatch):
    monkeypatch.setattr("limbeck.data.load_letters", small_letters)
    config = replace(letters.Letters().smoke(), validation=50)
    run = Run("letters", config, tmp_path / "run", 1, None, Progress(), "limbeck run letters --smoke")
    results = []
    for _ in range(2):
        with run.held():
            results.append(letters.main(config, run))
    first, again = results
    assert first == again
    assert [line["model"] for line in first.table] == [
        "teacher",
        "twin",
        "student",
        "twin, plain rows",
        "twin, rows moved at random",
    ]
    assert first.table[0]["parameters"] == "–"
    assert any("than a net on labels alone, plain rows, (" in finding for finding in first.findings)


def test_every_recipe_tells_what_it_is_and_has_a_smoke_run():
    for recipe in RECIPES:
        assert recipe.summary
        assert f"limbeck run {recipe.name}" in recipe.doc
        assert recipe.config().smoke() != recipe.config()
