# SPDX-License-Identifier: GPL-3.0-or-later
"""The reduced curves themselves: fitted keys, automatic handles, and the solver behind the fit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from blender_addon.retarget.bezier_fit import (
    SLOPE_PULL,
    KeyColumns,
    automatic_slopes,
    evaluate_bezier,
    fitted_keys,
    slopes_of,
)
from blender_addon.retarget.block_tridiagonal import solve_block_tridiagonal


def columns_of(frames: list[int], samples: int) -> KeyColumns:
    mask = np.zeros((1, samples), dtype=np.bool_)
    mask[0, frames] = True
    return KeyColumns(mask)


def test_a_cubic_is_found_again() -> None:
    time_ = np.arange(41) / 40.0
    samples = np.stack([time_**3 - time_, 2.0 * time_**2])[:, None]
    columns = columns_of([0, 18, 40], 41)
    curve = evaluate_bezier(columns, *fitted_keys(columns, samples, slopes_of(samples)))
    assert np.abs(curve - samples).max() < 2e-4


@pytest.mark.parametrize("share", [0.02, 0.15, 0.5, 0.9])
def test_no_other_keys_come_nearer(share: float) -> None:
    """Against a dense least squares solution by the definition of cubic Hermite polynomials, bone by bone."""
    rng = np.random.default_rng(4)
    samples = np.cumsum(np.cumsum(rng.normal(size=(3, 4, 120)), axis=-1), axis=-1)
    mask = rng.random((4, 120)) < share
    mask[:, [0, -1]] = True
    columns = KeyColumns(mask)
    values, slopes = fitted_keys(columns, samples, slopes_of(samples))
    for bone in range(4):
        own = columns.keys // 120 == bone
        wanted = least_squares_keys(np.flatnonzero(mask[bone]), samples[:, bone], slopes_of(samples[:, bone]))
        scale = np.abs(samples[:, bone]).max()
        np.testing.assert_allclose(values[:, own], wanted[0], atol=1e-7 * scale)
        np.testing.assert_allclose(slopes[:, own], wanted[1], atol=1e-7 * scale)


def test_automatic_slopes_make_a_smooth_curve() -> None:
    """Worked out by hand: slope 0 at the ends, and at the middle one that continues the second derivative."""
    columns = columns_of([0, 3, 9], 10)
    slopes = automatic_slopes(columns, np.array([[0.0, 3.0, 6.0]]))
    np.testing.assert_allclose(slopes, [[0.0, 3.0 * (6.0 * 1.0 + 3.0 * 0.5) / (2.0 * 9.0), 0.0]], atol=1e-9)


@pytest.mark.parametrize(
    ("values", "slope"),
    [([0.0, 5.0, 3.0], 0.0), ([0.0, 5.0, 5.0], 0.0), ([0.0, 9.0, 9.1], 3.0 * 0.1 / 6.0)],
    ids=["extremum", "level", "steep then flat"],
)
def test_automatic_slopes_are_clamped(values: list[float], slope: float) -> None:
    slopes = automatic_slopes(columns_of([0, 3, 9], 10), np.array([values]))
    np.testing.assert_allclose(slopes, [[0.0, slope, 0.0]], atol=1e-9)


def test_the_block_tridiagonal_solver() -> None:
    """Two systems, one after the other, as one dense matrix; couplings beyond the ends do not count."""
    rng = np.random.default_rng(2)
    count = 83
    lower, upper = rng.uniform(-0.15, 0.15, (2, 2, 2, count))
    lower[:, :, 30] = upper[:, :, 29] = 0.0
    diagonal = np.eye(2)[:, :, None] + rng.uniform(-0.1, 0.1, (2, 2, count))
    right = rng.normal(size=(2, 3, count))
    matrix = np.zeros((count, 2, count, 2))
    for row in range(count):
        matrix[row, :, row] = diagonal[:, :, row]
        if row > 0:
            matrix[row, :, row - 1] = lower[:, :, row]
        if row < count - 1:
            matrix[row, :, row + 1] = upper[:, :, row]
    wanted = np.linalg.solve(matrix.reshape(2 * count, -1), right.transpose(2, 0, 1).reshape(2 * count, 3))
    solved = solve_block_tridiagonal(lower, diagonal, upper, right)
    np.testing.assert_allclose(solved.transpose(2, 0, 1).reshape(2 * count, 3), wanted, atol=1e-6)


def least_squares_keys(frames: np.ndarray, samples: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and slopes (C, K) of a bone's keys at `frames`, with the outer values fixed, for samples (C, F)."""
    count = len(frames)
    design = np.zeros((samples.shape[1], 2 * count))
    pull = np.zeros(count)
    for number, (begin, end) in enumerate(pairwise(frames)):
        span = end - begin
        pull[number : number + 2] += SLOPE_PULL * span
        for frame in range(begin, end + 1):
            u = (frame - begin) / span
            design[frame, number] = 2 * u**3 - 3 * u**2 + 1
            design[frame, number + 1] = -2 * u**3 + 3 * u**2
            design[frame, count + number] = span * (u**3 - 2 * u**2 + u)
            design[frame, count + number + 1] = span * (u**3 - u**2)
    weights = np.hstack([np.zeros((count, count)), np.diag(np.sqrt(pull))])
    matrix = np.vstack([design, weights])
    right = np.concatenate([samples, slopes[:, frames] * np.sqrt(pull)], axis=1).T
    fixed = [0, count - 1]
    right = right - matrix[:, fixed] @ samples[:, [0, -1]].T
    solved = np.linalg.lstsq(np.delete(matrix, fixed, axis=1), right, rcond=None)[0].T
    values = np.concatenate([samples[:, :1], solved[:, : count - 2], samples[:, -1:]], axis=1)
    return values, solved[:, count - 2 :]
