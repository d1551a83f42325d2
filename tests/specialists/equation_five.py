"""Equation 5 written down once more, class by class, in numpy: its value, its gradient, and distributions to try."""

import numpy as np
import torch
from hypothesis import strategies as st


def kl(p, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0)
    return terms.sum()


def folded(q, classes):
    """Return q as a specialist sees it: its classes, and all the others together."""
    others = np.ones(len(q), bool)
    others[list(classes)] = False
    return np.append(q[list(classes)], q[others].sum())


def value(q, p_g, p_m, sets, direction="forward"):
    """Return the sum of divergences that equation 5 minimises, for one row."""
    pairs = [(p_g, q), *((p, folded(q, classes)) for p, classes in zip(p_m, sets, strict=True))]
    return sum(kl(p, own) if direction == "forward" else kl(own, p) for p, own in pairs)


def gradient(q, p_g, p_m, sets, direction="forward"):
    """Return the derivatives of `value` for q's probabilities; the reverse one's but for a constant."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = -np.where(p_g > 0, p_g / q, 0.0) if direction == "forward" else np.log(q) - np.log(p_g)
        for p, classes in zip(p_m, sets, strict=True):
            own = folded(q, classes)
            each = -np.where(p > 0, p / own, 0.0) if direction == "forward" else np.log(own) - np.log(p)
            outcome = np.full(len(q), len(classes))
            outcome[list(classes)] = range(len(classes))
            slope += each[outcome]
    return slope


def excess(q, p_g, p_m, sets):
    """Return what `value` can be above its minimum, forward: the gap that convexity leaves, for q of sum 1."""
    return -gradient(q, p_g, p_m, sets).min() - (1 + len(sets))


def team(num_rows, num_classes, num_sets, size, *, scale=4.0, seed=0, dtype=torch.float64):
    """Return random distributions of a generalist and specialists, and the special sets."""
    generator = torch.Generator().manual_seed(seed)
    sets = [torch.randperm(num_classes, generator=generator)[:size].tolist() for _ in range(num_sets)]
    shapes = [num_classes, *([size + 1] * num_sets)]
    p_g, *p_m = (
        (scale * torch.randn(num_rows, wide, generator=generator)).double().softmax(1).to(dtype) for wide in shapes
    )
    return p_g, p_m, sets


@st.composite
def teams(draw, *, whole_sets=True, zeros=True, least_exponent=-25.0):
    """Draw one row: up to 7 classes and 5 special sets, probabilities that may be 0, 1 or anything between."""
    num_classes = draw(st.integers(1, 7))
    weight = st.floats(least_exponent, 0).map(lambda exponent: 10**exponent)
    weight = st.one_of(weight, st.just(0.0), st.just(1.0)) if zeros else weight

    def distribution(size, *, dustbin=True):
        some = st.lists(weight, min_size=size, max_size=size).filter(lambda w: sum(w[: size if dustbin else -1]) > 0)
        told = np.array(draw(some))
        if not dustbin:
            told[-1] = 0
        return told / told.sum()

    one_set = st.lists(st.integers(0, num_classes - 1), min_size=1, max_size=num_classes, unique=True)
    sets = draw(st.lists(one_set, max_size=5))
    if not whole_sets:
        sets = [classes for classes in sets if len(classes) < num_classes]
    p_m = [distribution(len(classes) + 1, dustbin=len(classes) < num_classes) for classes in sets]
    return distribution(num_classes), p_m, sets


def rows(p_g, p_m):
    """Return one row's distributions as batches of one."""
    return torch.from_numpy(p_g)[None], [torch.from_numpy(p)[None] for p in p_m]
