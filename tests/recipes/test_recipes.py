"""Each recipe's road in seconds; digits is taken by the command-line tests."""

from dataclasses import replace

import numpy as np
import torch

from limbeck.data import TransferSet
from limbeck.progress import Progress
from limbeck.recipes import RECIPES, letters, mnist
from limbeck.runs import Run


def small_mnist(folder=None):
    """Noise in the form of MNIST."""
    generator = np.random.default_rng(0)
    return tuple(
        TransferSet(
            torch.from_numpy(generator.integers(0, 256, (count, 1, 28, 28), np.uint8)),
            torch.from_numpy(generator.integers(0, 10, count)),
            name=f"mnist {name} set",
        )
        for name, count in (("training", 300), ("test", 100))
    )


def test_mnist_takes_its_road(tmp_path, monkeypatch):
    monkeypatch.setattr("limbeck.data.load_mnist", small_mnist)
    config = replace(mnist.Mnist().smoke(), validation=50)
    run = Run("mnist", config, tmp_path / "run", 1, None, Progress(), "limbeck run mnist --smoke")
    with run.held():
        result = mnist.main(config, run)
    assert [line["model"] for line in result.table] == ["teacher", "twin", "student"]
    assert [line["paper's errors"] for line in result.table] == ["67", "146", "74"]
    assert "exact McNemar p" in result.findings[0]
    assert result.report.exists()


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
    assert any(finding.startswith("Labels alone, plain rows") for finding in first.findings)


def test_every_recipe_tells_what_it_is_and_has_a_smoke_run():
    for recipe in RECIPES:
        assert recipe.summary
        assert f"limbeck run {recipe.name}" in recipe.doc
        assert recipe.config().smoke() != recipe.config()
