# SPDX-License-Identifier: GPL-3.0-or-later
"""Courses of a knee's angle under a top speed."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.retarget.knee_limit import speed_limited

STEP = 0.1
EVERYWHERE, NOWHERE = np.ones(60, dtype=bool), np.zeros(60, dtype=bool)


def fastest(values: np.ndarray) -> float:
    return float(np.abs(np.diff(values)).max())


@pytest.mark.parametrize("firm", [EVERYWHERE, NOWHERE, np.arange(60) % 13 < 5])
def test_no_step_is_larger_than_allowed(firm: np.ndarray) -> None:
    values = np.random.default_rng(1).normal(size=60)
    assert fastest(speed_limited(values, firm, STEP)) <= STEP + 1e-12


def test_slow_courses_stay_as_they_are() -> None:
    values = np.sin(np.linspace(0.0, 4.0, 60))
    for firm in (EVERYWHERE, NOWHERE):
        np.testing.assert_allclose(speed_limited(values, firm, STEP), values, atol=1e-12)


def test_a_jump_in_the_air_is_bridged_without_touching_the_firm_frames() -> None:
    values = np.where(np.arange(60) < 30, 0.0, 1.0)
    firm = (np.arange(60) < 25) | (np.arange(60) >= 35)
    limited = speed_limited(values, firm, STEP)
    np.testing.assert_allclose(limited[firm], values[firm], atol=1e-12)
    assert fastest(limited) <= STEP + 1e-12


def test_a_jump_between_firm_frames_is_missed_by_the_least_possible() -> None:
    values = np.where(np.arange(60) < 30, 0.0, 1.0)
    limited = speed_limited(values, EVERYWHERE, STEP)
    # Whoever passes through one step of 0.1 between two frames that are 1 apart misses one of them by 0.45 or more.
    assert np.abs(limited - values).max() == pytest.approx(0.45)
    assert fastest(limited) <= STEP + 1e-12
