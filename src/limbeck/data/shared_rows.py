"""Rows that two sets share: whoever was trained on the one may know them by heart in the other."""

import hashlib
from collections import Counter
from collections.abc import Iterator

from limbeck.data.transfer_set import TransferSet

ROWS_AT_ONCE = 4096  # a source may be larger than memory
DIGEST_BYTES = 16


def num_shared_rows(held_out: TransferSet, seen: TransferSet) -> int:
    """Return how many rows of a set are among another's too, value for value.

    >>> import torch
    >>> one, other = TransferSet(torch.tensor([[1, 2], [3, 4], [1, 2]])), TransferSet(torch.tensor([[1, 2], [2, 1]]))
    >>> num_shared_rows(one, other), num_shared_rows(other, one)
    (2, 1)
    """
    own, shared = Counter(_digests(held_out)), set[bytes]()
    for digest in _digests(seen):
        if digest in own:
            shared.add(digest)
    return sum(own[digest] for digest in shared)


def _digests(data: TransferSet) -> Iterator[bytes]:
    """Yield what tells each row's values from any other's."""
    for rows in data.rows_of(data.ids).split(ROWS_AT_ONCE):
        values = data.inputs_at(rows).contiguous().reshape(len(rows), -1)
        for row in values.numpy():
            yield hashlib.blake2b(row.tobytes(), digest_size=DIGEST_BYTES).digest()
