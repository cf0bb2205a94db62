# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the pole of an IK limb goes."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.control_rigs.poles import pole_positions
from tests.retarget.motions import rotation_vectors

REST = np.array([[0.0, 0.0, 1.0], [0.0, -0.02, 0.5], [0.0, 0.0, 0.0], [0.0, -0.7, 0.5]])
"""Hip, knee and ankle of a leg that stands, and its pole in front of the knee."""


def leg(flexion: np.ndarray, yaw: np.ndarray) -> tuple[np.ndarray, ...]:
    """Joints (F, 3) of the leg with the knee bent by `flexion` [rad] and all of it turned about the vertical by `yaw`,
    and the rotation (F, 4) of its thigh."""
    turned = np.stack([np.cos(yaw), -np.sin(yaw), 0.0 * yaw, np.sin(yaw), np.cos(yaw), 0.0 * yaw], axis=-1)
    axes = np.concatenate([turned, np.zeros((len(yaw), 2)), np.ones((len(yaw), 1))], axis=-1).reshape(-1, 3, 3)
    shin = np.stack([0.0 * flexion, np.sin(flexion), -np.cos(flexion)], axis=-1) * 0.5
    hip = np.tile(REST[0], (len(yaw), 1))
    knee = hip + np.array([0.0, 0.0, -0.5])
    ankle = knee + np.einsum("fij,fj->fi", axes, shin)
    return hip, knee, ankle, rotation_vectors(np.stack([0.0 * yaw, 0.0 * yaw, yaw], axis=-1))


def test_the_pole_lies_in_the_plane_of_the_limb_in_front_of_the_knee() -> None:
    yaw = np.linspace(0.0, 2.0, 20)
    flexion = np.linspace(0.3, 2.5, 20)
    hip, knee, ankle, turns = leg(flexion, yaw)
    pole = pole_positions(hip, knee, ankle, turns, REST)
    forward = np.stack([np.sin(yaw), -np.cos(yaw), 0.0 * yaw], axis=-1)
    out_of_plane = np.cross(knee - hip, ankle - knee)
    assert np.abs(np.sum((pole - knee) * out_of_plane, axis=-1)).max() < 1e-9
    assert np.sum((pole - knee) * forward, axis=-1).min() > 0.1
    np.testing.assert_allclose(np.linalg.norm(pole - knee, axis=-1), np.linalg.norm(REST[3] - REST[1]))


@pytest.mark.parametrize("hyperextension", [0.0, -0.03])
def test_a_straight_or_overstretched_knee_keeps_its_pole(hyperextension: float) -> None:
    """The knee straightens, a little too far even, and bends again: its pole stays in front of it all the time."""
    flexion = np.concatenate([np.linspace(0.6, hyperextension, 30), np.linspace(hyperextension, 0.6, 30)])
    hip, knee, ankle, turns = leg(flexion, np.linspace(0.0, 0.5, 60))
    pole = pole_positions(hip, knee, ankle, turns, REST) - knee
    assert pole[:, 1].max() < -0.5
    assert np.linalg.norm(np.diff(pole, axis=0), axis=-1).max() < 0.03


def test_a_limb_that_never_bends_keeps_the_pole_of_its_rest_pose() -> None:
    yaw = np.linspace(0.0, 3.0, 10)
    hip, knee, ankle, turns = leg(np.zeros(10), yaw)
    pole = pole_positions(hip, knee, ankle, turns, REST) - knee
    forward = np.stack([np.sin(yaw), -np.cos(yaw), 0.0 * yaw], axis=-1)
    np.testing.assert_allclose(pole, np.linalg.norm(REST[3] - REST[1]) * forward, atol=0.05)


def test_a_limb_that_bends_to_the_other_side_takes_its_pole_along() -> None:
    """Elbows turn with the upper arm: a bend that is really there decides, not the rest pose."""
    hip, knee, ankle, turns = leg(np.full(5, -0.8), np.zeros(5))
    pole = pole_positions(hip, knee, ankle, turns, REST) - knee
    assert pole[:, 1].min() > 0.3
