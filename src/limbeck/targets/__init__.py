"""The soft-target store: teachers' logits on disk, bound to what made them.

    folder/
      manifest.json           what the store was made from, and each shard's rows and SHA-256
      examples.arrow          ids and lengths of runs, where examples are not simply rows 0, 1, 2, ...
      teacher-0/00000.arrow   shards of the first member: Arrow IPC, one row a prediction
      teacher-1/...           each further member has its own shards

Logits are kept, never softened probabilities: the temperature is chosen when the store is read. Row
number·rows_per_view + position holds view `number` of the row at `position`. A row is kept whole (`Dense`), by its
most probable classes (`TopK`), or by classes drawn from it (`Sampled`).
"""

from limbeck.targets.dense import Dense
from limbeck.targets.encoding import Encoding
from limbeck.targets.fuse import fuse
from limbeck.targets.reader import SoftTargets
from limbeck.targets.recompute import Recomputed, recompute
from limbeck.targets.sampled import Sampled
from limbeck.targets.tables import export_parquet, import_parquet
from limbeck.targets.top_k import TopK
from limbeck.targets.writer import check_views, write_soft_targets

__all__ = [
    "Dense",
    "Encoding",
    "Recomputed",
    "Sampled",
    "SoftTargets",
    "TopK",
    "check_views",
    "export_parquet",
    "fuse",
    "import_parquet",
    "recompute",
    "write_soft_targets",
]
