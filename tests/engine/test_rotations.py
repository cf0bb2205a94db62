# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversions of rotations against Rodrigues' formula, and back again."""

from __future__ import annotations

import math

import body_oracle
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation, Slerp
from torch import Tensor

from mld_engine import rotations


def random_quaternions(count: int = 200) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.nn.functional.normalize(torch.randn(count, 4, generator=generator, dtype=torch.float64), dim=-1)


def hard_quaternions() -> Tensor:
    """Identity, half turns about the axes and close to them: every branch of the conversion back."""
    half_turns = torch.eye(4, dtype=torch.float64)
    return torch.nn.functional.normalize(torch.cat([half_turns, half_turns + 1e-5, half_turns - 1e-3]), dim=-1)


def test_matrices_are_those_of_rodrigues() -> None:
    quaternions = torch.cat([random_quaternions(), hard_quaternions()])
    expected = np.array([body_oracle.from_quaternion(q) for q in quaternions.numpy()])
    np.testing.assert_allclose(rotations.quaternion_to_matrix(quaternions), expected, atol=1e-12)


def test_a_quaternion_of_any_length_is_a_rotation() -> None:
    quaternions = random_quaternions()
    torch.testing.assert_close(
        rotations.quaternion_to_matrix(quaternions * 3.7), rotations.quaternion_to_matrix(quaternions)
    )


@pytest.mark.parametrize("quaternions", [random_quaternions(), hard_quaternions()], ids=["random", "half turns"])
def test_matrix_and_quaternion_round_trip(quaternions: Tensor) -> None:
    back = rotations.matrix_to_quaternion(rotations.quaternion_to_matrix(quaternions))
    assert (back[:, 0] >= 0).all()
    assert ((back * quaternions).sum(-1).abs() - 1).abs().max() < 1e-9


def test_6d_is_the_first_two_columns_and_survives_a_stretch() -> None:
    matrices = rotations.quaternion_to_matrix(random_quaternions())
    sixd = rotations.matrix_to_6d(matrices)
    torch.testing.assert_close(sixd[:, :3], matrices[:, :, 0])
    torch.testing.assert_close(sixd[:, 3:], matrices[:, :, 1])
    leaning = torch.cat([2.5 * sixd[:, :3], 0.4 * sixd[:, 3:] + 0.3 * sixd[:, :3]], -1)
    torch.testing.assert_close(rotations.sixd_to_matrix(leaning), matrices)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-3, 1.0, math.pi - 1e-6, math.pi])
def test_rotation_vectors_are_axis_times_angle(angle: float) -> None:
    axis = torch.tensor([[2.0, -1.0, 2.0]], dtype=torch.float64) / 3
    quaternion = rotations.rotation_vector_to_quaternion(axis * angle)
    expected = body_oracle.from_rotation_vector((axis[0] * angle).numpy())
    np.testing.assert_allclose(rotations.quaternion_to_matrix(quaternion)[0], expected, atol=1e-12)
    torch.testing.assert_close(rotations.quaternion_to_rotation_vector(quaternion), axis * angle, atol=1e-9, rtol=0)
    torch.testing.assert_close(rotations.quaternion_to_rotation_vector(-quaternion), axis * angle, atol=1e-9, rtol=0)


def test_products_turn_in_the_order_of_matrices() -> None:
    first, second = random_quaternions(50), random_quaternions(100)[50:]
    matrices = rotations.quaternion_to_matrix(first), rotations.quaternion_to_matrix(second)
    product = rotations.quaternion_to_matrix(rotations.multiply_quaternions(first, second))
    torch.testing.assert_close(product, matrices[0] @ matrices[1])
    torch.testing.assert_close(rotations.multiply(*matrices), matrices[0] @ matrices[1])
    vectors = torch.arange(150, dtype=torch.float64).reshape(50, 3)
    torch.testing.assert_close(rotations.rotate(matrices[0], vectors), (matrices[0] @ vectors[..., None])[..., 0])


def test_yaw_turns_forward_towards_the_characters_left() -> None:
    quarter = torch.tensor(math.pi / 2, dtype=torch.float64)
    forward = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    left = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(rotations.rotate_about_y(quarter, forward), left)
    torch.testing.assert_close(rotations.yaw_matrix(quarter) @ forward, left)


@pytest.mark.parametrize("pitch", [0.0, 1.0, 2.0, 3.0])
def test_heading_stays_when_the_body_bows_past_the_horizontal(pitch: float) -> None:
    yaw = torch.tensor([0.7], dtype=torch.float64)
    turn = rotations.rotation_vector_to_quaternion(torch.stack([0 * yaw, yaw, 0 * yaw], -1))
    bow = rotations.rotation_vector_to_quaternion(torch.stack([0 * yaw + pitch, 0 * yaw, 0 * yaw], -1))
    torch.testing.assert_close(rotations.twist_yaw(rotations.multiply_quaternions(turn, bow)), yaw)


def test_angles_wrap_to_half_turns() -> None:
    wrapped = rotations.wrap_angle(torch.tensor([3 * math.pi + 0.1, -3.5 * math.pi, 0.2], dtype=torch.float64))
    torch.testing.assert_close(wrapped, torch.tensor([-math.pi + 0.1, math.pi / 2, 0.2], dtype=torch.float64))


def test_slerp_follows_the_shorter_arc_at_constant_speed() -> None:
    first, second = random_quaternions(100).reshape(2, 50, 4)
    for share in (0.0, 0.3, 1.0):
        between = rotations.slerp(first, second, torch.tensor(share, dtype=torch.float64)).numpy()
        for start, end, found in zip(first.numpy(), second.numpy(), between, strict=True):
            oracle = Slerp([0, 1], Rotation.from_quat(np.stack([start, end])[:, [1, 2, 3, 0]]))(share)
            assert abs(oracle.as_quat()[[3, 0, 1, 2]] @ found) == pytest.approx(1.0, abs=1e-9)


def test_slerp_of_nearly_the_same_rotation() -> None:
    first = torch.tensor([1.0, 0.0, 0.0, 0.0])
    second = torch.nn.functional.normalize(torch.tensor([1.0, 1e-5, 0.0, 0.0]), dim=-1)
    between = rotations.slerp(first, -second, torch.tensor(0.5))
    torch.testing.assert_close(between[1], torch.tensor(0.5e-5), atol=1e-9, rtol=0.0)
