"""The transfer set: inputs, perhaps labels, and the view through which they are seen.

Every data set of the library has this one form: what teachers train on, what a student is distilled on
(Hinton et al. 2015, s. 2: 'the transfer set'), and what both are judged on.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor

from limbeck.data.philox import permutation
from limbeck.data.views import Plain, View
from limbeck.errors import ArgumentError
from limbeck.files import sha256

SPLIT_STREAM = 2  # of philox, for splits


@dataclass(frozen=True, eq=False)
class TransferSet:
    """Examples of one source, addressed by id: their row in the source, which a subset keeps."""

    inputs: Tensor
    """The whole source (examples, ...): images as uint8 (examples, channels, height, width), or any numbers."""
    labels: Tensor | None = None
    """Class of each row of the source (examples,), or None."""
    class_names: tuple[str, ...] = ()
    """Names to print; '0', '1', ... where none are given."""
    view: View = field(default_factory=Plain)
    ids: Tensor = field(default=None)  # pyright: ignore[reportAssignmentType]
    """Rows of the source that belong to this set, all by default."""
    name: str = "transfer set"

    def __post_init__(self) -> None:
        if not isinstance(self.inputs, Tensor) or self.inputs.layout != torch.strided or self.inputs.ndim == 0:
            raise ArgumentError(f"inputs must be a dense tensor (examples, ...), got {told(self.inputs)}")
        rows = len(self.inputs)
        if rows == 0:
            raise ArgumentError(f"the {self.name} has no examples")
        if self.labels is not None:
            if not whole_numbers(self.labels) or self.labels.shape != (rows,):
                raise ArgumentError(
                    f"labels must be whole numbers of shape ({rows},), one per input, got {told(self.labels)}"
                )
            object.__setattr__(self, "labels", self.labels.long())
        if self.ids is None:  # pyright: ignore[reportUnnecessaryComparison]
            object.__setattr__(self, "ids", torch.arange(rows))
        ids = self.ids
        if not whole_numbers(ids) or ids.ndim != 1 or not len(ids) or int(ids.min()) < 0 or int(ids.max()) >= rows:
            raise ArgumentError(f"ids must be one or more rows of the source, 0..{rows - 1}, got {told(ids)}")
        if len(ids.unique()) < len(ids):
            raise ArgumentError(f"ids must differ, {len(ids) - len(ids.unique())} of {len(ids)} are there twice")
        object.__setattr__(self, "ids", ids.long())
        if not all(isinstance(name, str) for name in self.class_names):
            raise ArgumentError(f"class names must be text, got {self.class_names[:10]}")

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, ids: Tensor, number: int = 0) -> Tensor:
        """Return view `number` of the examples `ids`, shape (len(ids), ...)."""
        return self.view(self.inputs.index_select(0, ids), ids, number)

    def labels_at(self, ids: Tensor) -> Tensor | None:
        """Return the labels of the examples `ids`, or None where there are none."""
        return None if self.labels is None else self.labels.index_select(0, ids)

    def subset(self, ids: Tensor, name: str | None = None) -> "TransferSet":
        """Return the set that has only the examples `ids`."""
        if not len(ids):
            raise ArgumentError(f"a subset of the {self.name} must have at least one example, got 0")
        if not torch.isin(ids, self.ids).all():
            raise ArgumentError(f"a subset's ids must be ids of the {self.name}")
        return self._like(ids=ids, name=name or self.name)

    def split(self, size: int, seed: int = 0, name: str = "validation set") -> "tuple[TransferSet, TransferSet]":
        """Cut `size` examples off at random, the same ones for the same seed: (the rest, the cut)."""
        if not 0 < size < len(self):
            raise ArgumentError(f"the {name} must take between 1 and {len(self) - 1} examples, got {size}")
        order = torch.from_numpy(permutation(seed, SPLIT_STREAM, 0, len(self)))
        cut, rest = order[:size].sort().values, order[size:].sort().values
        return self.subset(self.ids[rest]), self.subset(self.ids[cut], name)

    def seen_through(self, view: View) -> "TransferSet":
        """Return the same examples seen through another view."""
        return self._like(view=view)

    def without_labels(self) -> "TransferSet":
        """Return the same examples with no labels."""
        return self._like(labels=None)

    def _like(self, **changes: Any) -> "TransferSet":
        """Return this set with other fields; the source is the same, and so is its fingerprint once it is known."""
        other = replace(self, **changes)
        if "fingerprint" in self.__dict__:
            other.__dict__["fingerprint"] = self.fingerprint
        return other

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the source's inputs: what a soft-target store is bound to, whatever subset is taken."""
        inputs = self.inputs.cpu().contiguous()
        header = f"{inputs.dtype} {tuple(inputs.shape)}".encode()
        return sha256(header, inputs.reshape(-1).view(torch.uint8).numpy().data)

    @cached_property
    def labels_fingerprint(self) -> str:
        """SHA-256 of the labels and ids: with `fingerprint`, all that a training on this set can see."""
        labels = b"" if self.labels is None else self.labels.cpu().long().numpy().tobytes()
        return sha256(labels, self.ids.numpy().astype(np.int64).tobytes())

    def check_classes(self, num_classes: int) -> None:
        """Raise ArgumentError unless labels and class names are those of so many classes."""
        if self.labels is not None:
            low, high = (int(edge) for edge in self.labels[self.ids].aminmax())
            if low < 0 or high >= num_classes:
                raise ArgumentError(f"labels of the {self.name} must lie in 0..{num_classes - 1}, got {low}..{high}")
        if self.class_names and len(self.class_names) != num_classes:
            raise ArgumentError(f"the {self.name} must have {num_classes} class names, got {len(self.class_names)}")

    def names_for(self, num_classes: int) -> tuple[str, ...]:
        """Return the classes' names, numbers where there are none."""
        return self.class_names or tuple(str(number) for number in range(num_classes))


def whole_numbers(value: object) -> TypeGuard[Tensor]:
    """Return whether a value is a tensor of whole numbers (or of truth values)."""
    return isinstance(value, Tensor) and not value.is_floating_point() and not value.is_complex()


def told(value: object) -> str:
    """Return what a value is, for a message."""
    return f"{value.dtype} of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
