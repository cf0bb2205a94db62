# SPDX-License-Identifier: GPL-3.0-or-later
"""Forward kinematics and the smpl203 features, against an oracle and there and back again."""

from __future__ import annotations

import math

import body_oracle
import numpy as np
import pytest
import torch
from torch import Tensor

from mld_engine.checkpoints.config import RepresentationConfig
from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.errors import PackError
from mld_engine.kinematics import joint_positions
from mld_engine.representations.base import Statistics
from mld_engine.representations.registry import make_representation
from mld_engine.representations.smpl203 import CONTACTS, POSITIONS, ROOT_STEP, YAW_STEP, Smpl203
from mld_engine.rotations import multiply_quaternions, rotation_vector_to_quaternion

OFFSETS = torch.from_numpy(REST_OFFSETS)


def wandering(frames: int = 90) -> tuple[Tensor, Tensor]:
    """All joints swing, the pelvis turns through more than a full circle while it walks an arc."""
    time = torch.linspace(0.0, 6.0, frames)
    generator = torch.Generator().manual_seed(1)
    vectors = 0.6 * torch.sin(time[:, None, None] * torch.rand(22, 3, generator=generator) * 3)
    rotations = rotation_vector_to_quaternion(vectors)
    turn = rotation_vector_to_quaternion(torch.stack([0 * time, 1.2 * time, 0 * time], -1))
    rotations[:, 0] = multiply_quaternions(turn, rotations[:, 0])
    root = torch.stack([time.sin(), 0.9 + 0.1 * time.cos(), time * 0.8], -1)
    return rotations, root


def test_joint_positions_follow_the_oracle() -> None:
    motion = body_oracle.tumble()
    expected = body_oracle.motion_joints(motion.rotations, motion.root, motion.offsets)
    np.testing.assert_allclose(joint_positions(motion), expected, atol=1e-5)


def test_features_give_the_motion_back_from_the_origin_facing_forward() -> None:
    rotations, root = wandering()
    features = Smpl203(fps=30.0).from_motion(rotations, root, OFFSETS)
    assert features.shape == (90, 203)
    back = Smpl203(fps=30.0).to_motion(features)
    # The motion starts over the origin with heading zero, which the first frame has here as well.
    expected = root - root[0] * torch.tensor([1.0, 0.0, 1.0])
    torch.testing.assert_close(back.root, expected, atol=2e-5, rtol=0)
    dots = (back.rotations * rotations).sum(-1).abs()
    assert (1 - dots).max() < 1e-5


def test_a_batch_is_the_same_as_one_by_one() -> None:
    rotations, root = wandering()
    representation = Smpl203(fps=30.0)
    single = representation.from_motion(rotations, root, OFFSETS)
    double = representation.from_motion(rotations.expand(2, -1, -1, -1), root.expand(2, -1, -1), OFFSETS)
    torch.testing.assert_close(double[1], single)
    torch.testing.assert_close(representation.to_motion(double).root[1], representation.to_motion(single).root)


def test_turning_on_the_spot_is_a_constant_yaw_step_of_the_full_angle() -> None:
    rate = 0.03
    angles = torch.arange(50.0) * rate
    rotations = torch.zeros(50, 22, 4)
    rotations[..., 0] = 1.0
    rotations[:, 0] = rotation_vector_to_quaternion(torch.stack([0 * angles, angles, 0 * angles], -1))
    root = torch.tensor([0.3, 0.9, -0.2]).expand(50, 3)
    features = Smpl203(fps=30.0).from_motion(rotations, root, OFFSETS)
    torch.testing.assert_close(features[:, YAW_STEP], torch.full((50,), rate), atol=1e-5, rtol=0)
    # Everything that is said in the heading frame stands still.
    torch.testing.assert_close(features[:, POSITIONS], features[:1, POSITIONS].expand(50, -1), atol=1e-5, rtol=0)


def test_steps_are_in_the_heading_frame() -> None:
    """Walking to the world's +X while facing +X is walking forward."""
    quarter = torch.full((10,), math.pi / 2)
    rotations = torch.zeros(10, 22, 4)
    rotations[..., 0] = 1.0
    rotations[:, 0] = rotation_vector_to_quaternion(torch.stack([0 * quarter, quarter, 0 * quarter], -1))
    root = torch.stack([torch.arange(10) * 0.05, torch.full((10,), 0.9), torch.zeros(10)], -1)
    steps = Smpl203(fps=30.0).from_motion(rotations, root, OFFSETS)[:, ROOT_STEP]
    torch.testing.assert_close(steps, torch.tensor([0.0, 0.05]).expand(10, 2), atol=1e-6, rtol=0)


def test_a_foot_that_stands_low_is_in_contact_and_one_that_moves_or_floats_is_not() -> None:
    rotations = torch.zeros(20, 22, 4)
    rotations[..., 0] = 1.0
    ankle_height = -(REST_OFFSETS[1] + REST_OFFSETS[4] + REST_OFFSETS[7])[1]
    standing = torch.tensor([0.0, ankle_height + 0.08, 0.0]).expand(20, 3)
    representation = Smpl203(fps=30.0)
    assert (representation.from_motion(rotations, standing, OFFSETS)[:, CONTACTS] == 1).all()
    sliding = standing + torch.arange(20)[:, None] * torch.tensor([0.0, 0.0, 0.02])
    assert (representation.from_motion(rotations, sliding, OFFSETS)[:, CONTACTS] == 0).all()
    floating = standing + torch.tensor([0.0, 0.1, 0.0])
    assert (representation.from_motion(rotations, floating, OFFSETS)[:, CONTACTS] == 0).all()


def test_contacts_of_a_network_are_brought_into_zero_to_one() -> None:
    rotations, root = wandering(10)
    features = Smpl203(fps=30.0).from_motion(rotations, root, OFFSETS)
    features[:, CONTACTS] = torch.tensor([-0.2, 0.4, 1.3, 1.0])
    contacts = Smpl203(fps=30.0).to_motion(features).contacts
    torch.testing.assert_close(contacts[0], torch.tensor([0.0, 0.4, 1.0, 1.0]))


def test_one_frame_has_no_steps_to_write() -> None:
    rotations, root = wandering(1)
    with pytest.raises(AssertionError, match="two frames"):
        Smpl203(fps=30.0).from_motion(rotations, root, OFFSETS)


def test_statistics_undo_themselves_and_refuse_nonsense() -> None:
    statistics = Statistics(torch.tensor([1.0, -2.0]), torch.tensor([0.5, 4.0]))
    values = torch.tensor([[3.0, 6.0]])
    torch.testing.assert_close(statistics.normalize(values), torch.tensor([[4.0, 2.0]]))
    torch.testing.assert_close(statistics.denormalize(statistics.normalize(values)), values)
    for mean, std in (([0.0], [0.0]), ([0.0], [1.0, 1.0]), ([math.nan], [1.0]), ([0.0], [math.inf])):
        with pytest.raises(ValueError, match="statistics"):
            Statistics(torch.tensor(mean), torch.tensor(std))


@pytest.mark.parametrize(("name", "features"), [("smpl999", 203), ("smpl203", 204)])
def test_a_representation_that_the_engine_does_not_read_is_refused(name: str, features: int) -> None:
    config = RepresentationConfig(name=name, fps=30.0, features=features, rotation_6d="columns", heading="twist")
    with pytest.raises(PackError) as caught:
        make_representation(config)
    assert caught.value.code == "pack_corrupt"
