"""The objective that puts generalist and specialists back into one net: cross-entropy to the EM-completed target.

What each said of the transfer set lies in its own soft-target store, so nobody is asked while the student learns, and a
further specialist adds a store. The target depends on the student (`em_target`), so it is made anew in each step; its
gradient is equation 5's own, divided by 1 + M, and nothing is solved.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from limbeck.data.transfer_set import TransferSet
from limbeck.divergence import BatchTargets
from limbeck.errors import ArgumentError
from limbeck.files import fingerprint
from limbeck.objective import check_hard_weight, distillation_loss
from limbeck.specialists.em import em_target
from limbeck.specialists.team import Terms
from limbeck.targets import SoftTargets


@dataclass(frozen=True)
class CompletedTargets:
    """What all say of a batch, as equation 5 takes it; completed by the student's own distribution."""

    generalist_probs: Tensor
    specialist_probs: tuple[Tensor, ...]
    special_classes: Sequence[tuple[int, ...]]
    active: Tensor

    @property
    def num_classes(self) -> int:
        return self.generalist_probs.shape[1]

    def __len__(self) -> int:
        return len(self.generalist_probs)

    def __getitem__(self, rows: slice) -> "CompletedTargets":
        return replace(
            self,
            generalist_probs=self.generalist_probs[rows],
            specialist_probs=tuple(each[rows] for each in self.specialist_probs),
            active=self.active[rows],
        )

    def to(self, device: torch.device) -> "CompletedTargets":
        return replace(
            self,
            generalist_probs=self.generalist_probs.to(device),
            specialist_probs=tuple(each.to(device) for each in self.specialist_probs),
            active=self.active.to(device),
        )

    def divergence(self, student_logits: Tensor, temperature: float, gradient: Tensor) -> Tensor:
        """Return KL(EM(q) ‖ q) of each row and write q - EM(q) into `gradient`."""
        if temperature != 1:
            raise ArgumentError(f"equation 5 is one of probabilities at temperature 1, got {temperature}")
        log_q = student_logits.log_softmax(1)
        q = log_q.exp()
        p = em_target(q, self.generalist_probs, self.specialist_probs, self.special_classes, self.active).to(q.dtype)
        torch.sub(q, p, out=gradient)
        return (torch.special.xlogy(p, p) - p * log_q).sum(1)


@dataclass(frozen=True)
class FromTeam:
    """A student's objective: the EM-completed target, and the labels with their share of the loss."""

    generalist: SoftTargets
    specialists: tuple[SoftTargets, ...]
    terms: Terms
    hard_weight: float = 0.0

    @property
    def num_views(self) -> int | None:
        return self.generalist.num_views

    @property
    def row_bytes(self) -> int:
        return sum(store.row_bytes for store in (self.generalist, *self.specialists))

    def check(self, transfer_set: TransferSet) -> None:
        check_hard_weight(self.hard_weight, labelled=transfer_set.has_labels)
        if len(self.specialists) != len(self.terms.members):
            raise ArgumentError(
                f"each member must have a store, got {len(self.specialists)} for {len(self.terms.members)}"
            )
        for store in (self.generalist, *self.specialists):
            store.check(transfer_set)
            if store.num_views != self.generalist.num_views:
                raise ArgumentError(
                    f"stores must have the same views, got {self.generalist.num_views} and {store.num_views}"
                )

    def targets(self, ids: Tensor, number: int) -> CompletedTargets:
        said, *others = (store.logits(ids, number, temperature=1.0) for store in (self.generalist, *self.specialists))
        p_g, answers, active = self.terms.probs(said, others)
        return CompletedTargets(p_g, tuple(answers), self.terms.special_classes, active)

    def loss(self, logits: Tensor, labels: Tensor | None, targets: BatchTargets | None) -> Tensor:
        assert targets is not None
        return distillation_loss(logits, targets, labels, temperature=1.0, hard_weight=self.hard_weight)

    def spec(self) -> dict[str, Any]:
        stores = [store.fingerprint for store in (self.generalist, *self.specialists)]
        return {
            "name": "completed by the student",
            "stores": fingerprint({"": stores}),
            "terms": repr(self.terms),
            "hard_weight": self.hard_weight,
        }
