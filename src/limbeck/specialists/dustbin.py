"""The dustbin: all classes that are not a specialist's own, as one (Hinton et al. 2015, s. 5.2).

A specialist has len(S) + 1 outputs, its special classes in their order and the dustbin last. It starts from the
generalist's weights. Trained on half special examples, it says what is so in such a mixture; that special classes are
rarer in the world is told afterwards, by a number added to its dustbin's logit.
"""

import copy
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.errors import ArgumentError
from limbeck.objective import UNLABELLED, check_labels
from limbeck.specialists.checks import as_set, check_rows


def dustbin_correction(special_share: float, batch_share: float = 0.5) -> float:
    """Return what is added to a dustbin's logit: the log of how much oftener special classes were seen (s. 5.2).

    log [(batch_share / special_share) / ((1 - batch_share) / (1 - special_share))], for the paper's half and half
    log((1 - special_share) / special_share).

    Args:
        special_share: of the special classes in the data as they are, 0..1.
        batch_share: of the same in what the specialist was trained on.

    Raises:
        ArgumentError: a share that is not between 0 and 1.

    >>> round(dustbin_correction(0.1), 4) == round(math.log(9), 4)
    True
    """
    if not (0 < special_share < 1 and 0 < batch_share < 1):
        raise ArgumentError(f"shares must lie between 0 and 1, got {special_share} and {batch_share}")
    return math.log(batch_share) - math.log1p(-batch_share) - math.log(special_share) + math.log1p(-special_share)


def corrected(
    logits: Float[Tensor, "batch outcomes"], special_share: float, batch_share: float = 0.5
) -> Float[Tensor, "batch outcomes"]:
    """Return a specialist's logits with `dustbin_correction` added to the last column, the dustbin's.

    >>> corrected(torch.zeros(1, 2), special_share=0.25).softmax(1)
    tensor([[0.2500, 0.7500]])
    """
    change = torch.zeros_like(logits)
    change[:, -1] = dustbin_correction(special_share, batch_share)
    return logits + change


def folded_labels(
    labels: Int[Tensor, " examples"], special_classes: Sequence[int], num_classes: int
) -> Int[Tensor, " examples"]:
    """Return labels as a specialist has them: a class's place in its set, len(S) for all others, -1 as it was.

    Raises:
        ArgumentError: a label outside -1..num_classes - 1, or a set that `combine` refuses.

    >>> folded_labels(torch.tensor([5, 0, 2, -1]), [2, 5], num_classes=6)
    tensor([ 1,  2,  0, -1])
    """
    classes = as_set(special_classes, num_classes)
    check_labels(labels, labels.new_empty(len(labels), num_classes), lowest=UNLABELLED)
    outcome = torch.full((num_classes + 1,), len(classes), device=labels.device)
    outcome[torch.from_numpy(classes)] = torch.arange(len(classes), device=labels.device)
    outcome[UNLABELLED] = UNLABELLED  # the last place, which is that of -1
    return outcome[labels.long()]


def folded_logits(
    logits: Float[Tensor, "batch classes"], special_classes: Sequence[int]
) -> Float[Tensor, "batch outcomes"]:
    """Return logits of the same distribution as a specialist sees it: the dustbin's is the others' logsumexp.

    So a generalist's soft targets become a specialist's. For a set of all classes the dustbin's is -inf.

    Raises:
        ArgumentError: what is no tensor (batch, classes), or a set that `combine` refuses.

    >>> folded_logits(torch.zeros(1, 4), [2]).softmax(1)
    tensor([[0.2500, 0.7500]])
    """
    check_rows("logits to be folded", logits)
    index = torch.from_numpy(as_set(special_classes, logits.shape[1])).to(logits.device)
    rest = logits.index_fill(1, index, -torch.inf).logsumexp(1, keepdim=True)
    return torch.cat([logits[:, index], rest], 1)


def specialist_head(layer: nn.Linear, special_classes: Sequence[int]) -> nn.Linear:
    """Return a specialist's last layer made of the generalist's: its special classes' rows, and one for the dustbin.

    The dustbin's logit is the mean of the others' logits and log of their number: their logsumexp where they are equal,
    less elsewhere.

    Raises:
        ArgumentError: a set of all classes, or one that `combine` refuses.
    """
    classes = as_set(special_classes, layer.out_features)
    if len(classes) == layer.out_features:
        raise ArgumentError(f"a special set must leave classes to the dustbin, got all {len(classes)}")
    index = torch.from_numpy(classes).to(layer.weight.device)
    others = torch.ones(layer.out_features, dtype=torch.bool, device=index.device).index_fill(0, index, value=False)
    head = nn.Linear(layer.in_features, len(classes) + 1, device=layer.weight.device, dtype=layer.weight.dtype)
    with torch.no_grad():
        bias = layer.bias if layer.bias is not None else layer.weight.new_zeros(layer.out_features)
        head.weight.copy_(torch.cat([layer.weight[index], layer.weight[others].mean(0, keepdim=True)]))
        head.bias.copy_(torch.cat([bias[index], bias[others].mean(0, keepdim=True) + math.log(int(others.sum()))]))
    return head


def specialist_from(generalist: nn.Module, special_classes: Sequence[int], num_classes: int) -> nn.Module:
    """Return a specialist to be trained: a copy of the generalist, its last layer by `specialist_head` (s. 5.2).

    Raises:
        ArgumentError: the generalist's last torch.nn.Linear isn't one of num_classes outputs, or is the net itself.
    """
    layers = [(name, module) for name, module in generalist.named_modules() if isinstance(module, nn.Linear)]
    if not layers or not layers[-1][0] or layers[-1][1].out_features != num_classes:
        told = layers[-1][1] if layers else "none"
        raise ArgumentError(
            f"a generalist must have a last torch.nn.Linear of {num_classes} outputs inside it, got {told}",
            "copy the net yourself and give it specialist_head(its last layer, special_classes)",
        )
    specialist = copy.deepcopy(generalist)
    name, layer = layers[-1]
    specialist.set_submodule(name, specialist_head(layer, special_classes))
    return specialist
