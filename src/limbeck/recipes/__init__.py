"""The recipes: one file per experiment, a frozen dataclass with the defaults of record and a `main`.

Importing them is cheap: nothing here waits for torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from limbeck.recipes import (
    an4,
    cifar10,
    cifar10_labml,
    cifar10_labml_ours,
    cifar100,
    cifar100_map,
    cifar100_table,
    clinc150,
    digits,
    fsdd,
    letters,
    mnist,
    mnist_best,
    mnist_ensemble,
    mnist_few,
    mnist_missing,
    mnist_objectives,
    mnist_temperature,
    mnist_unlabelled,
    specialists_map,
)


@dataclass(frozen=True)
class Recipe:
    """One experiment: what the command line needs to know of it."""

    name: str
    config: type
    main: Callable[..., Any]
    doc: str

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return self.doc.strip().splitlines()[0]


def _recipe(module: ModuleType, config: type) -> Recipe:
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    return Recipe(name, config, module.main, module.__doc__ or "")


RECIPES = (
    _recipe(digits, digits.Digits),
    _recipe(letters, letters.Letters),
    _recipe(mnist, mnist.Mnist),
    _recipe(mnist_temperature, mnist_temperature.MnistTemperature),
    _recipe(mnist_missing, mnist_missing.MnistMissing),
    _recipe(mnist_few, mnist_few.MnistFew),
    _recipe(mnist_unlabelled, mnist_unlabelled.MnistUnlabelled),
    _recipe(mnist_ensemble, mnist_ensemble.MnistEnsemble),
    _recipe(mnist_best, mnist_best.MnistBest),
    _recipe(mnist_objectives, mnist_objectives.MnistObjectives),
    _recipe(cifar10_labml, cifar10_labml.Cifar10Labml),
    _recipe(cifar10_labml_ours, cifar10_labml_ours.Cifar10LabmlOurs),
    _recipe(cifar10, cifar10.Cifar10),
    _recipe(cifar100_table, cifar100_table.Cifar100Table),
    _recipe(clinc150, clinc150.Clinc150),
    _recipe(cifar100, cifar100.Cifar100),
    _recipe(specialists_map, specialists_map.SpecialistsMap),
    _recipe(cifar100_map, cifar100_map.Cifar100Map),
    _recipe(an4, an4.An4),
    _recipe(fsdd, fsdd.Fsdd),
)
