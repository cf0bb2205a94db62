# SPDX-License-Identifier: GPL-3.0-or-later
"""Channel values in each rotation mode: the same rotation, no jumps, locks kept."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.retarget import quaternion as Q  # noqa: N812
from blender_addon.retarget import rotation_modes
from blender_addon.retarget.options import PoseTrack
from blender_addon.rig.snapshot import RigSnapshot
from tests.retarget import motions, rig_edits
from tests.retarget.angles import angle_between
from tests.rig.humanoids import make_humanoid

AXES = {"X": 0, "Y": 1, "Z": 2}


def turn(axis: str, radians: float) -> np.ndarray:
    c, s = np.cos(radians), np.sin(radians)
    i, j = (AXES[axis] + 1) % 3, (AXES[axis] + 2) % 3
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def euler_matrix(angles: np.ndarray, order: str) -> np.ndarray:
    """Blender's meaning: the first letter turns first."""
    matrix = np.eye(3)
    for axis in order:
        matrix = turn(axis, angles[AXES[axis]]) @ matrix
    return matrix


def smooth_rotations(seed: int, frames: int = 200) -> Q.FloatArray:
    rng = np.random.default_rng(seed)
    time = np.linspace(0.0, 2.0 * np.pi, frames)[:, None]
    return motions.rotation_vectors(2.0 * np.sin(time * rng.integers(1, 4, 3) + rng.uniform(0.0, 6.0, 3)))


def track_of(values: Q.FloatArray, bone: str) -> PoseTrack:
    return PoseTrack(np.arange(len(values)), {bone: values}, {}, 1.0, np.zeros((len(values), 4)))


def rig_in(mode: str) -> RigSnapshot:
    return rig_edits.modes(make_humanoid()[0], mode)


@pytest.mark.parametrize("order", rotation_modes.EULER_ORDERS)
def test_euler_values_are_blenders(order: str) -> None:
    q = smooth_rotations(1)
    suffix, values = rotation_modes.rotation_channels(track_of(q, "head"), rig_in(order))["head"]
    assert suffix == "rotation_euler"
    for angles, matrix in zip(values, Q.to_matrix(q), strict=True):
        np.testing.assert_allclose(euler_matrix(angles, order), matrix, atol=1e-9)
    np.testing.assert_allclose(Q.to_matrix(rotation_modes.from_euler(values, order)), Q.to_matrix(q), atol=1e-9)


@pytest.mark.parametrize("order", rotation_modes.EULER_ORDERS)
@pytest.mark.parametrize("axis", "XYZ")
def test_spin_about_one_axis_runs_on(order: str, axis: str) -> None:
    """Three turns are 1080 degrees on one curve and nothing on the others, also through the middle axis' lock."""
    angles = np.linspace(0.0, 6.0 * np.pi, 181)
    q = Q.from_matrix(Q.to_matrix(Q.from_axis_angle(np.eye(3)[AXES[axis]], angles)))
    euler = rotation_modes.to_euler(q, order)
    expected = np.zeros((len(angles), 3))
    expected[:, AXES[axis]] = angles
    np.testing.assert_allclose(euler, expected, atol=1e-6)


@pytest.mark.parametrize("order", rotation_modes.EULER_ORDERS)
def test_staying_in_gimbal_lock_is_exact_and_calm(order: str) -> None:
    """The middle angle rests at 90 degrees while the outer two turn, so that only their sum or difference shows."""
    i, j, k = (AXES[letter] for letter in order)
    angles = np.zeros((50, 3))
    angles[:, i], angles[:, j], angles[:, k] = np.linspace(0.0, 2.0, 50), np.pi / 2, np.linspace(0.0, 0.5, 50)
    q = rotation_modes.from_euler(angles, order)
    euler = rotation_modes.to_euler(q, order)
    assert angle_between(rotation_modes.from_euler(euler, order), q).max() < 1e-6
    assert np.abs(np.diff(euler, axis=0)).max() < 0.06
    assert np.abs(euler).max() < 2.6


@pytest.mark.parametrize("order", rotation_modes.EULER_ORDERS)
def test_euler_steps_are_no_longer_than_the_motion_asks(order: str) -> None:
    """Away from gimbal lock no curve moves much more between two frames than the bone turns."""
    for seed in range(5):
        q = smooth_rotations(seed, 400)
        euler = rotation_modes.to_euler(q, order)
        middle = np.abs(np.cos(euler[:, AXES[order[1]]]))
        step = np.abs(np.diff(euler, axis=0)).max(axis=-1)
        turned = angle_between(q[1:], q[:-1])
        calm = np.minimum(middle[1:], middle[:-1]) > 0.3
        assert (step[calm] < 5.0 * turned[calm] + 1e-6).all()


def test_first_key_is_the_one_near_rest() -> None:
    """A half turn about Y reads (0, 180, 0) and not (180, 0, 180)."""
    half = Q.from_axis_angle([0.0, 1.0, 0.0], np.radians([170.0, 175.0]))
    np.testing.assert_allclose(
        np.degrees(rotation_modes.to_euler(half, "XYZ")), [[0.0, 170.0, 0.0], [0.0, 175.0, 0.0]], atol=1e-6
    )


def test_axis_angle_passes_through_rest_without_flipping() -> None:
    angles = np.linspace(-1.0, 7.5, 120)
    q = Q.from_axis_angle([0.0, 0.6, 0.8], angles)
    suffix, values = rotation_modes.rotation_channels(track_of(q, "head"), rig_in("AXIS_ANGLE"))["head"]
    assert suffix == "rotation_axis_angle"
    assert angle_between(Q.from_axis_angle(values[:, 1:], values[:, 0]), q).max() < 1e-6
    assert np.abs(np.diff(values, axis=0)).max() < 0.08
    np.testing.assert_allclose(np.linalg.norm(values[:, 1:], axis=-1), 1.0, atol=1e-9)


def test_axis_angle_of_rest_has_an_axis() -> None:
    _, values = rotation_modes.rotation_channels(track_of(np.tile(Q.IDENTITY, (3, 1)), "head"), rig_in("AXIS_ANGLE"))[
        "head"
    ]
    np.testing.assert_array_equal(values, np.tile([0.0, 0.0, 1.0, 0.0], (3, 1)))


def test_quaternion_signs_run_on() -> None:
    q = smooth_rotations(2) * np.where(np.arange(200) % 3 == 0, -1.0, 1.0)[:, None]
    suffix, values = rotation_modes.rotation_channels(track_of(q, "head"), rig_in("QUATERNION"))["head"]
    assert suffix == "rotation_quaternion"
    assert np.sum(values[1:] * values[:-1], axis=-1).min() > 0.9


@pytest.mark.parametrize("mode", ["XYZ", "YZX"])
def test_locked_euler_channels_hold_their_present_value(mode: str) -> None:
    rig = rig_edits.posed(rig_in(mode), ["head"], np.random.default_rng(0), degrees=40.0)
    rig = rig_edits.flagged(rig, "lock_rotation", ["head"], [False, True, False])
    _, values = rotation_modes.rotation_channels(track_of(smooth_rotations(3), "head"), rig)["head"]
    present = rotation_modes.present_euler(rig, rig.index("head"))
    np.testing.assert_allclose(euler_matrix(present, mode), rig.basis[rig.index("head"), :3, :3], atol=1e-9)
    np.testing.assert_array_equal(values[:, 1], np.full(200, present[1]))
    assert np.ptp(values[:, 0]) > 0.5


def test_locks_of_quaternion_bones_are_meant_as_euler_angles() -> None:
    rig = rig_edits.flagged(rig_in("QUATERNION"), "lock_rotation", ["head"], [False, True, True])
    _, values = rotation_modes.rotation_channels(track_of(smooth_rotations(4), "head"), rig)["head"]
    np.testing.assert_allclose(values[:, 2:], 0.0, atol=1e-12)
    assert np.ptp(values[:, 1]) > 0.3


def test_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match="XYX"):
        rotation_modes.to_euler(Q.IDENTITY[None], "XYX")
