"""Many small linear systems at once, one a row, the rows last: so each operation is one on whole vectors of rows.

For matrices of 3 x 3 this is several times as fast as numpy.linalg.solve, which calls LAPACK for each.
"""

import numpy as np
from jaxtyping import Float64


def curvature(
    ratio: Float64[np.ndarray, "groups rows"],
    left: Float64[np.ndarray, "groups sets"],
    right: Float64[np.ndarray, "groups sets"],
) -> Float64[np.ndarray, "sets sets rows"]:
    """Return Σ_g left_gm · ratio_g · right_gk of each row."""
    return np.stack([right.T @ (column[:, None] * ratio) for column in left.T])


def eliminated(
    matrix: Float64[np.ndarray, "sets sets rows"], wanted: Float64[np.ndarray, "sets rows"]
) -> Float64[np.ndarray, "sets rows"]:
    """Return x of matrix · x = wanted for each row, by elimination in place with no pivots.

    For matrices that are symmetric and positive definite but for positive factors of rows and columns: these need none.

    >>> matrix, wanted = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([3.0, 4.0])
    >>> eliminated(matrix[:, :, None], wanted[:, None]).ravel()
    array([1., 1.])
    """
    for pivot in range(len(wanted) - 1):
        factor = matrix[pivot + 1 :, pivot] / matrix[pivot, pivot]
        matrix[pivot + 1 :, pivot + 1 :] -= factor[:, None] * matrix[pivot, pivot + 1 :]
        wanted[pivot + 1 :] -= factor * wanted[pivot]
    for pivot in reversed(range(len(wanted))):
        wanted[pivot] -= (matrix[pivot, pivot + 1 :] * wanted[pivot + 1 :]).sum(0)
        wanted[pivot] /= matrix[pivot, pivot]
    return wanted
