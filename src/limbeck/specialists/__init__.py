"""Specialists (Hinton et al. 2015, s. 5): which classes they have, their dustbin, and one distribution of them all.

moments_of          covariance of the generalist's predictions, streamed, mergeable
clustered           classes that are predicted together; special_sets makes overlapping sets of one size
cluster_report      what the sets are worth: coverage, correlations, the ceiling; stability, agreement
folded_labels       labels and logits as a specialist has them, its dustbin last; corrected for oversampling
specialist_from     the net it starts as
active_specialists  A_k: who counts for which input
combine             equation 5, solved exactly; `combination` tells iterations and residual too
em_target           what a student learns equation 5 from, by cross-entropy alone
"""

from limbeck.specialists.choose import active_specialists
from limbeck.specialists.cluster_report import ClusterReport, agreement, ceiling, cluster_report, stability
from limbeck.specialists.clusters import clustered, coverage, special_sets
from limbeck.specialists.combine import Combination, combination, combine
from limbeck.specialists.covariance import Moments, moments_of
from limbeck.specialists.dustbin import (
    corrected,
    dustbin_correction,
    folded_labels,
    folded_logits,
    specialist_from,
    specialist_head,
)
from limbeck.specialists.em import em_target

__all__ = [
    "ClusterReport",
    "Combination",
    "Moments",
    "active_specialists",
    "agreement",
    "ceiling",
    "cluster_report",
    "clustered",
    "combination",
    "combine",
    "corrected",
    "coverage",
    "dustbin_correction",
    "em_target",
    "folded_labels",
    "folded_logits",
    "moments_of",
    "special_sets",
    "specialist_from",
    "specialist_head",
    "stability",
]
