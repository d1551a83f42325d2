"""Specialists (Hinton et al. 2015, s. 5): which classes they have, their dustbin, and one distribution of them all.

moments_of          covariance of the generalist's predictions, streamed, mergeable
clustered           classes that are predicted together; special_sets makes overlapping sets of one size
cluster_report      what the sets are worth: coverage, correlations, the ceiling; stability, agreement
folded_labels       labels and logits as a specialist has them, its dustbin last; corrected for oversampling
specialist_from     the net it starts as
mixture             what it is trained on, half its own classes; FromGeneralist adds the generalist's soft targets
fit_specialist      its temperature and its dustbin's bias, by held-out examples
active_specialists  A_k: who counts for which input
combine             equation 5, solved exactly; `combination` tells iterations and residual too
Team                generalist and specialists as one teacher, on their Terms
em_target           what a student learns equation 5 from, by cross-entropy alone
FromTeam            that student's objective, from stores; solve_stored writes equation 5's solution as a store
"""

from limbeck.specialists.calibration import Calibration, fit_generalist, fit_specialist
from limbeck.specialists.choose import active_specialists
from limbeck.specialists.cluster_report import ClusterReport, agreement, ceiling, cluster_report, stability
from limbeck.specialists.clusters import clustered, coverage, special_sets
from limbeck.specialists.combine import Combination, combination, combine
from limbeck.specialists.completed import FromTeam
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
from limbeck.specialists.learning import FromGeneralist, budget_within, mixture, special_share
from limbeck.specialists.solved import solve_stored
from limbeck.specialists.team import Member, Team, Terms

__all__ = [
    "Calibration",
    "ClusterReport",
    "Combination",
    "FromGeneralist",
    "FromTeam",
    "Member",
    "Moments",
    "Team",
    "Terms",
    "active_specialists",
    "agreement",
    "budget_within",
    "ceiling",
    "cluster_report",
    "clustered",
    "combination",
    "combine",
    "corrected",
    "coverage",
    "dustbin_correction",
    "em_target",
    "fit_generalist",
    "fit_specialist",
    "folded_labels",
    "folded_logits",
    "mixture",
    "moments_of",
    "solve_stored",
    "special_sets",
    "special_share",
    "specialist_from",
    "specialist_head",
    "stability",
]
