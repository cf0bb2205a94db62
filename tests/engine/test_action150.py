# SPDX-License-Identifier: GPL-3.0-or-later
"""The action models' features: their order, their rows, their axes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mld_engine.checkpoints.config import RepresentationConfig
from mld_engine.contract.skeleton import ANKLE_HEIGHT
from mld_engine.errors import PackError
from mld_engine.kinematics import forward_kinematics
from mld_engine.representations.action150 import (
    BODY,
    Action150,
    flatten,
    matrix_to_rows_6d,
    rows_6d_to_matrix,
    unflatten,
)
from mld_engine.representations.registry import FORMATS, make_representation
from mld_engine.rotations import (
    matrix_to_6d,
    quaternion_to_matrix,
    rotation_vector_to_quaternion,
    sixd_to_matrix,
)


def random_rotations(*shape: int) -> Tensor:
    vectors = torch.rand(*shape, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64) * 2 - 1
    return quaternion_to_matrix(rotation_vector_to_quaternion(vectors))


def upright(frames: int = 20) -> tuple[Tensor, Tensor]:
    """Joints swing gently, the pelvis starts facing +Z: rotations (T, 22, 4), root (T, 3)."""
    time = torch.linspace(0.0, 2.0, frames)
    vectors = 0.3 * torch.sin(time[:, None, None] * torch.rand(22, 3, generator=torch.Generator().manual_seed(5)))
    root = torch.stack([0.3 * time, 0.9 + 0.05 * time.sin(), 0.5 * time], -1)
    return rotation_vector_to_quaternion(vectors), root


def test_number_d_times_25_plus_j_is_component_d_of_column_j() -> None:
    rotations = random_rotations(3, 24)
    translation = torch.arange(9, dtype=torch.float64).reshape(3, 3)
    features = flatten(rotations, translation)
    assert features.shape == (3, 150)
    for joint in (0, 7, 23):
        for component in range(6):
            row, column = divmod(component, 3)
            assert features[1, component * 25 + joint] == rotations[1, joint, row, column]
    assert features[2, [24, 49, 74, 99, 124, 149]].tolist() == [6.0, 7.0, 8.0, 0.0, 0.0, 0.0]
    back, moved = unflatten(features)
    torch.testing.assert_close(back, rotations)
    torch.testing.assert_close(moved, translation)


def test_rows_are_the_columns_of_the_inverse() -> None:
    matrices = random_rotations(10)
    torch.testing.assert_close(matrix_to_rows_6d(matrices), matrices[:, :2].flatten(-2))
    torch.testing.assert_close(matrix_to_6d(matrices), matrices.transpose(-1, -2)[:, :2].flatten(-2))
    torch.testing.assert_close(rows_6d_to_matrix(matrix_to_rows_6d(matrices)), matrices)
    torch.testing.assert_close(sixd_to_matrix(matrix_to_rows_6d(matrices)), matrices.transpose(-1, -2))
    # Of a skewed pair of rows the first keeps its direction.
    skewed = rows_6d_to_matrix(torch.tensor([0.0, 2.0, 0.0, 1.0, 1.0, 0.0]))
    torch.testing.assert_close(skewed, torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]))


@pytest.mark.parametrize("up", ["y", "-y"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_motion_comes_back(up: str, dtype: torch.dtype) -> None:
    rotations, root = (part.to(dtype) for part in upright())
    representation = Action150(up=up)
    features = representation.from_motion(rotations.expand(2, -1, -1, -1), root.expand(2, -1, -1), BODY)
    assert features.shape == (2, 20, 150)
    assert features.dtype == dtype
    motion = representation.to_motion(features)
    assert (1 - (motion.rotations[1] * rotations).sum(-1).abs()).max() < 1e-5
    travel = motion.root[1] - motion.root[1, 0]
    torch.testing.assert_close(travel, root - root[0], atol=1e-5, rtol=0)
    assert motion.root[1, 0, [0, 2]].abs().max() == 0.0


def test_camera_axes_are_turned_upright() -> None:
    """Standing in axes with Y down and Z away from the camera, and jumping, which there is towards -Y."""
    frames = 10
    rotations = torch.eye(3).expand(frames, 24, 3, 3).clone()
    rotations[:, 0] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    travel = torch.zeros(frames, 3)
    travel[5:, 1] = -0.4
    features = flatten(rotations, travel)
    motion = Action150().to_motion(features)
    _, joints = forward_kinematics(quaternion_to_matrix(motion.rotations), motion.root, BODY)
    assert (joints[:, 15, 1] > joints[:, 0, 1] + 0.4).all(), "the head is above the pelvis"
    torch.testing.assert_close(joints[0, [7, 8], 1], torch.full((2,), ANKLE_HEIGHT), atol=1e-5, rtol=0)
    torch.testing.assert_close(motion.root[9, 1] - motion.root[0, 1], torch.tensor(0.4))
    assert motion.contacts[0].tolist() == [1.0] * 4
    assert motion.contacts[9].tolist() == [0.0] * 4
    again = Action150().from_motion(motion.rotations, motion.root, BODY)
    torch.testing.assert_close(again, features, atol=1e-6, rtol=0)


def test_a_motion_starts_facing_forward_wherever_the_data_faced() -> None:
    rotations, root = upright()
    straight = Action150().to_motion(Action150().from_motion(rotations, root, BODY))
    turn = rotation_vector_to_quaternion(torch.tensor([0.0, 1.3, 0.0]))
    turned_root = root @ quaternion_to_matrix(turn).T
    w, x, y, z = turn
    left = torch.tensor([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    turned = rotations.clone()
    turned[:, 0] = rotations[:, 0] @ left.T
    motion = Action150().to_motion(Action150().from_motion(turned, turned_root, BODY))
    torch.testing.assert_close(motion.root, straight.root, atol=1e-5, rtol=0)
    assert (1 - (motion.rotations * straight.rotations).sum(-1).abs()).max() < 1e-5


def test_noise_from_a_network_still_gives_rotations() -> None:
    features = torch.randn(2, 30, 150, generator=torch.Generator().manual_seed(6))
    motion = Action150().to_motion(features)
    torch.testing.assert_close(motion.rotations.norm(dim=-1), torch.ones(2, 30, 22), atol=1e-5, rtol=0)
    assert bool(torch.isfinite(motion.root).all())
    assert math.isclose(float(motion.root[..., [0, 2]][:, 0].abs().max()), 0.0)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_made_from_its_published_configuration(name: str) -> None:
    published = FORMATS[name].published
    representation = make_representation(published)
    assert representation.features == published.features
    rotations, root = upright()
    offsets = torch.from_numpy(FORMATS[name].body)
    features = representation.from_motion(rotations, root, offsets)
    assert features.shape == (20, published.features)
    motion = representation.to_motion(features)
    assert motion.rotations.shape == (20, 22, 4)
    assert motion.contacts.shape == (20, 4)
    # It starts over the origin, on the floor, and walks the way it did.
    ahead = motion.root[-1, [0, 2]]
    torch.testing.assert_close(ahead.norm(), (root[-1] - root[0])[[0, 2]].norm(), atol=0.05, rtol=0)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("action150", {"rotation_6d": "columns"}),
        ("humanml263", {"rotation_6d": "rows"}),
        ("humanml263", {"heading": "twist"}),
        ("kit251", {"up": "-y"}),
    ],
)
def test_a_pack_with_other_conventions_than_its_format_is_refused(name: str, change: dict[str, str]) -> None:
    values = {**vars(FORMATS[name].published), **change}
    with pytest.raises(PackError) as caught:
        make_representation(RepresentationConfig(**values))
    assert caught.value.code == "pack_corrupt"
    assert next(iter(change)) in caught.value.message
