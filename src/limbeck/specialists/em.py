"""Equation 5 as one step of expectation-maximisation: the target that teaches it to a student.

Each specialist's dustbin is shared out among its classes as q has them; then what each class is given is averaged:

    EM(q)_i = [p_g(i) + Σ_{m: i ∈ S_m} p_m(i) + q_i · Σ_{m: i ∉ S_m} d_m / Q_m] / (1 + M)

Repeated, it goes down to equation 5's minimum, slowly. For q = softmax(z) the gradient of equation 5 for z is
(1 + M)·(q - EM(q)): the cross-entropy's to EM(q), taken as a constant, times 1 + M. So a net is trained to equation 5
by plain cross-entropy with a target that costs no solving ('not yet shown', s. 8).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.specialists.checks import check_rows, check_special_classes, checked_active, dustbin_of_all

LEAST_MASS = torch.finfo(torch.float64).tiny  # of q outside a special set: numbers below have lost their digits


def em_target(
    probs: Float[Tensor, "batch classes"],
    generalist_probs: Float[Tensor, "batch classes"],
    specialist_probs: Sequence[Float[Tensor, "batch _"]],
    special_classes: Sequence[Sequence[int]],
    active: Bool[Tensor, "batch specialists"] | None = None,
) -> Float[Tensor, "batch classes"]:
    """Return EM(q): generalist and specialists, their dustbins shared out as q = `probs` has them. Has no gradient.

    Computed in float64, where the inputs are, and returned in q's type, float32 at least. Distributions are taken as
    they are; what an inactive specialist says may be anything. Where q has no mass at all outside a special set, that
    dustbin is shared out evenly.

    Raises:
        ArgumentError: shapes that don't fit, classes that are not there or twice in a set, or a dustbin > 0 for a set
            of all classes.

    >>> p_g, p_m = torch.tensor([[0.5, 0.25, 0.25]]), torch.tensor([[0.1, 0.9]])
    >>> em_target(p_g, p_g, [p_m], [[0]])
    tensor([[0.3000, 0.3500, 0.3500]])
    """
    check_rows("q", probs)
    sets = check_special_classes(generalist_probs, specialist_probs, special_classes)
    if probs.shape != generalist_probs.shape:
        raise ArgumentError(
            f"q must have the generalist's shape {tuple(generalist_probs.shape)}, got {tuple(probs.shape)}"
        )
    counted = torch.from_numpy(checked_active(active, len(generalist_probs), len(sets))).to(probs.device)
    q, given = probs.detach().double(), generalist_probs.detach().double().clone()
    for number, (p_m, classes, own) in enumerate(zip(specialist_probs, sets, counted.T, strict=True)):
        index = torch.from_numpy(classes).to(probs.device)
        p = p_m.detach().double().masked_fill(~own[:, None], 0)
        shares = q.index_fill(1, index, 0)
        mass = shares.sum(1, keepdim=True)
        evenly = torch.ones_like(shares[:1]).index_fill(1, index, 0)
        shares = torch.where(mass >= LEAST_MASS, shares, evenly)
        if len(classes) == q.shape[1] and bool((p[:, -1] > 0).any()):
            raise dustbin_of_all(number, float(p[:, -1].max()))
        given.addcmul_(shares, p[:, -1:] / shares.sum(1, keepdim=True).clamp_(min=LEAST_MASS))
        given.index_add_(1, index, p[:, :-1])
    return given.div_(1 + counted.sum(1, keepdim=True)).to(torch.promote_types(probs.dtype, torch.float32))
