"""The transfer set: inputs, perhaps labels, and the view through which they are seen.

Every data set of the library has this one form: what teachers train on, what a student is distilled on
(Hinton et al. 2015, s. 2: 'the transfer set'), and what both are judged on.

An example is one row of the source, or, with `run_lengths`, a run of consecutive rows: the frames of an utterance.
Each row is judged by itself; the run is what is drawn, held out and addressed. A source larger than memory is a
memory-mapped tensor: nothing here copies it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.drawing import each_once, in_turn
from limbeck.data.philox import permutation
from limbeck.data.runs_of_rows import first_rows, rows_of_runs
from limbeck.data.views import Plain, View
from limbeck.errors import ArgumentError
from limbeck.files import sha256
from limbeck.objective import UNLABELLED

SPLIT_STREAM = 2  # of philox, for splits


@dataclass(frozen=True, eq=False)
class TransferSet:
    """Examples of one source, addressed by id: their place in the source, which a subset keeps."""

    inputs: Tensor
    """The whole source (rows, ...): images as uint8 (examples, channels, height, width), or any numbers."""
    labels: Tensor | None = None
    """Class of each row of the source (rows,), UNLABELLED (-1) for a row that has none; None where no row has one."""
    class_names: tuple[str, ...] = ()
    """Names to print; '0', '1', ... where none are given."""
    view: View = field(default_factory=Plain)
    ids: Tensor = field(default=None)  # pyright: ignore[reportAssignmentType]
    """Examples of the source that belong to this set, all by default."""
    name: str = "transfer set"
    run_lengths: Tensor | None = None
    """Rows of each example of the source (examples,), or None where each row is an example."""
    column_names: tuple[str, ...] = ()
    """What the numbers of a row are called, in their order, where each is a column of a table."""
    origins: Sequence[str] | None = field(default=None, repr=False)
    """Where each row of the source is from, a file or a row of one; None where nobody says."""
    oversampled: Tensor | None = None
    """Ids of the examples that make up half of every batch, the other half being drawn anew from the rest each epoch;
    None where an epoch draws each example once."""

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
        examples = rows if self.run_lengths is None else self._check_runs(rows)
        if self.ids is None:  # pyright: ignore[reportUnnecessaryComparison]
            object.__setattr__(self, "ids", torch.arange(examples))
        ids = self.ids
        if not whole_numbers(ids) or ids.ndim != 1 or not len(ids) or int(ids.min()) < 0 or int(ids.max()) >= examples:
            raise ArgumentError(f"ids must be one or more examples of the source, 0..{examples - 1}, got {told(ids)}")
        if len(ids.unique()) < len(ids):
            raise ArgumentError(f"ids must differ, {len(ids) - len(ids.unique())} of {len(ids)} are there twice")
        object.__setattr__(self, "ids", ids.long())
        self._check_names(rows)

    def _check_names(self, rows: int) -> None:
        if not all(isinstance(name, str) for name in self.class_names):
            raise ArgumentError(f"class names must be text, got {self.class_names[:10]}")
        if self.column_names and self.inputs.shape[1:] != (len(self.column_names),):
            raise ArgumentError(
                f"column names must be one for each number of a row, got {len(self.column_names)} "
                f"for rows of shape {tuple(self.inputs.shape[1:])}"
            )
        if self.origins is not None and len(self.origins) != rows:
            raise ArgumentError(f"origins must be one for each of the {rows} rows, got {len(self.origins)}")
        if self.oversampled is not None:
            self._check_oversampled(self.oversampled)

    def _check_oversampled(self, own: Tensor) -> None:
        if not whole_numbers(own) or own.ndim != 1 or not len(own) or not torch.isin(own, self.ids).all():
            raise ArgumentError(f"oversampled examples must be one or more ids of the {self.name}, got {told(own)}")
        if len(own.unique()) < len(own) or 2 * len(own) > len(self.ids) or self.run_lengths is not None:
            raise ArgumentError(
                f"oversampled examples must be different single rows, at most half of the {self.name}, "
                f"got {len(own)} of {len(self.ids)}" + (" in runs" if self.run_lengths is not None else "")
            )
        object.__setattr__(self, "oversampled", own.long())

    def _check_runs(self, rows: int) -> int:
        """Return the number of examples of a source in runs."""
        lengths = self.run_lengths
        lengths = lengths.long() if whole_numbers(lengths) else lengths
        if not whole_numbers(lengths) or lengths.ndim != 1 or not len(lengths) or int(lengths.min()) < 1:
            raise ArgumentError(f"run_lengths must be whole numbers >= 1, one an example, got {told(lengths)}")
        if int(lengths.sum()) != rows:
            raise ArgumentError(f"run_lengths must add up to the {rows} rows of the source, got {int(lengths.sum())}")
        object.__setattr__(self, "run_lengths", lengths)
        return len(lengths)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def num_rows(self) -> int:
        """Rows of all examples of the set: as many as examples, but for runs."""
        return len(self.ids) if self.run_lengths is None else int(self.run_lengths[self.ids].sum())

    @property
    def num_drawn(self) -> int:
        """Examples that an epoch draws: each once, or of a mixture twice as many as are oversampled."""
        return len(self.ids) if self.oversampled is None else 2 * len(self.oversampled)

    @property
    def num_rows_drawn(self) -> int:
        """Rows of the examples that an epoch draws."""
        return self.num_rows if self.oversampled is None else self.num_drawn

    def drawn(self, seed: int, epoch: int, window: int | None = None) -> Tensor:
        """Return the ids that an epoch draws, in its order: a pure function of the arguments.

        Args:
            seed: of the training.
            epoch: its number, from 0.
            window: shuffle within a moving window of so many examples.

        Raises:
            ArgumentError: a window for a mixture, which draws from the whole set.
        """
        if self.oversampled is None:
            return self.ids[torch.from_numpy(each_once(len(self.ids), seed, epoch, window))]
        if window is not None:
            raise ArgumentError(f"shuffle_window must be None where examples are oversampled, got {window}")
        return torch.from_numpy(in_turn(self.oversampled.numpy(), self._others, seed, epoch))

    @cached_property
    def _others(self) -> NDArray[np.int64]:
        """The ids that are not oversampled."""
        assert self.oversampled is not None
        return self.ids[~torch.isin(self.ids, self.oversampled)].numpy()

    def rows_of(self, ids: Tensor) -> Tensor:
        """Return the source's rows of the examples `ids`, run after run; for single rows the ids themselves."""
        if self.run_lengths is None:
            return ids
        return torch.from_numpy(rows_of_runs(self._first_rows[ids.numpy()], self.run_lengths[ids].numpy()))

    @cached_property
    def _first_rows(self) -> NDArray[np.int64]:
        assert self.run_lengths is not None
        return first_rows(self.run_lengths.numpy())

    def at(self, ids: Tensor, number: int = 0) -> Tensor:
        """Return view `number` of the examples `ids`, shape (rows of ids, ...)."""
        return self.rows_at(self.rows_of(ids), number)

    def rows_at(self, rows: Tensor, number: int = 0) -> Tensor:
        """Return view `number` of some of the source's rows, shape (rows, ...)."""
        return self.view(self.inputs_at(rows), rows, number)

    def inputs_at(self, rows: Tensor) -> Tensor:
        """Return some of the source's rows as they are, before any view, shape (rows, ...)."""
        if self.inputs.device.type != "cpu" or self.inputs.dtype == torch.bfloat16:
            return self.inputs.index_select(0, rows.to(self.inputs.device))
        return torch.from_numpy(self.inputs.numpy().take(rows.numpy(), 0))  # reads a mapped file with no lock held

    def labels_at(self, ids: Tensor) -> Tensor | None:
        """Return the labels of the examples `ids`, one a row, or None where there are none."""
        return self.labels_of(self.rows_of(ids))

    def labels_of(self, rows: Tensor) -> Tensor | None:
        """Return the labels of some of the source's rows, or None where there are none."""
        return None if self.labels is None else self.labels.index_select(0, rows.to(self.labels.device))

    def origin_of(self, row: int) -> str:
        """Return where a row of the source is from, its number where nobody says."""
        return f"row {row} of the {self.name}" if self.origins is None else self.origins[row]

    def on(self, device: torch.device | str) -> "TransferSet":
        """Return the same set with the source's inputs and labels on a device; ids stay on the CPU."""
        labels = None if self.labels is None else self.labels.to(device)
        return self._like(inputs=self.inputs.to(device), labels=labels)

    def near(self, device: torch.device) -> "TransferSet":
        """Return the same set on a GPU that has room for it four times over; else as it is."""
        if device.type != "cuda":
            return self
        room, _ = torch.cuda.mem_get_info(device)
        return self.on(device) if 4 * self.inputs.numel() * self.inputs.element_size() < room else self

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

    def relabelled(self, labels: Tensor) -> "TransferSet":
        """Return the same examples with other labels, one for each row of the source, of classes without names."""
        return self._like(labels=labels, class_names=())

    def of_classes(self, classes: Sequence[int]) -> "TransferSet":
        """Return the examples of some classes, which are called 0, 1, ... in the order given.

        Raises:
            ArgumentError: labels are missing, classes are twice there, or one has no example.
        """
        own = self.labels_to_judge()
        assert self.labels is not None  # seen by `labels_to_judge`
        wanted = torch.as_tensor(list(classes), dtype=torch.long)
        if (
            self.run_lengths is not None
            or len(wanted.unique()) < len(wanted)
            or not torch.isin(wanted, own.cpu()).all()
        ):
            raise ArgumentError(f"classes must differ and have examples, one a row, in the {self.name}, got {classes}")
        number = torch.full((int(self.labels.max()) + 1,), UNLABELLED)
        number[wanted] = torch.arange(len(wanted))
        labels = torch.where(self.labels.cpu() >= 0, number[self.labels.cpu().long().clamp_min(0)], UNLABELLED)
        names = tuple(self.class_names[each] for each in wanted.tolist()) if self.class_names else ()
        chosen = torch.isin(own.cpu(), wanted)
        return self._like(ids=self.ids[chosen], labels=labels, class_names=names)

    def oversampling(self, ids: Tensor) -> "TransferSet":
        """Return the same examples, of which those `ids` make up half of every batch.

        Raises:
            ArgumentError: they are none or more than half of the set, or not of it, or the set has runs.
        """
        return self._like(oversampled=ids)

    def without_labels(self) -> "TransferSet":
        """Return the same examples with no labels."""
        return self._like(labels=None)

    def labelled_only(self, ids: Tensor) -> "TransferSet":
        """Return the same examples, of which only `ids` keep their labels.

        Raises:
            ArgumentError: the set has no labels.
        """
        if self.labels is None:
            raise ArgumentError(f"labels to keep must be there, the {self.name} has none")
        if not torch.isin(ids, self.ids).all():
            raise ArgumentError(f"ids that keep their labels must be ids of the {self.name}")
        rows = self.rows_of(ids)
        labels = torch.full_like(self.labels, UNLABELLED)
        labels[rows] = self.labels[rows]
        return self._like(labels=labels)

    def _like(self, **changes: Any) -> "TransferSet":
        """Return this set with other fields; the source is the same, and so is its fingerprint once it is known."""
        other = replace(self, **changes)
        for known in {"fingerprint", "_first_rows"} & self.__dict__.keys():
            other.__dict__[known] = self.__dict__[known]
        return other

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the source's inputs and runs: what a store is bound to, whatever subset is taken."""
        inputs = self.inputs.cpu().contiguous()
        header = f"{inputs.dtype} {tuple(inputs.shape)}".encode()
        runs = b"" if self.run_lengths is None else self.run_lengths.numpy().tobytes()
        return sha256(header, inputs.reshape(-1).view(torch.uint8).numpy().data, runs)

    @cached_property
    def labels_fingerprint(self) -> str:
        """SHA-256 of the labels and ids: with `fingerprint`, all that a training on this set can see."""
        labels = b"" if self.labels is None else self.labels.cpu().long().numpy().tobytes()
        own = [] if self.oversampled is None else [b"oversampled", self.oversampled.numpy().tobytes()]
        return sha256(labels, self.ids.numpy().astype(np.int64).tobytes(), *own)

    @cached_property
    def has_labels(self) -> bool:
        """Whether there are labels, if only for some rows."""
        labels = self.labels_at(self.ids)
        return labels is not None and bool((labels != UNLABELLED).any())

    @cached_property
    def partly_labelled(self) -> bool:
        """Whether there are labels, but not for every row."""
        labels = self.labels_at(self.ids)
        return labels is not None and bool((labels == UNLABELLED).any())

    def labelled(self) -> "TransferSet":
        """Return the examples all of whose rows have labels.

        Raises:
            ArgumentError: there are none.
        """
        labels = self.labels_at(self.ids)
        if labels is None:
            raise ArgumentError(f"labels must be there, the {self.name} has none")
        if not self.partly_labelled:
            return self
        whole = labels != UNLABELLED
        if self.run_lengths is not None:
            lengths = self.run_lengths[self.ids].numpy()
            whole = torch.from_numpy(np.logical_and.reduceat(whole.numpy(), first_rows(lengths)))
        return self.subset(self.ids[whole])

    def labels_to_judge(self) -> Tensor:
        """Return the label of every row, in the order of the ids.

        Raises:
            ArgumentError: some are missing, or all.
        """
        labels = self.labels_at(self.ids)
        if labels is None or self.partly_labelled:
            lacking = "none" if labels is None else f"{int((labels == UNLABELLED).sum())} of {len(labels)} rows without"
            raise ArgumentError(f"the {self.name} must have a label for each row to be judged on, it has {lacking}")
        return labels

    def check_classes(self, num_classes: int, *, partly_labelled: bool = False) -> None:
        """Raise ArgumentError unless labels and class names are those of so many classes.

        Rows without a label among others are refused too, unless `partly_labelled` allows them.
        """
        if self.labels is not None:
            labels = self.labels_at(self.ids)
            assert labels is not None
            low, high = (int(edge) for edge in labels.aminmax())
            lowest = UNLABELLED if partly_labelled else 0
            if low < lowest or high >= num_classes:
                raise ArgumentError(
                    f"labels of the {self.name} must lie in {lowest}..{num_classes - 1}, got {low}..{high}",
                    None if partly_labelled or low != UNLABELLED else "a set to judge on has a label for each row",
                )
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
