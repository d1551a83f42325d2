"""The map of where specialists pay, in seconds: its points, what stands beside them, and subsets of classes."""

import re
from dataclasses import replace

import pytest
import torch
from small_runs import noise_sentences, run_small

from limbeck import ArgumentError
from limbeck.evidence import mean_of
from limbeck.recipes import cifar100, clinc150, specialists_map
from limbeck.recipes.cifar100_map import Cifar100Map
from limbeck.recipes.specialists_map import SpecialistsMap, places


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patches:
        return run_small(specialists_map, SpecialistsMap(), tmp_path_factory.mktemp("map"), patches, changes={})


def test_every_point_stands_beside_its_rivals(result):
    told = {(row["setting"], row["metric"]): row["values"] for row in result.rows}
    where = ["30 classes, 1 epochs, 2 specialists with 5 classes each", "15 classes, 1 epochs, 2 specialists with 2"]
    where += ["30 classes, 2 epochs", "30 classes, 1 epochs, width × 0.5", "3 specialists with 5", "with 4 classes"]
    for place in where:
        settings = [setting for setting, metric in told if place in setting and metric == "accuracy"]
        assert {setting.partition(",")[0] for setting in settings} == {"teacher", "ensemble"}
        assert sum("an ensemble of " in setting for setting in settings) >= 1
        assert sum("trained for as long" in setting for setting in settings) >= 1
        assert sum("correction" in setting for setting in settings) >= 3
    centre = where[0]
    gain = mean_of(told[f"ensemble, {centre}", "accuracy"]) - mean_of(told[f"teacher, {centre}", "accuracy"])
    [found] = [finding for finding in result.findings if finding.startswith(centre)]
    assert f"specialists bring {100 * gain:+.1f} points (" in found
    assert 0 <= told[f"teacher, {centre}", "training accuracy"][0] <= 1


def test_the_centre_is_the_recipes_own_and_one_thing_is_varied_elsewhere():
    config = SpecialistsMap()
    first, *others = places(config)
    assert first.plan == config.clinc150
    assert len(others) == 3 + 2 + 2 + 2 + 2
    assert {place.plan.generalist.epochs for place in others if place.axis == "epochs"} == {2, 8, 16}
    assert [place.plan.hidden for place in others if place.axis == "width"] == [(32,), (512,)]
    assert [place.plan.teams for place in others if place.axis == "specialists"] == [((5, 15),), ((20, 15),)]
    wide = replace(config, source="cifar100")
    assert places(wide)[0].plan == config.cifar100
    assert cifar100.Cifar100().widened(0.5).blocks == ((8, 8), (24, 24), (48, 48))


def test_the_map_on_images_lies_around_the_recipes_own_team():
    config = Cifar100Map()
    first, *others = places(config)
    recipe = cifar100.Cifar100()
    assert replace(first.plan, teams=recipe.teams, ways=recipe.ways, hard_weights=recipe.hard_weights) == recipe
    assert first.plan.teams[0] in recipe.teams
    assert [(place.axis, place.at) for place in others] == [
        ("classes", 0.25),
        ("classes", 0.5),
        ("specialists", 5),
        ("size of a set", 20),
    ]
    with pytest.raises(ArgumentError, match="source must be left as it is, for specialists-map draws the other"):
        replace(config, source="clinc150").check()


def test_a_point_of_fewer_classes_has_the_first_of_them(tmp_path):
    sentences = noise_sentences()
    few = sentences.train.of_classes([7, 3])
    assert few.class_names == sentences.train.class_names == ()
    own = sentences.train.labels_to_judge()
    assert torch.equal(few.ids, sentences.train.ids[(own == 7) | (own == 3)])
    assert torch.equal(few.labels_to_judge(), (own[(own == 7) | (own == 3)] == 3).long())
    with pytest.raises(ArgumentError, match="classes must differ and have examples"):
        sentences.train.of_classes([7, 7])
    with pytest.raises(ArgumentError, match="classes must differ and have examples"):
        sentences.train.of_classes([7, 99])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"longer": ()}, "longer must be one or more different numbers, got ()"),
        ({"sizes": (0,)}, "sizes must be > 0, got (0,)"),
        ({"classes": (1.5,)}, "classes must lie in 0..1, got (1.5,)"),
        ({"clinc150": clinc150.Clinc150()}, "a map is drawn around one team, got ((10, 15), (10, 30), (5, 30))"),
    ],
)
def test_a_map_is_checked(changes, message):
    with pytest.raises(ArgumentError, match=re.escape(message)):
        replace(SpecialistsMap(), **changes).check()
