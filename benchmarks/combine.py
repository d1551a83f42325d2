"""Equation 5 solved: ours beside the paper's gradient descent, expectation-maximisation and scipy.

    python benchmarks/combine.py        writes results/bench-combine.json

Times are CPU time of one thread, by image, of a call on a whole batch with all its checks: wall time on a machine with
nothing else to do. Distributions are softmaxes of normal logits of deviation 4, as trained nets have them, in float32.

The rivals go on until no probability of q is further from the solution than they are asked: gradient descent on q's
logits (the paper's, s. 5.4) to 1e-4 from the generalist's, at the fastest of the rates that get there; EM to 1e-10;
scipy's L-BFGS, with the exact gradient, to its own end. All but scipy work on the whole batch in float64, and leave
images that are done.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from timing import in_turn, ratio_row, record, value_row
from torch import Tensor

from limbeck.specialists import Combination, active_specialists, combination

SPREAD = 4.0  # of the logits
ROUNDS, RIVAL_ROUNDS = 25, 5
RATES = (0.25, 0.5, 1.0, 2.0, 4.0)
DESCENT_TOLERANCE, EM_TOLERANCE = 1e-4, 1e-10
MOST_STEPS = 20_000
LOOKED_AT = 20  # steps, between two looks at which images are done

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Team:
    """A generalist and its specialists on a batch."""

    p_g: Tensor
    p_m: list[Tensor]
    sets: list[list[int]]

    @property
    def name(self) -> str:
        """Its size in words."""
        return f"C = {self.p_g.shape[1]}, M = {len(self.sets)}"

    def first(self, count: int) -> "Team":
        """Return the same on some of the images."""
        return Team(self.p_g[:count], [p[:count] for p in self.p_m], self.sets)


def team(batch: int, classes: int, specialists: int, size: int) -> Team:
    """Return a team of specialists with `size` classes each, which may overlap."""
    generator = torch.Generator().manual_seed(0)
    sets = [torch.randperm(classes, generator=generator)[:size].tolist() for _ in range(specialists)]
    shapes = [classes, *(len(own) + 1 for own in sets)]
    p_g, *p_m = ((SPREAD * torch.randn(batch, wide, generator=generator)).softmax(1) for wide in shapes)
    return Team(p_g, p_m, sets)


TEAMS = (team(4000, 100, 3, 15), team(1000, 1000, 6, 100), team(200, 15_000, 3, 300))


class Written:
    """Equation 5 of a team written out class by class, for the rivals."""

    def __init__(self, given: Team) -> None:
        """Prepare what each class is given, the dustbins, and what lies outside each set."""
        self.start = normalised(given.p_g)
        self.given, self.outside = self.start.copy(), np.ones((self.start.shape[1], len(given.sets)))
        dustbins = []
        for p, own in zip(map(normalised, given.p_m), given.sets, strict=True):
            self.given[:, own] += p[:, :-1]
            self.outside[own, len(dustbins)] = 0
            dustbins.append(p[:, -1])
        self.dustbins = np.stack(dustbins, 1)

    def expected(self, q: Rows, rows: NDArray[np.intp] | slice) -> Rows:
        """Return EM(q) of some rows: what each class is given, the dustbins shared out as q has their classes."""
        shared = q * ((self.dustbins[rows] / (q @ self.outside)) @ self.outside.T)
        return (self.given[rows] + shared) / (1 + self.outside.shape[1])

    def value_and_slope(self, z: Rows, row: int) -> tuple[float, Rows]:
        """Return one row's equation 5, less what doesn't change, and its gradient for q's logits z."""
        q = softmax(z[None])
        log_mass = np.log(q @ self.outside)[0]
        value = -(self.given[row] @ np.log(np.maximum(q[0], 1e-300)) + self.dustbins[row] @ log_mass)
        return float(value), (1 + self.outside.shape[1]) * (q - self.expected(q, slice(row, row + 1)))[0]


def normalised(probs: Tensor) -> Rows:
    """Return probabilities in float64 with a sum of 1."""
    wide = probs.double().numpy()
    return wide / wide.sum(1, keepdims=True)


def softmax(z: Rows) -> Rows:
    """Return each row's softmax."""
    q = np.exp(z - z.max(1, keepdims=True))
    return q / q.sum(1, keepdims=True)


def repeated(
    solution: Rows, tolerance: float, state: Rows, step: Callable[..., Rows], read: Callable[..., Rows]
) -> int:
    """Repeat a step on all rows until each is as near to the solution as asked; return the steps, of all rows together.

    Raises:
        RuntimeError: some never are.
    """
    rows, taken = np.arange(len(state)), 0
    for _ in range(0, MOST_STEPS, LOOKED_AT):
        for _ in range(LOOKED_AT):
            state = step(state, rows)
        taken += LOOKED_AT * len(rows)
        left = np.abs(read(state) - solution[rows]).max(1) > tolerance
        state, rows = state[left], rows[left]
        if not len(rows):
            return taken
    raise RuntimeError(f"{len(rows)} rows are not there after {MOST_STEPS} steps")


def descent(written: Written, solution: Rows, rate: float) -> int:
    """Descend as the paper does; return the steps."""
    scale = rate * (1 + written.outside.shape[1])

    def step(z: Rows, rows: NDArray[np.intp]) -> Rows:
        q = softmax(z)
        return z - scale * (q - written.expected(q, rows))

    return repeated(solution, DESCENT_TOLERANCE, np.log(written.start), step, softmax)


def expectation_maximisation(written: Written, solution: Rows) -> int:
    """Repeat EM; return the steps."""
    return repeated(solution, EM_TOLERANCE, written.start, written.expected, lambda q: q)


def l_bfgs(written: Written) -> None:
    """Ask scipy, image by image."""
    for row, start in enumerate(np.log(written.start)):
        minimize(written.value_and_slope, start, args=(row,), jac=True, method="L-BFGS-B")


def fastest_rate(written: Written, solution: Rows) -> float:
    """Return the rate at which gradient descent takes the fewest steps."""
    steps = {}
    for rate in RATES:
        try:
            steps[rate] = descent(written, solution, rate)
        except RuntimeError:
            continue
    return min(steps, key=lambda rate: steps[rate])


def timed(works: Mapping[str, Callable[[], object]], rounds: int, images: int) -> dict[str, list[float]]:
    """Return the CPU seconds by image of each."""
    times = in_turn(works, rounds, clock=time.process_time)
    return {name: [total / images for total in totals] for name, totals in times.items()}


def quality_rows(told: str, found: Combination) -> list[dict[str, Any]]:
    """Return the rows of record of steps and residual."""
    steps = found.iterations.double()
    return [
        value_row(f"specialists, Newton's steps for an image, {told}", "iterations", [float(steps.median())]),
        value_row(f"specialists, Newton's steps for the slowest image, {told}", "iterations", [float(steps.max())]),
        value_row(f"specialists, largest residual, {told}", "residual", [float(found.residual.max())]),
    ]


def own_rows(given: Team) -> list[dict[str, Any]]:
    """Return our own figures for one team, in both directions."""
    ask = functools.partial(combination, given.p_g, given.p_m, given.sets)
    works = {"": ask, ", in reverse": functools.partial(ask, direction="reverse")}
    times = timed(works, ROUNDS, len(given.p_g))
    rows = []
    for direction, work in works.items():
        told = given.name + direction
        rows.append(value_row(f"specialists, an image combined, {told}", "seconds", times[direction]))
        rows += quality_rows(told, work())
    return rows


def chosen_row() -> dict[str, Any]:
    """Return the time of a team of ten of whom each image asks those its most probable class calls."""
    given = team(4000, 100, 10, 15)
    active = active_specialists(given.p_g, given.sets)
    work = functools.partial(combination, given.p_g, given.p_m, given.sets, active)
    told = "specialists, an image combined, C = 100, those of 10 that its most probable class calls"
    return value_row(told, "seconds", timed({"ours": work}, ROUNDS, len(given.p_g))["ours"])


def rival_rows(given: Team, images: int) -> list[dict[str, Any]]:
    """Return how the rivals stand to ours, all on a few images; ours is timed on all of them."""
    few = given.first(images)
    written, p_m = Written(few), [p.double() for p in few.p_m]
    solution = combination(few.p_g.double(), p_m, few.sets).probs.numpy()
    rate = fastest_rate(written, solution)
    ours = timed({"ours": functools.partial(combination, given.p_g, given.p_m, given.sets)}, ROUNDS, len(given.p_g))
    rivals: dict[str, Callable[[], object]] = {
        "the paper's gradient descent to 1e-4": functools.partial(descent, written, solution, rate),
        "EM to 1e-10": functools.partial(expectation_maximisation, written, solution),
        "scipy's L-BFGS": functools.partial(l_bfgs, Written(few.first(min(images, 10)))),
    }
    times = timed(rivals, RIVAL_ROUNDS, images)
    times["scipy's L-BFGS"] = [each * images / min(images, 10) for each in times["scipy's L-BFGS"]]
    steps = descent(written, solution, rate) / images
    told = f"specialists, steps of gradient descent for an image, at a rate of {rate:g}, {given.name}"
    rows = [value_row(told, "iterations", [steps])]
    for name, values in times.items():
        pairs = list(zip(values, ours["ours"][: len(values)], strict=True))
        rows.append(ratio_row(f"specialists, {name} / ours, {given.name}", pairs))
    return rows


def rows_of(teams: Sequence[Team]) -> list[dict[str, Any]]:
    """Return all rows."""
    rows = [row for given in teams for row in own_rows(given)]
    rows.append(chosen_row())
    return rows + rival_rows(teams[0], 100) + rival_rows(teams[1], 20)


def main() -> None:
    """Measure and record."""
    torch.set_num_threads(1)
    config = {"batches": [len(given.p_g) for given in TEAMS], "spread": SPREAD, "rates": list(RATES), "threads": 1}
    record("combine", config | {"rounds": ROUNDS, "rival_rounds": RIVAL_ROUNDS}, rows_of(TEAMS))


if __name__ == "__main__":
    main()
