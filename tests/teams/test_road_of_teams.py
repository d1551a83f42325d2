"""Section 5's road in seconds: choices on held-out data, tables, rivals, and what a further specialist costs."""

import importlib.util
import re
from dataclasses import replace
from math import ceil, nan
from pathlib import Path

import pytest
import torch
from small_runs import noise_sentences, run_small, settings
from torch.testing import assert_close

from limbeck import ArgumentError, Budget
from limbeck.models import MLP
from limbeck.progress import Progress
from limbeck.recipes import cifar100, clinc150
from limbeck.runs import Run
from limbeck.study import Study
from limbeck.teams import road
from limbeck.teams.costs import equal_cost, examples_seen
from limbeck.teams.plan import Plan
from limbeck.teams.students import ITSELF, STORED, TWIN_LONGER, TWIN_SEEN, Taught, softened
from limbeck.teams.training import Ground, generalists, specialist_arm, specialists, squads
from limbeck.training.loop import _Training

SMALL = {"teams": ((2, 5),), "ways": ("dustbin", "full softmax")}
SETTINGS = ["teacher", "ensemble", "ensemble, 2 generalists", "teacher, generalist 2", "teacher, trained longer"]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patches:
        return run_small(clinc150, clinc150.Clinc150(), tmp_path_factory.mktemp("road"), patches, changes=SMALL)


def values(result):
    return {(row["setting"], row["metric"]): row["values"] for row in result.rows}


def test_the_road_tells_all_settings_and_what_is_chosen(result):
    told = values(result)
    tried = {share: told[f"student, labels' share {share}", "held-out errors"] for share in ("0", "0.5")}
    other = f"student, labels' share {max(tried, key=lambda share: (sum(tried[share]), share))}"
    assert settings(result) == [*SETTINGS, "student", STORED, ITSELF, "twin", TWIN_LONGER, TWIN_SEEN, other]
    assert result.findings[0].startswith("Chosen of 12 tries by errors on held-out examples: ")
    told = " ".join(result.findings)
    for said in (
        "the generalist alone",
        "an ensemble of 2 generalists",
        "trained for as long",
        "the given superclasses",
    ):
        assert said in told
    assert "of its seconds; all together" in result.findings[-1]


def test_tables_add_up(result):
    told = values(result)
    for seed in range(2):
        errors = [told[setting, "test errors"][seed] for setting in ("teacher", "ensemble")]
        covering = [name for name, metric in told if metric == "test examples"]
        assert sum(told[name, "test examples"][seed] for name in covering) == 90
        assert sum(told[name, "right"][seed] for name in covering) == 90 - errors[0]
        assert sum(told[name, "gained"][seed] for name in covering) == errors[0] - errors[1]
        accuracies = [told[setting, "accuracy"][seed] for setting in ("teacher", "ensemble")]
        assert told["ensemble", "relative change"][seed] == pytest.approx(accuracies[1] / accuracies[0] - 1)
    assert told["teacher", "conditional accuracy"] >= told["teacher", "accuracy"]
    paper = {(row["setting"], row["metric"]): row["paper"] for row in result.rows}
    assert paper["ensemble", "conditional accuracy"] == 0.459
    assert paper["ensemble", "relative change"] == 0.044
    assert paper["ensemble, covered by 1", "relative change"] == 0.034


def test_a_specialist_costs_no_more_than_its_share(result):
    told = values(result)
    assert max(told["ensemble, one specialist / generalist, examples seen", "ratio"]) <= 0.5
    assert len(told["ensemble, all specialists / generalist, seconds", "ratio"]) == 2


def test_choices_see_the_held_out_part_alone(tmp_path, monkeypatch):
    seen = []
    own = road.choose

    def choose(ground, trials, stores):
        blind = [replace(trial, test=trial.test.subset(trial.test.ids.flip(0))) for trial in trials]
        assert not torch.equal(blind[0].test_logits, trials[0].test_logits)
        chosen = own(ground, trials, stores)
        seen.append((chosen, own(ground, blind, stores)))
        return chosen

    monkeypatch.setattr(road, "choose", choose)
    run_small(clinc150, clinc150.Clinc150(), tmp_path, monkeypatch, seeds=1, changes=SMALL)
    [(chosen, blind)] = seen
    assert chosen.choice == blind.choice
    assert [each.errors for each in chosen.every] == [each.errors for each in blind.every]
    assert sum(chosen.choice.errors) == min(sum(each.errors) for each in chosen.every)


def trained(monkeypatch):
    """The names of nets that are trained from now on."""
    names, own = [], _Training.run

    def run(self, name, progress):
        names.append(name)
        return own(self, name, progress)

    monkeypatch.setattr(_Training, "run", run)
    return names


@pytest.fixture
def ground(tmp_path):
    sentences = noise_sentences()
    run = Run("own", Budget(), tmp_path / "run", 2, None, Progress(), "command", cache=tmp_path / "cache")
    plan = replace(clinc150.Clinc150().smoke(), **SMALL | {"teams": ((3, 5),)})
    study = Study.on(run, (sentences.train, sentences.test), sentences.validation)
    return Ground(study, plan, lambda: MLP([20, 8, 30]), study.train, study.train, 30)


def test_a_further_specialist_costs_that_one_and_a_killed_run_goes_on_with_what_is_missing(ground, monkeypatch):
    trials = generalists(ground)
    stores = softened(ground, [trial.net for trial in trials], ground.seen, 1)
    whole = squads(ground.plan, trials)[0]
    names, own = trained(monkeypatch), Study._trial

    def killed(self, arm, seed, *, wait):
        if (arm.setting.startswith("specialist 2"), seed) == (True, 1):
            raise KeyboardInterrupt
        return own(self, arm, seed, wait=wait)

    def first(count):
        names.clear()
        squad = replace(whole, sets=tuple(sets[:count] for sets in whole.sets))
        return specialists(ground, squad, trials, stores), [name.split(" of ")[0] for name in names]

    assert whole.number == 3
    monkeypatch.setattr(Study, "_trial", killed)
    with pytest.raises(KeyboardInterrupt):
        first(2)
    monkeypatch.setattr(Study, "_trial", own)
    two, again = first(2)
    assert again == ["seed 1: specialist 2"]
    three, further = first(3)
    assert further == ["seed 0: specialist 3", "seed 1: specialist 3"]
    for seed in range(2):
        for before, after in zip(two[seed], three[seed], strict=False):
            assert torch.equal(before.test_logits, after.test_logits)


def test_a_specialist_starts_as_its_generalist_and_learns_half_its_own(ground):
    trials = generalists(ground)
    [store] = softened(ground, [trials[0].net], ground.seen, 1)
    dustbin, full = squads(ground.plan, trials)
    inputs = ground.study.test.at(ground.study.test.ids)
    for squad in (dustbin, full):
        classes = squad.sets[0][1]
        arm = specialist_arm(ground, squad, trials[0].net, classes, store, "one")
        places = list(range(5)) if squad is dustbin else list(classes)
        assert_close(arm.make_net()(inputs)[:, places], trials[0].net(inputs)[:, list(classes)])
        drawn = ground.seen.labels_at(arm.transfer_set.drawn(0, 0))
        assert set(drawn[::2].tolist()) == set(classes)
        assert not set(drawn[1::2].tolist()) & set(classes)
        assert arm.budget.epochs * arm.transfer_set.num_drawn <= ground.plan.share * len(ground.seen)


def test_rivals_cost_at_least_as_much_as_the_team(ground):
    squad = squads(ground.plan, generalists(ground))[0]
    shares = examples_seen(ground, squad, 0)
    assert len(shares) == 3
    assert max(shares) <= ground.plan.share
    assert equal_cost(ground, squad) == 1 + ceil(sum(shares))


def test_cifar100_takes_the_same_road(tmp_path, monkeypatch):
    few = {"examples": None, "validation": 100, "teams": ((2, 20),), "ways": ("dustbin",), "most_probable": (1,)}
    result = run_small(cifar100, cifar100.Cifar100(), tmp_path, monkeypatch, seeds=1, changes=few)
    assert settings(result)[:5] == SETTINGS
    assert TWIN_SEEN not in settings(result)  # all see the same views
    assert "Chosen of 3 tries" in result.findings[0]


def test_superclasses_are_the_sources():
    names = load_names()
    found = cifar100.superclasses(names)
    assert found is not None
    assert sorted(found) == [number for number in range(20) for _ in range(5)]
    assert cifar100.superclasses(("a", "b")) is None


def load_names():
    from limbeck.data.images import CIFAR100

    return CIFAR100.class_names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teams": ()}, "teams must be one or more different ones, got ()"),
        ({"most_probable": (0, 1)}, "teams and most_probable must be >= 1, got ((10, 15),) and (0, 1)"),
        ({"share": 0.0}, "share must lie above 0 and up to 1, got 0.0"),
        ({"hard_weights": (0.0, 1.0)}, "hard_weights must be >= 0 and < 1, got (0.0, 1.0)"),
        ({"soft_share": 2.0}, "soft_share must lie in 0..1, got 2.0"),
        ({"student_views": 0}, "student_views must lie in 1..10,000, got 0"),
        ({"views": 0}, "views must lie in 1..10,000, got 0"),
    ],
)
def test_a_plan_is_checked(changes, message):
    with pytest.raises(ArgumentError, match=re.escape(message)):
        Plan(**changes).check()


@pytest.mark.parametrize("left_out", [-0.1, 2.0, nan])
def test_what_is_left_out_of_sentences_is_a_probability(left_out):
    with pytest.raises(ArgumentError, match=re.escape(f"left_out must lie in 0..1, got {left_out}")):
        clinc150.Clinc150(left_out=left_out).check()


def test_the_page_has_section_5s_tables(result, monkeypatch):
    path = Path(__file__).parents[2] / "docs" / "figures.py"
    spec = importlib.util.spec_from_file_location("figures", path)
    figures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figures)
    told = {"rows": result.rows, "findings": ["found"], "command": "c", "seeds": 2, "machine": "m", "date": "d"}
    monkeypatch.setattr(figures, "load", lambda name: told)
    lines = figures.section_five("clinc150").splitlines()
    own = values(result)
    means = {key: 100 * sum(each) / len(each) for key, each in own.items()}
    [generalist] = [line for line in lines if line.startswith("| generalist | ")]
    assert generalist.startswith(f"| generalist | 43.1% | {means['teacher', 'conditional accuracy']:.2f} ± ")
    assert f"| 25% | {means['teacher', 'accuracy']:.2f} ± " in generalist
    [once] = [line for line in lines if line.startswith("| 1 | ") and "3.4%" in line]
    assert f"| {means['ensemble, covered by 1', 'test examples'] / 100:.1f}" in once
    heads = [line for line in lines if line.startswith(("| specialists that cover", "| specialist |"))]
    assert len(heads) == 2
    assert sum(line.startswith("| teacher") for line in lines) == 3


def test_the_labels_share_is_the_one_with_the_fewest_held_out_errors():
    assert Taught({}, {0.0: [5.0, 3.0], 0.5: [4.0, 3.0], 0.75: [3.0, 4.0]}).hard_weight == 0.5
