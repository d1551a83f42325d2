"""Questions about neighbours: sets of phones that sound alike, found from the data.

Phones are joined two by two, those whose frames one Gaussian fits nearly as well as two (Ward's rule on their means);
each set that comes about is a question. No phonetician's list is needed.
"""

import numpy as np

from limbeck.acoustic.states import NUM_POSITIONS
from limbeck.acoustic.statistics import TriphoneStatistics


def questions_from(statistics: TriphoneStatistics, num_phones: int) -> tuple[frozenset[int], ...]:
    """Return sets of phones to ask about, each phone alone among them; phones without frames are alone only."""
    from scipy.cluster.hierarchy import linkage

    phones = (statistics.roots // NUM_POSITIONS) + 1
    middle = statistics.roots % NUM_POSITIONS == NUM_POSITIONS // 2
    counts = np.bincount(phones[middle], statistics.counts[middle], num_phones + 1)
    sums = np.zeros((num_phones + 1, statistics.sums.shape[1]))
    np.add.at(sums, phones[middle], statistics.sums[middle])
    seen = np.flatnonzero(counts)
    sets = [frozenset({phone}) for phone in range(1, num_phones + 1)]
    joined = [frozenset({int(phone)}) for phone in seen]
    if len(seen) > 1:
        means = sums[seen] / counts[seen, None]
        for first, second in linkage(means, "ward")[:, :2].astype(int):
            joined.append(joined[first] | joined[second])
    return tuple(dict.fromkeys([*sets, *joined[len(seen) : -1]]))  # all phones together ask nothing
