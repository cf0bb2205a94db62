# SPDX-License-Identifier: GPL-3.0-or-later
"""Two-bone inverse kinematics: the ankle arrives, the bones keep their length, the knee keeps its plane."""

from __future__ import annotations

import numpy as np

from blender_addon.retarget.two_bone_ik import bend_leg, hinge_axis
from tests.retarget.limb_oracle import degrees_between, rotation_matrices

THIGH, SHIN = 0.43, 0.41
LEFT = np.array([1.0, 0.0, 0.0])


def leg(degrees: np.ndarray, tilt: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hip, knee and ankle (F, 3) of a leg that faces -Y with the knee bent by `degrees` (F,), leaning sideways."""
    bend = np.radians(degrees)
    hip = np.tile([0.1, 0.0, 0.9], (len(bend), 1))
    down = np.array([np.sin(tilt), 0.0, -np.cos(tilt)])
    ahead = np.array([0.0, -1.0, 0.0])
    knee = hip + THIGH * (np.cos(bend / 2)[:, None] * down + np.sin(bend / 2)[:, None] * ahead)
    ankle = knee + SHIN * (np.cos(bend / 2)[:, None] * down - np.sin(bend / 2)[:, None] * ahead)
    return hip, knee, ankle


def solve(degrees: np.ndarray, move: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The leg's old knee, its new knee and ankle, and the target, with the ankle moved by `move`."""
    hip, knee, ankle = leg(degrees)
    hinge = np.tile(LEFT, (len(degrees), 1))
    thigh, shin = bend_leg(hip, knee, ankle, hinge, hip, ankle + move)
    new_knee = hip + np.einsum("fij,fj->fi", rotation_matrices(thigh), knee - hip)
    new_ankle = new_knee + np.einsum("fij,fj->fi", rotation_matrices(shin), ankle - knee)
    return knee, new_knee, new_ankle, ankle + move


def test_the_ankle_arrives() -> None:
    rng = np.random.default_rng(0)
    degrees = rng.uniform(40.0, 140.0, 200)
    _, _, ankle, target = solve(degrees, rng.normal(scale=0.005, size=(200, 3)))
    np.testing.assert_allclose(ankle, target, atol=1e-9)


def test_nothing_moves_where_nothing_is_asked() -> None:
    degrees = np.linspace(2.0, 150.0, 100)
    knee, new_knee, _, _ = solve(degrees, np.zeros((100, 3)))
    np.testing.assert_allclose(new_knee, knee, atol=1e-9)


def test_the_knee_stays_in_the_plane_of_the_leg() -> None:
    degrees = np.linspace(5.0, 120.0, 60)
    hip, knee, ankle = leg(degrees)
    shorter = 0.03 * (hip - ankle) / np.linalg.norm(hip - ankle, axis=-1, keepdims=True)
    _, new_knee, new_ankle, _ = solve(degrees, shorter)
    before, after = np.cross(knee - hip, ankle - hip), np.cross(new_knee - hip, new_ankle - hip)
    assert degrees_between(before, after).max() < 1e-6


def test_a_leg_that_passes_through_straight_does_not_flip() -> None:
    degrees = np.abs(np.linspace(-6.0, 6.0, 121))
    hip, _, ankle = leg(degrees)
    shorter = 0.01 * (hip - ankle) / np.linalg.norm(hip - ankle, axis=-1, keepdims=True)
    _, new_knee, _, _ = solve(degrees, shorter)
    assert np.linalg.norm(np.diff(new_knee, axis=0), axis=-1).max() < 0.003
    assert (new_knee[:, 1] < -0.01).all()


def test_the_hinge_is_found_from_the_bent_frames_and_turns_with_the_thigh() -> None:
    hip, knee, ankle = leg(np.array([0.0, 0.0, 60.0, 90.0]))
    angle = np.linspace(0.0, 1.0, 4)
    turns = np.stack([np.cos(angle / 2), 0 * angle, 0 * angle, np.sin(angle / 2)], axis=-1)
    matrices = rotation_matrices(turns)
    thigh, shin = (np.einsum("fij,fj->fi", matrices, bone) for bone in (knee - hip, ankle - knee))
    found = hinge_axis(turns, thigh, shin, np.tile(LEFT, (4, 1)))
    wanted = np.cross(thigh[2], shin[2]) @ matrices[2] @ np.swapaxes(matrices, -1, -2)
    assert degrees_between(found, wanted).max() < 2.0
