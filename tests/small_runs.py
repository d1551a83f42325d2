"""A recipe's smoke run on noise in the form of its data."""

from dataclasses import replace

import numpy as np
import torch

from limbeck.data import TransferSet
from limbeck.progress import Progress
from limbeck.runs import Run


def noise_images(name, shape, classes=10):
    """A loader of 300 and 100 images of noise."""

    def load(folder=None):
        generator = np.random.default_rng(0)
        return tuple(
            TransferSet(
                torch.from_numpy(generator.integers(0, 256, (count, *shape), np.uint8)),
                torch.from_numpy(generator.integers(0, classes, count)),
                name=f"{name} {split} set",
            )
            for split, count in (("training", 300), ("test", 100))
        )

    return load


def noise_sentences(folder=None, words=20):
    """A loader of 300, 60 and 90 sentences of 30 intents in three domains."""
    from limbeck.data.sentences import Sentences

    generator = np.random.default_rng(0)
    labels = torch.from_numpy(np.arange(450) % 30)
    told = generator.random((450, words)) < 0.2 + 0.6 * (np.arange(words) == (np.arange(450) % 30 % words)[:, None])
    source = TransferSet(torch.from_numpy(told.astype(np.uint8)), labels, name="clinc150")
    parts = [source.subset(torch.arange(start, end)) for start, end in ((0, 300), (300, 360), (360, 450))]
    return Sentences(*parts, tuple(f"domain {intent // 10}" for intent in range(30)))


LOADERS = {
    "load_clinc150": noise_sentences,
    "load_mnist": noise_images("mnist", (1, 28, 28)),
    "load_cifar10": noise_images("cifar10", (3, 32, 32)),
    "load_cifar100": noise_images("cifar100", (3, 32, 32), 100),
}


def run_small(module, config, folder, monkeypatch, *, seeds=2, changes=None, **options):
    """A recipe's smoke run; `changes` are made to its configuration."""
    for name, loader in LOADERS.items():
        monkeypatch.setattr(f"limbeck.data.{name}", loader)
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    config = replace(config.smoke(), **({"validation": 50} if changes is None else changes))
    run = Run(name, config, folder / name, seeds, None, Progress(), f"limbeck run {name}", cache=folder, **options)
    with run.held():
        return module.main(config, run)


def settings(result):
    """What the printed table tells of."""
    return [line["model"] for line in result.table]
