"""Each recipe's road in seconds; digits is taken by the command-line tests."""

from dataclasses import replace

import numpy as np
import torch

from limbeck.data import TransferSet
from limbeck.progress import Progress
from limbeck.recipes import RECIPES, mnist
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


def test_every_recipe_tells_what_it_is_and_has_a_smoke_run():
    for recipe in RECIPES:
        assert recipe.summary
        assert f"limbeck run {recipe.name}" in recipe.doc
        assert recipe.config().smoke() != recipe.config()
