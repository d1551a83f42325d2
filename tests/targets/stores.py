"""What the tests of the store share: examples that are their own teacher's logits, so that all is exact."""

import torch

from limbeck import TransferSet


def examples(count=50, classes=7, seed=0, **fields):
    generator = torch.Generator().manual_seed(seed)
    return TransferSet(3 * torch.randn(count, classes, generator=generator), **fields)


def in_runs(lengths=(3, 1, 4, 1, 5, 9, 2, 6), classes=7, **fields):
    runs = torch.tensor(lengths)
    return examples(int(runs.sum()), classes, run_lengths=runs, **fields)


class Says:
    """A teacher that says its inputs, turned by some classes; it counts the rows it judges and may die."""

    def __init__(self, turn=0, dies_after=None):
        self.fingerprint = f"says, turned by {turn}"
        self.turn, self.dies_after, self.rows = turn, dies_after, 0

    def __call__(self, inputs):
        self.rows += len(inputs)
        if self.dies_after is not None and self.rows > self.dies_after:
            raise KeyboardInterrupt
        return inputs.float().roll(self.turn, -1)


class Nudge:
    """A view: number v adds v to the first class's logit."""

    def __call__(self, inputs, ids, number):
        moved = inputs.clone()
        moved[:, 0] += number
        return moved

    def spec(self):
        return {"name": "nudge"}


def less_maximum(logits):
    return logits - logits.amax(-1, keepdim=True)


def files_of(folder):
    """Return the bytes of each file of a store, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
