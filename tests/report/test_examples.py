import json

import numpy as np
import pytest
import torch

from limbeck.data import TransferSet
from limbeck.report.examples import classes_with_bars, hold, logits_for_page
from limbeck.report.judged import Evidence, Judged
from limbeck.report.mistakes import mistakes


def held(evidence, **named):
    return hold(evidence, mistakes(evidence, 1.0), 1.0, **named)


def test_an_example_tells_what_each_model_takes_it_for(models, test_set):
    example = held(Evidence.of(models, test_set)).examples[0]
    assert (example.id, example.label, example.choices) == (4, 1, [1, 1, 2])
    assert example.bars == [0, 1, 2]
    assert [logits["shown"] for logits in example.logits] == [[0.0, 2.0, 1.5], [0.0, 3.0, 0.0], [0.0, 1.0, 2.0]]


def test_an_example_keeps_its_id_in_a_subset(models, test_set):
    part = test_set.subset(torch.tensor([5, 4]))
    taken = [Judged(model.name, model.logits[[5, 4]]) for model in models]
    assert [example.id for example in held(Evidence.of(taken, part)).examples] == [4, 5]


def test_an_image_has_a_picture_and_anything_else_its_values(models, test_set):
    assert all(example.picture and not example.values for example in held(Evidence.of(models, test_set)).examples)
    rows = TransferSet(torch.arange(12.0).reshape(6, 2), test_set.labels)
    told = {example.id: (example.picture, example.values) for example in held(Evidence.of(models, rows)).examples}
    assert told[4] == (None, ["8", "9"])


def many(examples, classes=10, side=16):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (examples, 3, side, side), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, classes, (examples,), generator=generator)
    models = [Judged(name, torch.randn(examples, classes, generator=generator)) for name in ("ensemble", "student")]
    return Evidence.of(models, TransferSet(inputs, labels))


@pytest.mark.parametrize("budget", [40_000, 100_000])
def test_examples_end_where_their_budget_does(budget):
    evidence = many(2000)
    own = held(evidence, budget_bytes=budget).examples
    size = sum(len(json.dumps(vars(example), separators=(",", ":"))) for example in own)
    assert 0.9 * budget < size <= budget
    assert len({example.id for example in own}) == len(own)
    assert own == held(evidence).examples[: len(own)]


def test_examples_that_tell_most_are_there_on_no_budget():
    own = held(many(50), budget_bytes=0)
    assert len(own.examples) == len(own.telling) == 8


def test_each_mistake_has_an_example_before_any_has_two():
    evidence = many(5000)
    kinds = {(kind.label, kind.choice) for kind in mistakes(evidence, 1.0) if kind.by_any}
    own = held(evidence, budget_bytes=400_000).examples
    shown = {(example.label, choice) for example in own for choice in example.choices if choice != example.label}
    assert len(kinds) == 90
    assert shown == kinds


def test_label_and_choices_have_bars_among_many_classes():
    logits = torch.arange(50.0)
    assert classes_with_bars(logits, [3, 49, 7, 3]) == [*range(49, 39, -1), 3, 7]


def test_of_many_classes_the_ten_most_probable_have_bars():
    logits = torch.arange(50.0)
    logits[49] = torch.nan
    assert classes_with_bars(logits) == list(range(48, 38, -1))
    assert classes_with_bars(torch.arange(10.0)) == list(range(10))


@pytest.mark.parametrize("temperature", [1.0, 5.0, 20.0])
def test_values_and_counts_give_the_whole_distribution(temperature):
    logits = 4 * torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    shown = classes_with_bars(logits)
    told = logits_for_page(logits, shown)
    exact = (logits.double() / temperature).softmax(0)[shown].numpy()
    kept, rest = np.array(told["shown"]), told["rest"]
    mass = np.exp(kept / temperature).sum() + np.dot(rest["counts"], np.exp(np.array(rest["values"]) / temperature))
    np.testing.assert_allclose(np.exp(kept / temperature) / mass, exact, rtol=1e-3)
    assert sum(rest["counts"]) == 20_000 - 10
    assert len(json.dumps(told)) < 60_000


def test_logits_that_are_not_finite_are_valid_json():
    logits = torch.tensor([torch.inf, -torch.inf, torch.nan, 1.0] + [-torch.inf, torch.nan] * 5)
    told = logits_for_page(logits, [0, 1, 2, 3])
    assert told["shown"][1:] == [None, None, 1.0]
    assert told["rest"] == {"values": [], "counts": []}
    json.dumps(told, allow_nan=False)
