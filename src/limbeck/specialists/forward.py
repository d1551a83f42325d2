"""Equation 5 as the paper has it, solved over groups: KL(p_g ‖ q) + Σ_m KL(p_m ‖ q).

With a group's weight w_g = Σ_{i ∈ g} (p_g(i) + Σ_{m: i ∈ S_m} p_m(i)), the dustbins' d_m, λ = 1 + M, and Q_m the mass
of q outside S_m, the one minimum is where

    q_g · s_g = w_g,   u_m · Q_m = d_m,   s_g = λ - Σ_{m: g outside S_m} u_m

(s and u are the dual variables). That is the form interior-point methods solve: Newton's step on all three at once,
cut short where one would leave what is > 0. Well-behaved distributions take 2 to 5 steps from u = d. Where some weights
are nearly 0 and others are not, the way there follows the weights max(w, μ), max(d, μ) while μ falls to 0, and the
groups of least slack s are eliminated with pivots. A weight of exactly 0 counts as `TINY` a class: of the solutions,
which then may be several, it picks one.
"""

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from limbeck.specialists.groups import Solved
from limbeck.specialists.small_systems import curvature, eliminated

TINY = 1e-50
TOLERANCE = 1e-11  # of λ - w/q - Σ d/Q: one more step than the last that is needed for 1e-10
STRAIGHT_STEPS, PATH_STEPS = 10, 500  # the path takes one a decade of TINY, rarely four times as many
KEPT = 0.9  # of the way to where a variable is 0 that a step may go
CENTRED = 0.1  # how far, as a factor, products may be off their targets before μ falls
FALL = 0.1  # of μ
PIVOTED = 128  # groups of least slack, at most, that are eliminated with pivots
AT_ONCE = 2_000_000  # elements of the matrices of rows that take the path


def solve(
    weights: Float64[np.ndarray, "groups rows"],
    dustbins: Float64[np.ndarray, "sets rows"],
    outside: Float64[np.ndarray, "groups sets"],
    sizes: NDArray[np.integer],
) -> Solved:
    """Return the groups' masses under q, Newton's steps, and max |λ - w_g/q_g - Σ_m d_m/Q_m| of each row.

    A set of all classes has a dustbin of 0.
    """
    total, partial = 1 + outside.shape[1], outside.any(0)
    w, d = np.maximum(weights, TINY * sizes[:, None]), np.maximum(dustbins[partial], TINY)
    outside = outside[:, partial]
    if not partial.any():
        return Solved(w / total, np.zeros(w.shape[1], int), np.zeros(w.shape[1]))
    if total == 2:
        q = w / 2 * (1 + outside * (d / (outside.T @ w)))  # the mean inside S; outside, p_g scaled to what is left
        return Solved(q, np.zeros(w.shape[1], int), residual_of(w, d, q, outside, total))
    masses, iterations, residual = _descended(w, d, outside, total, path=False)
    hard = np.flatnonzero(~(residual <= TOLERANCE))  # NaN too
    at_once = max(1, AT_ONCE // (min(len(outside), PIVOTED) + outside.shape[1]) ** 2)
    for start in range(0, len(hard), at_once):
        rows = hard[start : start + at_once]
        masses[:, rows], more, residual[rows] = _descended(w[:, rows], d[:, rows], outside, total, path=True)
        iterations[rows] += more
    return Solved(masses, iterations, residual)


def residual_of(
    w: Float64[np.ndarray, "groups rows"],
    d: Float64[np.ndarray, "sets rows"],
    q: Float64[np.ndarray, "groups rows"],
    outside: Float64[np.ndarray, "groups sets"],
    total: int,
) -> Float64[np.ndarray, " rows"]:
    """Return the largest |λ - w_g/q_g - Σ_m d_m/Q_m| of each row, λ = `total`.

    Equation 5's value is at most that above its minimum.
    """
    return np.abs(total - w / q - outside @ (d / (outside.T @ q))).max(0)


def _descended(
    w: NDArray[np.float64], d: NDArray[np.float64], outside: NDArray[np.float64], total: int, *, path: bool
) -> Solved:
    """Return where Newton's steps lead, straight from u = d or along the path."""
    num_sets, num_rows = d.shape
    masses, residual, iterations = np.empty_like(w), np.empty(num_rows), np.zeros(num_rows, int)
    u = np.full_like(d, total / (2 * num_sets)) if path else d
    mu = np.full(num_rows, float(path))
    s = total - outside @ u
    q = np.maximum(w, mu) / s
    rows, pivoted = np.arange(num_rows), min(len(outside), PIVOTED) if path else 0
    for step in range((PATH_STEPS if path else STRAIGHT_STEPS) + 1):
        off = residual_of(w, d, q, outside, total)
        masses[:, rows], residual[rows], iterations[rows] = q, off, step
        left = off > TOLERANCE  # no further step makes a number of NaN
        if not left.any():
            break
        if not left.all():
            rows = rows[left]
            w, d, mu, u, s, q = (each[..., left] for each in (w, d, mu, u, s, q))
        if path:
            mu = _fallen(mu, q * s, w, u * (outside.T @ q), d)
        u, s, q = _stepped(np.maximum(w, mu), np.maximum(d, mu), u, s, q, outside, pivoted)
    return Solved(masses, iterations, residual)


def _fallen(
    mu: NDArray[np.float64],
    slack_products: NDArray[np.float64],
    w: NDArray[np.float64],
    dustbin_products: NDArray[np.float64],
    d: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return each row's next μ: lower where all products are near their targets for the μ they have."""
    products = np.vstack([slack_products / np.maximum(w, mu), dustbin_products / np.maximum(d, mu)])
    centred = (products.min(0) > CENTRED) & (products.max(0) < 1 / CENTRED)
    return np.where(centred, np.where(mu > TINY, FALL * mu, 0.0), mu)


def _stepped(  # noqa: PLR0917 - private
    w: NDArray[np.float64],
    d: NDArray[np.float64],
    u: NDArray[np.float64],
    s: NDArray[np.float64],
    q: NDArray[np.float64],
    outside: NDArray[np.float64],
    pivoted: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return u, s and q after one step, in each row as long as all stay > 0.

    Unknown are the relative changes x of q and y of u: s_g·x_g - Σ_m u_m·y_m = w_g/q_g - s_g for each group and
    Σ_g q_g·x_g + Q_m·y_m = d_m/u_m - Q_m for each set. All are told relative to s and Q, so that what is nearly 0
    keeps its digits.
    """
    mass = outside.T @ q
    slack_off, ratio = w / q - s, q / s
    near = np.argsort(s, 0)[:pivoted] if pivoted else np.empty((0, s.shape[1]), int)
    np.put_along_axis(ratio, near, 0.0, 0)
    matrix = curvature(ratio, outside, outside) * u / mass[:, None]
    matrix[range(len(u)), range(len(u))] += 1
    wanted = (d / u - outside.T @ (ratio * slack_off)) / mass - 1
    if pivoted:
        y, near_x = _with_pivots(matrix, wanted, u, mass, outside[near], near, s, q, slack_off)
    else:
        y, near_x = eliminated(matrix, wanted), near
    x = (slack_off + outside @ (u * y)) / s
    np.put_along_axis(x, near, near_x, 0)
    slack = slack_off / s - x
    fastest = -np.minimum(np.minimum(x.min(0), y.min(0)), slack.min(0))
    length = np.minimum(1, KEPT / np.maximum(fastest, KEPT))
    return u * (1 + length * y), s * (1 + length * slack), q * (1 + length * x)


def _with_pivots(  # noqa: PLR0917 - private
    matrix: NDArray[np.float64],
    wanted: NDArray[np.float64],
    u: NDArray[np.float64],
    mass: NDArray[np.float64],
    outside: NDArray[np.float64],
    near: NDArray[np.intp],
    s: NDArray[np.float64],
    q: NDArray[np.float64],
    slack_off: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the relative changes of u, and of q in the groups `near`, whose equations are solved with the sets'."""
    q, s, slack_off = (np.take_along_axis(each, near, 0) for each in (q, s, slack_off))
    over = outside.swapaxes(1, 2)  # (near, sets, rows)
    unit = np.broadcast_to(np.eye(len(near))[:, :, None], (len(near), *near.shape))
    upper = np.concatenate([unit, -over * u / s[:, None]], 1)
    lower = np.concatenate([(over * q[:, None]).swapaxes(0, 1) / mass[:, None], matrix], 1)
    whole, right = np.concatenate([upper, lower]), np.concatenate([slack_off / s, wanted])
    largest = np.abs(whole).max(1)
    rows_first = np.moveaxis(whole / largest[:, None], 2, 0)
    solution = np.linalg.solve(rows_first, (right / largest).T[:, :, None])[:, :, 0].T
    return solution[len(near) :], solution[: len(near)]
