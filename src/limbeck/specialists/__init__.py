"""Specialists (Hinton et al. 2015, s. 5): which classes they have, their dustbin, and one distribution of them all.

combine             equation 5, solved exactly; `combination` tells iterations and residual too
active_specialists  A_k: who counts for which input
em_target           what a student learns equation 5 from, by cross-entropy alone
"""

from limbeck.specialists.choose import active_specialists
from limbeck.specialists.combine import Combination, combination, combine
from limbeck.specialists.em import em_target

__all__ = ["Combination", "active_specialists", "combination", "combine", "em_target"]
