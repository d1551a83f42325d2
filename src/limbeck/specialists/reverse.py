"""Equation 5 with its divergences turned round, solved over groups: KL(q ‖ p_g) + Σ_m KL(q ‖ p_m).

With n_i the number of special sets that hold class i, and b_i the geometric mean of the 1 + n_i probabilities it is
given, a group's weight is w_g = Σ_{i ∈ g} b_i, and up to one factor for all the minimum is

    q_g = w_g · exp(-Σ_{m: g outside S_m} v_m / (1 + n_g)),   v_m = log(Q_m / d_m)

Q_m the mass of q outside S_m. Scaling q by κ adds (1 + M)·log κ to the condition of every group, which is why the
factor can wait. The equations for v are solved by Newton's method as they stand here, in logarithms: their Jacobian
has eigenvalues in 1..1 + M. 4 to 7 steps.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from limbeck.errors import ArgumentError
from limbeck.specialists.groups import Solved
from limbeck.specialists.small_systems import curvature, eliminated

TOLERANCE = 1e-11
STEPS, HALVINGS = 100, 40
LEAST = 1e-300  # of a mass relative to the largest, so that its logarithm is there


def solve(
    weights: Float64[np.ndarray, "groups rows"],
    dustbins: Float64[np.ndarray, "sets rows"],
    outside: Float64[np.ndarray, "groups sets"],
) -> Solved:
    """Return the groups' masses under q, Newton's steps, and the condition's largest error, in nats, of each row.

    Raises:
        ArgumentError: in some row no class has a probability > 0 in all distributions, which makes every q infinite.
    """
    w = np.where(outside @ (dustbins == 0) > 0, 0.0, weights)
    empty = int((w.max(0) == 0).sum())
    if empty:
        raise ArgumentError(
            f"in reverse, each row must have a class of probability > 0 in every distribution, {empty} rows have none",
            "direction='forward' needs none",
        )
    alive = (outside.T @ (w > 0) > 0) & (dustbins > 0)
    with np.errstate(divide="ignore"):
        log_w, log_d = np.log(w), np.where(alive, np.log(dustbins), 0.0)
    shares = 1 + outside.shape[1] - outside.sum(1)  # 1 + n_g
    return _descended(_Problem(log_w, log_d, alive, outside, outside / shares[:, None]))


@dataclass(frozen=True)
class _Problem:
    """Weights and dustbins of some rows in logarithms, and which dustbins count."""

    log_w: Float64[np.ndarray, "groups rows"]
    log_d: Float64[np.ndarray, "sets rows"]
    alive: Bool[np.ndarray, "sets rows"]
    outside: Float64[np.ndarray, "groups sets"]
    shared: Float64[np.ndarray, "groups sets"]
    """`outside`, divided by 1 + n_g."""

    def of(self, rows: NDArray[np.bool_]) -> "_Problem":
        """Return some of the rows."""
        return replace(self, log_w=self.log_w[:, rows], log_d=self.log_d[:, rows], alive=self.alive[:, rows])

    def off(self, v: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return v_m - log(Q_m / d_m), 0 where nothing is outside S_m, and q relative to its largest group."""
        log_q = self.log_w - self.shared @ v
        top = log_q.max(0)
        q = np.exp(log_q - top)
        mass = np.log(np.maximum(self.outside.T @ q, LEAST))
        return np.where(self.alive, v + self.log_d - mass - top, 0.0), q


def _descended(problem: _Problem) -> Solved:
    """Return where Newton's steps lead."""
    num_sets, num_rows = problem.log_d.shape
    masses, iterations, residual = np.empty_like(problem.log_w), np.zeros(num_rows, int), np.empty(num_rows)
    rows, v = np.arange(num_rows), np.zeros_like(problem.log_d)
    off, q = problem.off(v)
    for step in range(STEPS + 1):
        masses[:, rows], iterations[rows] = q, step
        residual[rows] = np.abs(problem.outside @ off).max(0)
        left = residual[rows] > TOLERANCE  # no further step makes a number of NaN
        if not left.any():
            break
        if not left.all():
            problem, rows = problem.of(left), rows[left]
            v, off, q = (each[..., left] for each in (v, off, q))
        jacobian = curvature(q, problem.outside, problem.shared) / np.maximum(problem.outside.T @ q, LEAST)[:, None]
        jacobian[range(num_sets), range(num_sets)] += 1
        v, off, q = _stepped(problem, v, eliminated(jacobian, -off), off)
    return Solved(masses / masses.sum(0), iterations, residual)


def _stepped(
    problem: _Problem, v: NDArray[np.float64], change: NDArray[np.float64], off: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return v after a step, with the error and q there; the step is halved in the rows where the error would grow."""
    length, before = np.ones(v.shape[1]), np.maximum(np.linalg.norm(off, axis=0), TOLERANCE)
    then, q = problem.off(v + change)
    for _ in range(HALVINGS):
        grown = np.linalg.norm(then, axis=0) > before
        if not grown.any():
            break
        length[grown] /= 2
        then, q = problem.off(v + length * change)
    return v + length * change, then, q
