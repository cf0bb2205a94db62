# SPDX-License-Identifier: GPL-3.0-or-later
"""Linear systems in which two unknowns of each row are coupled to those of the row before and the row after."""

from __future__ import annotations

from typing import Final

import numpy as np

from .quaternion import FloatArray

LEVELS: Final = 4
"""Eliminations. What couples rows 2^4 apart is then left out: in the systems of `bezier_fit` a share below 1e-9."""


def solve_block_tridiagonal(
    lower: FloatArray, diagonal: FloatArray, upper: FloatArray, right_side: FloatArray
) -> FloatArray:
    """Solve N rows of two unknowns each for right sides (2, C, N) by cyclic reduction: (2, C, N).

    `lower[:, :, i]` (2, 2, N) couples row i to row i - 1, `upper[:, :, i]` to row i + 1; couplings of 0 separate two
    systems. The diagonal blocks must outweigh the couplings, as those of least squares fits do.
    Each level eliminates every second row, which leaves a system of half the size and the same form: Gander and Golub,
    Cyclic Reduction - History and Applications (1997).
    """
    rows = np.concatenate([lower, upper, right_side], axis=1)
    rows[:, :2, 0] = 0.0
    rows[:, 2:4, -1] = 0.0
    return _solve(diagonal, rows, LEVELS)


def _solve(diagonal: FloatArray, rows: FloatArray, levels: int) -> FloatArray:
    """Rows (2, 2 + 2 + C, N): coupling to the row before, to the row after, and right sides."""
    (a, b), (c, d) = diagonal
    scale = 1.0 / (a * d - b * c)
    rows = _product(np.array([[d * scale, -b * scale], [-c * scale, a * scale]]), rows)
    count = rows.shape[2]
    if count == 1 or levels == 0:
        return rows[:, 4:]
    even, odd = rows[:, :, ::2], np.ascontiguousarray(rows[:, :, 1::2])
    later, paired = even.shape[2] - 1, odd.shape[2]
    before = _product(even[:, :2, 1:], odd[:, :, :later])
    after = _product(even[:, 2:4, :paired], odd)
    halved = np.zeros((2, rows.shape[1], later + 1))
    halved[:, :2, 1:] = -before[:, :2]
    halved[:, 2:4, :paired] = -after[:, 2:4]
    halved[:, 4:] = even[:, 4:]
    halved[:, 4:, 1:] -= before[:, 4:]
    halved[:, 4:, :paired] -= after[:, 4:]
    middle = np.zeros((2, 2, later + 1))
    middle[0, 0] = middle[1, 1] = 1.0
    middle[:, :, 1:] -= before[:, 2:4]
    middle[:, :, :paired] -= after[:, :2]
    at_even = _solve(middle, halved, levels - 1)
    at_odd = odd[:, 4:] - _product(odd[:, :2], at_even[:, :, :paired])
    at_odd[:, :, :later] -= _product(odd[:, 2:4, :later], at_even[:, :, 1:])
    solved = np.empty((2, rows.shape[1] - 4, count))
    solved[:, :, ::2], solved[:, :, 1::2] = at_even, at_odd
    return solved


def _product(blocks: FloatArray, columns: FloatArray) -> FloatArray:
    """(2, 2, N) times (2, M, N) in each of N rows: (2, M, N)."""
    out: FloatArray = blocks[:, :1] * columns[0]
    out += blocks[:, 1:] * columns[1]
    return out
