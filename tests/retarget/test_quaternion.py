# SPDX-License-Identifier: GPL-3.0-or-later
"""Quaternion algebra against rotation matrices."""

from __future__ import annotations

import numpy as np
import pytest

from blender_addon.retarget import quaternion as Q  # noqa: N812
from tests.retarget.angles import angle_between
from tests.retarget.limb_oracle import rotation_matrices

RNG = np.random.default_rng(3)


def random_rotations(count: int) -> Q.FloatArray:
    return Q.normalize(RNG.normal(size=(count, 4)))


def test_products_and_vectors_follow_matrices() -> None:
    a, b, v = random_rotations(50), random_rotations(50), RNG.normal(size=(50, 3))
    np.testing.assert_allclose(Q.to_matrix(a), rotation_matrices(a), atol=1e-12)
    np.testing.assert_allclose(Q.to_matrix(Q.multiply(a, b)), Q.to_matrix(a) @ Q.to_matrix(b), atol=1e-12)
    np.testing.assert_allclose(Q.rotate(a, v), np.einsum("nij,nj->ni", Q.to_matrix(a), v), atol=1e-12)
    np.testing.assert_allclose(Q.multiply(a, Q.conjugate(a)), np.tile(Q.IDENTITY, (50, 1)), atol=1e-12)


def test_leading_dimensions_broadcast() -> None:
    a, b = random_rotations(6).reshape(2, 3, 4), random_rotations(3)
    np.testing.assert_allclose(Q.multiply(a, b)[1, 2], Q.multiply(a[1, 2], b[2]))
    assert Q.rotate(a[:, :, None], np.eye(3)).shape == (2, 3, 3, 3)


@pytest.mark.parametrize("degrees", [0.0, 1e-5, 30.0, 179.999, 180.0, 270.0])
def test_matrix_round_trip_at_any_angle(degrees: float) -> None:
    axes = np.concatenate([np.eye(3), Q.unit(RNG.normal(size=(20, 3)))])
    q = Q.from_axis_angle(axes, np.full(len(axes), np.radians(degrees)))
    back = Q.from_matrix(Q.to_matrix(q))
    assert np.degrees(angle_between(q, back)).max() < 1e-5
    assert (back[:, 0] >= 0.0).all()


def test_matrix_scale_is_ignored() -> None:
    q = random_rotations(10)
    np.testing.assert_allclose(
        angle_between(Q.from_matrix(Q.to_matrix(q) * np.array([0.01, 5.0, 3.0])), q), 0.0, atol=1e-7
    )


def test_swing_takes_the_shortest_way() -> None:
    a, b = Q.unit(RNG.normal(size=(100, 3))), Q.unit(RNG.normal(size=(100, 3)))
    q = Q.swing(a, b, np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(Q.rotate(q, a), b, atol=1e-12)
    angles = np.arccos(np.clip(np.sum(a * b, axis=-1), -1.0, 1.0))
    np.testing.assert_allclose(angle_between(Q.IDENTITY, q), angles, atol=1e-7)


@pytest.mark.parametrize("off", [0.0, 1e-9, 1e-7, 1e-4])
def test_swing_between_opposite_directions_turns_about_the_given_axis(off: float) -> None:
    a = np.array([1.0, 0.0, 0.0])
    b = Q.unit(np.array([-1.0, off, 0.0]))
    q = Q.swing(a, b, np.array([0.5, 0.0, 2.0]))
    np.testing.assert_allclose(Q.rotate(q, a), b, atol=1e-6)
    np.testing.assert_allclose(Q.rotate(q, [0.0, 0.0, 1.0]), [0.0, 0.0, 1.0], atol=1e-6)


def test_twist_is_what_is_left_beside_the_swing() -> None:
    q, axis = random_rotations(60), Q.unit(RNG.normal(size=(60, 3)))
    twist = Q.twist(q, axis)
    np.testing.assert_allclose(Q.rotate(twist, axis), axis, atol=1e-9)
    swing = Q.multiply(q, Q.conjugate(twist))
    direct = Q.swing(axis, Q.rotate(q, axis), np.array([1.0, 0.0, 0.0]))
    assert angle_between(swing, direct).max() < 1e-6
    about = Q.from_axis_angle(axis, RNG.uniform(-3.0, 3.0, 60))
    assert angle_between(Q.twist(about, axis), about).max() < 1e-7


def test_slerp_moves_evenly_along_the_shorter_arc() -> None:
    a, b = random_rotations(40), random_rotations(40)
    for share in (0.0, 0.25, 1.0):
        between = Q.slerp(a, b, share)
        np.testing.assert_allclose(angle_between(a, between), share * angle_between(a, b), atol=1e-7)
    near = Q.multiply(a, Q.from_axis_angle([0.0, 1.0, 0.0], 1e-6))
    assert np.abs(angle_between(a, Q.slerp(a, near, 0.5)) - 5e-7).max() < 1e-9


def test_axis_angle_round_trip() -> None:
    q = random_rotations(30)
    assert angle_between(Q.from_axis_angle(*Q.to_axis_angle(q)), q).max() < 1e-7
    axes, angles = Q.to_axis_angle(Q.IDENTITY)
    assert angles == 0.0
    np.testing.assert_allclose(np.linalg.norm(axes), 1.0)


def test_signs_run_on_through_a_full_turn() -> None:
    angles = np.linspace(0.0, 4.0 * np.pi, 60)
    q = Q.from_matrix(Q.to_matrix(Q.from_axis_angle([0.0, 1.0, 0.0], angles)))
    assert np.sum(q[1:] * q[:-1], axis=-1).min() < 0.0
    smooth = Q.continuous(q)
    assert np.sum(smooth[1:] * smooth[:-1], axis=-1).min() > 0.99
    assert smooth[0, 0] > 0.0
    assert angle_between(q, smooth).max() < 1e-7
