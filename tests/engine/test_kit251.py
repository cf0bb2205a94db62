# SPDX-License-Identifier: GPL-3.0-or-later
"""KIT's features: its mirrored, millimetre, one-metre body against the engine's."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mld_engine.contract.skeleton import ANKLE_HEIGHT, JOINT_INDEX, PARENTS
from mld_engine.kinematics import forward_kinematics
from mld_engine.representations.humanml.recover import recover_joints, recover_root
from mld_engine.representations.humanml.skeleton import KIT
from mld_engine.representations.kit251 import BODY, Kit251
from mld_engine.rotations import quaternion_to_matrix, rotation_vector_to_quaternion

FRAMES = 50
LIMBS = [
    JOINT_INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("knee", "ankle", "elbow", "wrist", "foot")
]


def posed(vectors: dict[str, tuple[float, float, float]], metres_a_frame: float = 0.0) -> tuple[Tensor, Tensor]:
    """A held pose of rotation vectors in radians that travels forward: rotations (T, 22, 4), root (T, 3)."""
    rotations = torch.zeros(22, 3)
    for name, vector in vectors.items():
        rotations[JOINT_INDEX[name]] = torch.tensor(vector)
    root = torch.tensor([0.0, 0.9, 1.0]) * torch.tensor([0.0, 1.0, metres_a_frame])
    travel = torch.arange(FRAMES)[:, None] * (root * torch.tensor([0.0, 0.0, 1.0]))
    return rotation_vector_to_quaternion(rotations).expand(FRAMES, 22, 4), root * torch.tensor([0.0, 1.0, 0.0]) + travel


def joints_of(rotations: Tensor, root: Tensor) -> Tensor:
    return forward_kinematics(quaternion_to_matrix(rotations), root, BODY)[1]


def directions(joints: Tensor) -> Tensor:
    """Unit bones (..., len(LIMBS), 3) that end in the limbs' joints."""
    bones = joints[..., LIMBS, :] - joints[..., [PARENTS[joint] for joint in LIMBS], :]
    return bones / bones.norm(dim=-1, keepdim=True)


WAVING = {
    "left_shoulder": (0.2, 0.1, 0.9),
    "left_elbow": (0.0, -0.7, 0.3),
    "right_shoulder": (0.1, 0.0, 1.2),
    "left_hip": (-0.9, 0.0, 0.1),
    "left_knee": (1.1, 0.0, 0.0),
    "spine2": (0.2, 0.0, 0.0),
}


def test_a_pose_and_its_travel_come_back() -> None:
    rotations, root = posed(WAVING, metres_a_frame=0.08)
    representation = Kit251()
    features = representation.from_motion(rotations, root, BODY)
    assert features.shape == (FRAMES, 251)
    motion = representation.to_motion(features)
    back, given = joints_of(motion.rotations, motion.root), joints_of(rotations, root)
    cosines = (directions(back) * directions(given)).sum(-1)
    assert float(torch.rad2deg(cosines.clamp(-1, 1).acos()).max()) < 4.0
    ahead = motion.root[-1, 2] - motion.root[0, 2]
    torch.testing.assert_close(ahead, torch.tensor(0.08 * (FRAMES - 1)), atol=1e-3, rtol=0)


def test_a_raised_left_leg_is_mmm_left_leg_on_the_mirrored_side() -> None:
    rotations, root = posed({"left_hip": (-1.2, 0.0, 0.0)})
    features = Kit251().from_motion(rotations, root, BODY)
    kit = recover_joints(features, KIT)[0]
    left_ankle, right_ankle = kit[13], kit[18]
    assert left_ankle[1] > right_ankle[1] + 100
    assert left_ankle[2] > right_ankle[2] + 200
    assert left_ankle[0] < 0 < right_ankle[0], "the published positions are a mirror image"
    body = Kit251().joints(features)[0]
    left, right = body[JOINT_INDEX["left_ankle"]], body[JOINT_INDEX["right_ankle"]]
    assert left[0] > 0 > right[0]
    assert left[1] > right[1] + 0.2
    assert left[2] > 0.3


def test_bones_are_those_of_the_one_metre_model_and_the_root_walks_in_millimetres() -> None:
    rotations, root = posed({}, metres_a_frame=0.1)
    features = Kit251().from_motion(rotations, root, BODY)
    _, path = recover_root(features)
    torch.testing.assert_close(path[-1, 2], torch.tensor(100.0 * (FRAMES - 1)), atol=0.5, rtol=0)
    kit = recover_joints(features, KIT)
    for parent, child in KIT.bones:
        length = (kit[:, child] - kit[:, parent]).norm(dim=-1)
        torch.testing.assert_close(length, torch.full_like(length, KIT.lengths[child]), atol=0.05, rtol=0)


def test_contacts_are_of_the_body_side_that_stands() -> None:
    """The left leg swings while the rest of the body stands still."""
    rotations, root = posed({})
    rotations = rotations.clone()
    swing = torch.linspace(0.0, 1.0, FRAMES)
    rotations[:, JOINT_INDEX["left_hip"]] = rotation_vector_to_quaternion(
        torch.stack([-swing, 0 * swing, 0 * swing], -1)
    )
    contacts = Kit251().to_motion(Kit251().from_motion(rotations, root, BODY)).contacts
    torch.testing.assert_close(contacts, torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(FRAMES, 4), atol=0, rtol=0)


def test_a_standing_body_has_its_soles_on_the_floor() -> None:
    motion = Kit251().to_motion(Kit251().from_motion(*posed({}), BODY))
    ankles = joints_of(motion.rotations, motion.root)[:, [7, 8], 1]
    torch.testing.assert_close(ankles, torch.full_like(ankles, ANKLE_HEIGHT), atol=0.01, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batches_and_precisions(dtype: torch.dtype) -> None:
    rotations, root = (part.to(dtype) for part in posed(WAVING, metres_a_frame=0.05))
    single = Kit251().from_motion(rotations, root, BODY.to(dtype))
    batch = Kit251().from_motion(rotations.expand(2, FRAMES, 22, 4), root.expand(2, FRAMES, 3), BODY.to(dtype))
    assert batch.dtype == dtype
    torch.testing.assert_close(batch[1], single, atol=1e-2 if dtype == torch.float32 else 1e-9, rtol=0)
    motion = Kit251().to_motion(batch)
    assert motion.rotations.shape == (2, FRAMES, 22, 4)
    assert bool(torch.isfinite(motion.rotations).all())


def test_a_turn_to_the_left_is_a_turn_to_the_left() -> None:
    rotations, root = posed({})
    rotations = rotations.clone()
    angle = torch.arange(FRAMES) * 0.03
    rotations[:, 0] = rotation_vector_to_quaternion(torch.stack([0 * angle, angle, 0 * angle], -1))
    motion = Kit251().to_motion(Kit251().from_motion(rotations, root, BODY))
    left = joints_of(motion.rotations, motion.root)[:, 1] - joints_of(motion.rotations, motion.root)[:, 2]
    turned = torch.atan2(-left[:, 2], left[:, 0])
    torch.testing.assert_close(turned, angle, atol=math.radians(3), rtol=0)
