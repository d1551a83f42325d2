"""Whether a net can learn: what is wrong with it is said before anything is spent on it."""

import torch
from torch import Tensor, nn

from limbeck.errors import ArgumentError, LimbeckError
from limbeck.teachers.judging import check_output


def check_parameters(net: nn.Module) -> None:
    """Raise ArgumentError unless a net has parameters to train, real numbers, and a state that can be kept."""
    trained = {name: parameter for name, parameter in net.named_parameters() if parameter.requires_grad}
    if not trained:
        raise ArgumentError("a net must have parameters that can be trained, got none")
    for name, parameter in trained.items():
        if not parameter.is_floating_point():
            raise ArgumentError(
                f"a net's parameters must be real numbers, {name!r} is {parameter.dtype}",
                "keep real and imaginary parts apart, as torch.view_as_real does",
            )
    for name, value in net.state_dict().items():
        if not isinstance(value, Tensor) or value.layout != torch.strided:
            kind = str(value.layout) if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise ArgumentError(
                f"a net that learns must keep its state in dense tensors, {name!r} is {kind}",
                "no file would hold it: register_buffer(name, tensor, persistent=False) for what never changes",
            )


def check_learning(output: object, count: int) -> Tensor:
    """Return a net's output for `count` inputs in training mode as it is.

    Raises:
        ArgumentError: it is no tensor of logits (count, classes), or has no gradient.
    """
    logits = check_output(output, count)
    if not logits.requires_grad:
        raise ArgumentError(
            "a net that learns must give logits with a gradient, these have none",
            "its forward may detach them, or run in torch.no_grad()",
        )
    return logits


def check_can_learn(net: nn.Module, inputs: Tensor) -> None:
    """Ask a net as training does, in training mode and for its gradient: it is changed, and of no use afterwards.

    Raises:
        ArgumentError: it fails, gives no logits then, or no gradient.
    """
    check_parameters(net)
    try:
        with torch.random.fork_rng(devices=[]):
            asked = inputs.to(next(net.parameters()).device)
            check_learning(net.train()(asked), len(inputs)).sum().backward()
    except LimbeckError:
        raise
    except (Exception, SystemExit) as error:  # whatever a forward raises in training mode alone
        told = next(iter(str(error).splitlines()), "")
        raise ArgumentError(
            f"a net must learn from a batch of shape {tuple(inputs.shape)}; in training mode it raised "
            f"{type(error).__name__}: {told}"
        ) from error
