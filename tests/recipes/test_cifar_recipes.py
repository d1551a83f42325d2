"""The CIFAR recipes' roads in seconds, on noise: what is taught, by whom, with which views and budget."""

from dataclasses import replace

import pytest
import torch
from small_runs import run_small, settings

from limbeck import ArgumentError, Budget
from limbeck.judge import count_parameters
from limbeck.models import VGG, Whitening
from limbeck.recipes import cifar10, cifar10_labml, cifar10_labml_ours, cifar100_table
from limbeck.study import Study

ALL = {"examples": None}


def arms_of(module, config, folder, monkeypatch, **changes):
    """The arms of a recipe's first seed, by setting."""
    found = {}
    own = Study.compare

    def compare(self, arms_of, *told, **options):
        found.update({arm.setting: arm for arm in arms_of(0)})
        return own(self, arms_of, *told, **options)

    monkeypatch.setattr(Study, "compare", compare)
    run_small(module, config, folder, monkeypatch, seeds=1, changes=ALL | changes)
    return found


def test_labmls_protocol_stands_beside_what_was_published(tmp_path, monkeypatch):
    result = run_small(cifar10_labml, cifar10_labml.Cifar10Labml(), tmp_path, monkeypatch, changes=ALL)
    assert settings(result) == ["teacher", "twin", "student", "student, less weight on labels"]
    assert [line["published accuracy"] for line in result.table] == ["85%", "80%", "82%", "–"]
    by_name = {(row["setting"], row["metric"]): row["values"] for row in result.rows}
    for setting in settings(result):
        errors, accuracies = (by_name[setting, metric] for metric in ("test errors", "accuracy"))
        assert accuracies == [pytest.approx(1 - error / 100) for error in errors]
    assert [said.split(" makes ")[0].split(":")[0] for said in result.findings] == [
        "The student",
        "Less weight on labels",
    ]


def test_labmls_two_students_differ_in_the_labels_weight_alone(tmp_path, monkeypatch):
    arms = arms_of(cifar10_labml, cifar10_labml.Cifar10Labml(), tmp_path, monkeypatch)
    theirs, papers = (arms[name].objective for name in ("student", cifar10_labml.LESS))
    assert (theirs.hard_weight, papers.hard_weight) == (5 / 9, 0.1)
    assert replace(theirs, hard_weight=0.1) == papers
    assert (theirs.temperature, theirs.num_views) == (5.0, 1)
    assert {arm.transfer_set.view.spec()["name"] for arm in arms.values()} == {"plain"}
    assert len({arm.budget for arm in arms.values()}) == 1


def test_our_protocol_is_told_change_by_change(tmp_path, monkeypatch):
    result = run_small(cifar10_labml_ours, cifar10_labml_ours.Cifar10LabmlOurs(), tmp_path, monkeypatch, changes=ALL)
    assert settings(result) == ["teacher", "student, labml's protocol", *cifar10_labml_ours.MEANS, "twin"]
    assert [said.split(":")[0] for said in result.findings[1:]] == [
        "Less weight on labels",
        "A cosine with a higher peak, and larger batches",
        "Matched views",
        "More epochs, and weight decay",
    ]


def test_each_student_of_our_protocol_changes_one_thing(tmp_path, monkeypatch):
    few = {name: Budget(epochs, 100) for name, epochs in (("labml_student", 1), ("scheduled", 2), ("student", 3))}
    arms = arms_of(cifar10_labml_ours, cifar10_labml_ours.Cifar10LabmlOurs(), tmp_path, monkeypatch, **few)
    steps = [arms[name] for name in (cifar10_labml_ours.THEIRS, *cifar10_labml_ours.MEANS)]
    assert [arm.objective.hard_weight for arm in steps] == [5 / 9, *[0.1] * 4]
    assert {arm.objective.temperature for arm in steps} == {5.0}
    assert [arm.budget.epochs for arm in steps] == [1, 1, 2, 2, 3]
    stores = [arm.objective.soft_targets.fingerprint for arm in steps]
    assert len(set(stores[:3])) == len(set(stores[3:])) == 1
    assert stores[2] != stores[3]
    assert [arm.objective.num_views for arm in steps] == [1, 1, 1, 2, 2]
    assert [arm.transfer_set.view.spec()["name"] for arm in steps] == [*["plain"] * 3, *["crop-flip"] * 2]
    twin, best = arms["twin"], steps[-1]
    assert (twin.budget, twin.objective.num_views, twin.transfer_set.view) == (best.budget, 2, best.transfer_set.view)


def test_our_first_student_is_labmls_and_the_last_has_more_epochs_and_weight_decay():
    theirs, ours = cifar10_labml.Cifar10Labml(), cifar10_labml_ours.Cifar10LabmlOurs()
    assert (ours.labml_student, ours.labml_hard_weight, ours.temperature, ours.small) == (
        theirs.student,
        theirs.labml_hard_weight,
        theirs.temperature,
        theirs.small,
    )
    assert ours.labml_student.epochs == ours.scheduled.epochs == 10
    longer = replace(ours.scheduled, epochs=100, weight_decay=0.05)
    assert replace(ours.student, compiled=False) == longer  # which changes how a GPU computes, not what


def test_the_defaults_are_labmls_protocol():
    config = cifar10_labml.Cifar10Labml()
    assert (config.teacher.epochs, config.student.epochs) == (20, 10)
    for budget in (config.teacher, config.student):
        assert (budget.batch_size, budget.learning_rate, budget.weight_decay) == (64, 2.5e-4, 0.0)
        assert (budget.optimizer, budget.schedule, budget.warmup) == ("adam", "constant", 0.0)
    soft, hard = 100 / (10 * 5**2), 0.5  # 100 · KL / classes = 0.4 · T² · KL at T = 5
    assert config.labml_hard_weight == pytest.approx(hard / (soft + hard))


def test_cifar10_compares_sizes_and_numbers_of_views(tmp_path, monkeypatch):
    result = run_small(cifar10, cifar10.Cifar10(), tmp_path, monkeypatch, changes={"validation": 50, **ALL})
    smaller = ["twin, smaller", "student, smaller, K=1", "student, smaller, K=2"]
    assert settings(result) == ["teacher", "ensemble", "twin", "student", *smaller]
    assert result.findings[2].startswith("2 stored views in the place of 1, smaller student: ")
    assert "accuracy" in result.table[0]


def test_a_student_of_few_views_sees_these_alone(tmp_path, monkeypatch):
    arms = arms_of(cifar10, cifar10.Cifar10(), tmp_path, monkeypatch)
    assert {name: arm.objective.num_views for name, arm in arms.items()} == {
        "twin": 2,
        "student": 2,
        "twin, smaller": 2,
        "student, smaller, K=1": 1,
        "student, smaller, K=2": 2,
    }
    assert len({repr(arm.transfer_set.view) for arm in arms.values()}) == 1
    folders = {arm.objective.soft_targets.folder for name, arm in arms.items() if name.startswith("student")}
    assert len(folders) == 1


def test_students_of_cifar10_have_their_parameters_and_whiten_first(tmp_path, monkeypatch):
    config = cifar10.Cifar10()
    arms = arms_of(cifar10, config, tmp_path, monkeypatch)
    nets = [arms[name].make_net() for name in ("student", "twin", "twin, smaller")]
    assert all(isinstance(net.layers[0], Whitening) for net in nets)
    assert all(torch.equal(net.layers[0].weight, nets[0].layers[0].weight) for net in nets)
    sizes = [count_parameters(VGG(blocks, 10, whitening=nets[0].layers[0])) for blocks in (config.medium, config.small)]
    assert sizes == [436_510, 101_258]


def test_the_table_has_the_fields_nets():
    names = {name for pair in cifar100_table.PUBLISHED for name in pair}
    sizes = {name: count_parameters(cifar100_table.maker(name)()) for name in names}
    assert sizes == {  # as RepDistiller counts them
        "ResNet20": 278_324,
        "ResNet32": 472_756,
        "ResNet56": 861_620,
        "ResNet110": 1_736_564,
        "ResNet8x4": 1_233_540,
        "ResNet32x4": 7_433_860,
        "WRN-16-2": 703_284,
        "WRN-40-2": 2_255_156,
        "VGG8": 3_965_028,
        "VGG13": 9_462_180,
    }


def test_the_protocol_is_the_fields():
    config = cifar100_table.Cifar100Table()
    budget = config.budget
    assert (budget.epochs, budget.batch_size, budget.learning_rate, budget.weight_decay) == (240, 64, 0.05, 5e-4)
    assert (budget.optimizer, budget.schedule, budget.warmup) == ("sgd", "steps", 0.0)
    assert (config.temperature, config.hard_weight, config.views, config.validation) == (4.0, 0.1, 240, 0)


def test_the_table_stands_beside_what_was_published(tmp_path, monkeypatch):
    small = {"pairs": ("ResNet56:ResNet20", "VGG13:VGG8"), **ALL}
    monkeypatch.setattr(
        cifar100_table, "maker", lambda name: lambda: torch.nn.Sequential(Pooled(), torch.nn.Linear(12, 100))
    )
    result = run_small(cifar100_table, cifar100_table.Cifar100Table(), tmp_path, monkeypatch, changes=small)
    published = {row["setting"]: row["paper"] for row in result.rows if row["metric"] == "accuracy"}
    assert published == {
        "teacher, ResNet56": 0.7234,
        "twin, ResNet56 to ResNet20": 0.6906,
        "student, ResNet56 to ResNet20": 0.7066,
        "teacher, VGG13": 0.7464,
        "twin, VGG13 to VGG8": 0.7036,
        "student, VGG13 to VGG8": 0.7298,
    }
    assert [said.split(" makes ")[0] for said in result.findings] == [
        "ResNet20, taught by ResNet56,",
        "VGG8, taught by VGG13,",
    ]


class Pooled(torch.nn.Module):
    """Images to the means over their quarters."""

    def forward(self, images):
        return torch.nn.functional.avg_pool2d(images / 255, 16).flatten(1)


@pytest.mark.parametrize(
    ("module", "config", "rule"),
    [
        (cifar10, cifar10.Cifar10(members=1), r"members must lie in 2\.\.100, got 1"),
        (cifar10, cifar10.Cifar10(student=Budget(early_stop=3)), "early_stop needs a labelled validation set"),
        (cifar10, cifar10.Cifar10(student=Budget(batch_size=299)), "can't train on a batch of one"),
        (cifar10_labml, cifar10_labml.Cifar10Labml(student=Budget(batch_size=299)), "can't train on a batch of one"),
        (
            cifar10_labml_ours,
            cifar10_labml_ours.Cifar10LabmlOurs(scheduled=Budget(batch_size=299)),
            "can't train on a batch of one",
        ),
        (cifar100_table, cifar100_table.Cifar100Table(budget=Budget(batch_size=1)), "can't train on a batch of one"),
        (cifar10, cifar10.Cifar10(fewer_views=(4, 1)), "fewer_views must be >= 1, rise and stay below views"),
        (cifar10, cifar10.Cifar10(fewer_views=(0,)), "fewer_views must be >= 1, rise and stay below views"),
        (cifar10, cifar10.Cifar10(fewer_views=(40,)), "fewer_views must be >= 1, rise and stay below views"),
        (cifar10, cifar10.Cifar10(small=((0,),)), "blocks must be one or more"),
        (cifar10, cifar10.Cifar10(temperature=0.0), "temperature must be > 0"),
        (cifar10, cifar10.Cifar10(validation=300), "validation set must take between 1 and 299"),
        (cifar10, cifar10.Cifar10(examples=301), r"examples must lie in 1\.\.300, got 301"),
        (cifar10, cifar10.Cifar10(pixels=33), "crop must not exceed the image, got 33 pixels"),
        (cifar10_labml_ours, cifar10_labml_ours.Cifar10LabmlOurs(views=1), "views must lie in 2..10,000, got 1"),
        (cifar10_labml, cifar10_labml.Cifar10Labml(labml_hard_weight=2.0), r"labml_hard_weight must lie in 0\.\.1"),
        (cifar10_labml, cifar10_labml.Cifar10Labml(dropout=1.5), "dropout"),
        (
            cifar10_labml_ours,
            cifar10_labml_ours.Cifar10LabmlOurs(labml_hard_weight=-1.0),
            r"labml_hard_weight must lie",
        ),
        (cifar100_table, cifar100_table.Cifar100Table(pairs=("A:B",)), "pairs must be one or more different ones of"),
        (cifar100_table, cifar100_table.Cifar100Table(pairs=()), "pairs must be one or more different ones of"),
        (cifar100_table, cifar100_table.Cifar100Table(views=0), "views must lie in 1..10,000, got 0"),
        (cifar10, cifar10.Cifar10(views=20_000), "views must lie in 1..10,000, got 20,000"),
    ],
)
def test_what_is_wrong_is_said_before_any_net_is_trained(module, config, rule, tmp_path, monkeypatch):
    monkeypatch.setattr(Study, "teach", lambda *_: pytest.fail("a net was trained"))
    with pytest.raises(ArgumentError, match=rule):
        run_small(module, Unshrunk(config), tmp_path, monkeypatch, changes={})
    assert not list(tmp_path.rglob("run.json"))  # so that a corrected command can have the folder


class Unshrunk:
    """A configuration whose smoke run is itself."""

    def __init__(self, config):
        self.config = config

    def smoke(self):
        return self.config
