"""Objectives beyond the paper, with the contract of `limbeck.distillation_loss`: one value per example.

decoupled_loss      DKD (Zhao et al. 2022): the target class and the others, each with its own weight
correlation_loss    DIST (Huang et al. 2022): correlations in place of a divergence
standardised        logits of mean 0 and deviation 1 (Sun et al. 2024): a transform before any loss
"""

from limbeck.beyond.correlation import correlation_loss
from limbeck.beyond.decoupled import decoupled_loss
from limbeck.beyond.standardised import standardised

__all__ = ["correlation_loss", "decoupled_loss", "standardised"]
