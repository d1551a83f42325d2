"""A narrower copy of a net: the same layers in the same order, each a factor as wide. Not in the paper.

Layers are rebuilt in the order in which two example rows reach them: each takes the width that arrives, and gives its
own width times the factor. Layers of one width stay layers of one width, so that sums of residual paths still fit; the
layer that gives the logits keeps its width.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from limbeck.errors import ArgumentError
from limbeck.teachers.copies import copy_of

Norm = nn.modules.batchnorm._NormBase  # noqa: SLF001 - the one root of batch and instance norms
KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, Norm, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.PReLU)
SHARE = 0.1  # of the parameters
STEPS = 12  # of the search for the factor: it is then known to 1 in 4000
MOST_TOLD = 20  # layers
OWN_STUDENT = "name a student of your own: --student module:callable"


@dataclass(frozen=True)
class Narrowed:
    """A narrower net, freshly initialised, and how it came to be."""

    net: nn.Module
    factor: float
    """By which widths were multiplied, before rounding."""
    parameters: int
    teacher_parameters: int
    widths: Mapping[str, tuple[str, str]]
    """Of each layer with weights, by its name: widths in and out, before and after."""

    def told(self) -> Iterator[str]:
        """Yield in words what was narrowed."""
        yield (
            f"a student is proposed: the teacher with its layers {self.factor:.2f} times as wide, freshly initialised, "
            f"{self.parameters:,} parameters where the teacher has {self.teacher_parameters:,}"
        )
        longest = max(map(len, self.widths))
        for name, (before, after) in list(self.widths.items())[:MOST_TOLD]:
            yield f"  {name:<{longest}}  {before} becomes {after}"
        if len(self.widths) > MOST_TOLD:
            yield f"  and {len(self.widths) - MOST_TOLD} more layers"


def narrowed(net: nn.Module, rows: Tensor, share: float = SHARE) -> Narrowed:
    """Return a narrower copy of a net, with at most a share (0..1) of its parameters, on the CPU, in float32.

    Args:
        net: from inputs to logits (batch, classes).
        rows: two example inputs or more.
        share: of the parameters. Where layers of one unit have more, it is that net.

    Raises:
        ArgumentError: the net has parts that can't be narrowed so, or can't judge at other widths.
    """
    _check(net)
    try:
        own = copy_of(net).cpu().float().eval()
    except ArgumentError as error:
        raise ArgumentError(f"a student can't be proposed: {error.message}", OWN_STUDENT) from error
    plan = _Plan(own, rows[:2].cpu())
    total = sum(parameter.numel() for parameter in net.parameters())
    refusal: ArgumentError | None = None
    for kept in (frozenset[int](), frozenset({*rows.shape[1:2], *rows.shape[1:][-1:], plan.classes})):
        try:
            factor = _search(plan, share * total, kept)
            parameters = plan.rebuild(factor, kept)
            plan.check(rows)
        except ArgumentError as error:
            refusal = refusal or error
            continue
        return Narrowed(plan.net.train(), factor, parameters, total, plan.widths())
    assert refusal is not None
    raise refusal


def fresh(net: nn.Module) -> nn.Module:
    """Return a copy of a net whose layers have been initialised anew, by torch's random numbers."""
    made = copy_of(net)
    for module in made.modules():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
    return made


def _search(plan: "_Plan", most: float, kept: frozenset[int]) -> float:
    """Return the largest factor with at most so many parameters, the smallest where there is none."""
    low, high = 0.0, 1.0
    plan.rebuild(math.sqrt(SHARE), kept)  # what fails here fails anywhere
    for _ in range(STEPS):
        middle = (low + high) / 2
        try:
            fits = plan.rebuild(middle, kept) <= most
        except ArgumentError:
            fits = False  # some widths may not go together
        low, high = (middle, high) if fits else (low, middle)
    return low


def _check(net: nn.Module) -> None:
    """Raise ArgumentError for a part that is no layer of a kind that can be rebuilt."""
    for name, module in net.named_modules():
        own = {each for each, _ in module.named_parameters(recurse=False)}
        if not own and not is_parametrized(module):
            continue
        if not isinstance(module, KINDS) or not own <= {"weight", "bias"} or is_parametrized(module):
            weights = ", ".join(sorted(own)) or "other weights"
            what = f"{name or 'the net'} is a {type(module).__name__} with {weights} of its own"
            raise ArgumentError(
                f"a student can't be proposed: only linear and convolutional layers and norms can be narrowed, {what}",
                OWN_STUDENT,
            )
    names = [name for name, _ in net.named_parameters(remove_duplicate=False)]
    if len(names) != len(list(net.parameters())):
        raise ArgumentError("a student can't be proposed: layers of the teacher share their weights", OWN_STUDENT)


class _Plan:
    """A net whose layers can be rebuilt at any factor of the widths they had."""

    def __init__(self, net: nn.Module, rows: Tensor) -> None:
        self.net, self.rows = net, rows
        self.layers: dict[nn.Module, str] = {
            module: name for name, module in net.named_modules() if isinstance(module, KINDS)
        }
        self.before = {layer: _sizes(layer) for layer in self.layers}
        divisors = [sizes[2] for sizes in self.before.values() if 1 < sizes[2] < sizes[0]]
        self.divisor = math.lcm(*divisors)  # of all widths that it divides: groups stay whole
        order: list[nn.Module] = []
        with self._hooked(lambda layer, _: order.append(layer)):
            self.classes = self._judge(net, rows).shape[1]
        weighty = [layer for layer in order if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d)]
        if not weighty:
            raise ArgumentError("a student can't be proposed: the teacher has no layer to narrow", OWN_STUDENT)
        self.head, self.order = weighty[-1], list(dict.fromkeys(order))

    def rebuild(self, factor: float, kept: frozenset[int]) -> int:
        """Rebuild all layers at a factor, but for outputs of the `kept` widths, and return the number of parameters.

        Raises:
            ArgumentError: the net can't judge its rows at these widths.
        """
        done: set[nn.Module] = set()

        def visit(layer: nn.Module, inputs: Tensor) -> None:
            if layer not in done:
                done.add(layer)
                _, outward, _ = self.before[layer]
                whole = layer is self.head or outward in kept
                _rebuild(layer, inputs, self.before[layer], outward if whole else self._scaled(outward, factor))

        with self._hooked(visit):
            self._judge(self.net, self.rows)
        return sum(parameter.numel() for parameter in self.net.parameters())

    def check(self, rows: Tensor) -> None:
        """Raise ArgumentError unless the net judges another number of rows too, in training as well."""
        three = torch.cat([rows, rows, rows])[:3].cpu()
        for training in (False, True):
            self._judge(copy_of(self.net).train(training), three)

    def widths(self) -> dict[str, tuple[str, str]]:
        """Return the widths of each layer that is no norm, before and after."""
        shown = [layer for layer in self.order if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d)]
        found: dict[str, tuple[str, str]] = {}
        for layer in shown:
            before, after = (f"{inward} → {outward}" for inward, outward, _ in (self.before[layer], _sizes(layer)))
            found[self.layers[layer]] = (before, after)
        return found

    def _scaled(self, width: int, factor: float) -> int:
        unit = math.gcd(width, self.divisor)
        return max(1, round(width * factor / unit)) * unit

    @contextmanager
    def _hooked(self, visit: Any) -> Iterator[None]:
        """Have `visit` called with each layer and what arrives at it, before it is asked."""

        def hook(layer: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            visit(layer, next(iter((*given, *named.values()))))

        handles = [layer.register_forward_pre_hook(hook, with_kwargs=True) for layer in self.layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @staticmethod
    def _judge(net: nn.Module, rows: Tensor) -> Tensor:
        """Return logits (rows, classes)."""
        try:
            with torch.no_grad():
                logits = net(rows)
        except Exception as error:  # whatever a forward raises where widths don't fit
            told = next(iter(str(error).splitlines()), "")
            raise ArgumentError(
                f"a student can't be proposed: the teacher fails with narrower layers: {type(error).__name__}: {told}",
                OWN_STUDENT,
            ) from error
        if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(rows):
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ArgumentError(
                f"a student can't be proposed: with narrower layers the teacher gives {got} for {len(rows)} rows",
                OWN_STUDENT,
            )
        return logits


def _sizes(layer: Any) -> tuple[int, int, int]:
    """Return a layer's width in, its width out, and its groups."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features, 1
    if isinstance(layer, nn.Conv1d | nn.Conv2d):
        return layer.in_channels, layer.out_channels, layer.groups
    if isinstance(layer, nn.GroupNorm):
        return layer.num_channels, layer.num_channels, layer.num_groups
    if isinstance(layer, nn.PReLU):
        return layer.num_parameters, layer.num_parameters, 1
    width = layer.num_features if isinstance(layer, Norm) else layer.normalized_shape[-1]
    return width, width, 1


def _rebuild(layer: Any, inputs: Tensor, before: tuple[int, int, int], outward: int) -> None:
    """Give a layer the width that arrives and another width out, and fresh weights."""
    inward_before, outward_before, groups = before
    if isinstance(layer, nn.Linear):
        layer.in_features, layer.out_features = inputs.shape[-1], outward
        shape: tuple[int, ...] = (outward, inputs.shape[-1])
    elif isinstance(layer, nn.Conv1d | nn.Conv2d):
        inward = inputs.shape[-1 - len(layer.kernel_size)]
        if groups == inward_before > 1:  # depthwise
            groups, outward = inward, inward * (outward_before // inward_before)
        if inward % groups:
            raise ValueError(f"{inward} channels can't be in {groups} groups")
        layer.in_channels, layer.out_channels, layer.groups = inward, outward, groups
        shape = (outward, inward // groups, *layer.kernel_size)
    else:
        shape = _rebuilt_norm(layer, inputs, before)
        outward = shape[0]
    for name, size in (("weight", shape), ("bias", shape if isinstance(layer, nn.LayerNorm) else (outward,))):
        if getattr(layer, name, None) is not None:
            setattr(layer, name, nn.Parameter(torch.empty(size)))
    for name in ("running_mean", "running_var"):
        if getattr(layer, name, None) is not None:
            setattr(layer, name, torch.empty(outward))
    layer.reset_parameters()


def _rebuilt_norm(layer: Any, inputs: Tensor, before: tuple[int, int, int]) -> tuple[int, ...]:
    """Set the widths of a norm, or of PReLU, to those that arrive, and return the shape of its weights."""
    if isinstance(layer, nn.LayerNorm | nn.RMSNorm):
        layer.normalized_shape = tuple(inputs.shape[-len(layer.normalized_shape) :])
        return layer.normalized_shape
    width = inputs.shape[1]
    if isinstance(layer, nn.GroupNorm):
        layer.num_channels = width
        layer.num_groups = width if before[2] == before[0] else before[2]
        if width % layer.num_groups:
            raise ValueError(f"{width} channels can't be in {layer.num_groups} groups")
    elif isinstance(layer, nn.PReLU):
        width = 1 if before[0] == 1 else width
        layer.num_parameters = width
    else:
        layer.num_features = width
    return (width,)
