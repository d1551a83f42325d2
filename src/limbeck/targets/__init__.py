"""The soft-target store: a teacher's logits on disk, bound to what made them.

    folder/
      manifest.json           what the store was made from, and each shard's rows and SHA-256
      examples.arrow          the examples' ids, where they are not simply 0, 1, 2, ...
      teacher-0/00000.arrow   shards of the first member: Arrow IPC, one row a prediction
      teacher-1/...           each further member has its own shards

Logits are kept, never softened probabilities: the temperature is chosen when the store is read. Row
number·examples + position holds view `number` of the example at `position`.
"""

from limbeck.targets.reader import SoftTargets
from limbeck.targets.writer import write_soft_targets

__all__ = ["SoftTargets", "write_soft_targets"]
