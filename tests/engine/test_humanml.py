# SPDX-License-Identifier: GPL-3.0-or-later
"""HumanML3D's features against a published clip, their habits, and the way to rotations and back."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from humanml_oracle import joints_from_rotations
from torch import Tensor

from mld_engine.contract.contacts import TOE_HEIGHT
from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.kinematics import forward_kinematics
from mld_engine.representations.humanml.bones import bone_rotations, uniform_skeleton
from mld_engine.representations.humanml.extract import canonical, extract_features
from mld_engine.representations.humanml.facing import heading_yaws
from mld_engine.representations.humanml.recover import recover_joints, recover_root
from mld_engine.representations.humanml.skeleton import HUMANML
from mld_engine.representations.humanml263 import BODY, Humanml263
from mld_engine.rotations import quaternion_to_matrix, rotate_about_y, rotation_vector_to_quaternion, sixd_to_matrix

OFFSETS = torch.from_numpy(REST_OFFSETS)
LAYOUT = HUMANML.layout
GROUPS = {
    "yaw": slice(0, 1),
    "step": slice(1, 3),
    "height": slice(3, 4),
    "positions": slice(4, 67),
    "rotations": slice(67, 193),
    "velocities": slice(193, 259),
    "contacts": slice(259, 263),
}
SMOOTHING_REACH = 80


class Sample:
    """Clip 012314 of HumanML3D: 170 rows, their 170 poses, and the statistics of the training set."""

    def __init__(self, folder: Path) -> None:
        def read(name: str) -> Tensor:
            return torch.from_numpy(np.load(folder / f"{name}.npy", allow_pickle=False))

        self.features, self.joints = read("new_joint_vecs_012314"), read("new_joints_012314")
        self.mean, self.std = read("Mean"), read("Std")


@pytest.fixture(scope="module")
def sample(shared_dir: Path) -> Sample:
    folder = shared_dir / "data" / "humanml3d_sample"
    if not folder.is_dir():
        pytest.skip(f"no published HumanML3D clip in {folder}")
    return Sample(folder)


def clip_poses(sample: Sample, dtype: torch.dtype = torch.float32) -> Tensor:
    """The 171 poses that the 170 rows were made of: the published 170, and the one the last row leads to."""
    last = recover_joints(sample.features.to(dtype), HUMANML, last_step=True)[-1:]
    return torch.cat([sample.joints.to(dtype), last])


def standing(frames: int, turn: float = 0.0) -> Tensor:
    """T-pose joints (frames, 22, 3) at 0.9 m that turn by `turn` radians a frame to the left."""
    _, pose = forward_kinematics(torch.eye(3).expand(22, 3, 3), torch.tensor([0.0, 0.9, 0.0]), OFFSETS)
    return rotate_about_y((torch.arange(frames) * turn)[:, None], pose.expand(frames, 22, 3))


def swinging(frames: int = 60) -> tuple[Tensor, Tensor]:
    """All joints swing a little while the body walks an arc: rotations (T, 22, 4), root (T, 3)."""
    time = torch.linspace(0.0, 3.0, frames)
    speeds = torch.rand(22, 3, generator=torch.Generator().manual_seed(2))
    vectors = 0.4 * torch.sin(3 * time[:, None, None] * speeds)
    vectors[:, 0] = torch.stack([0 * time, 0.4 * time, 0 * time], -1)
    root = torch.stack([time.sin(), 0.95 + 0.03 * time.cos(), 0.8 * time], -1)
    return rotation_vector_to_quaternion(vectors), root


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("group", GROUPS)
def test_features_of_a_published_clip_are_the_published_ones(sample: Sample, group: str, dtype: torch.dtype) -> None:
    features = extract_features(clip_poses(sample, dtype), HUMANML)
    assert features.dtype == dtype
    assert features.shape == sample.features.shape
    part = GROUPS[group]
    torch.testing.assert_close(features[:, part], sample.features[:, part].to(dtype), atol=2e-5, rtol=0)


def test_the_joint_file_alone_gives_the_same_rows_out_of_reach_of_its_missing_last_pose(sample: Sample) -> None:
    features = extract_features(sample.joints, HUMANML)
    assert len(features) == len(sample.joints) - 1
    known = len(sample.joints) - SMOOTHING_REACH
    torch.testing.assert_close(features[:known], sample.features[:known], atol=2e-5, rtol=0)


def test_another_body_anywhere_is_carried_onto_the_data_set_body(sample: Sample) -> None:
    """Twice the legs, other bones at random, turned and moved: the published features again."""
    poses = clip_poses(sample, torch.float64)
    factors = 1 + torch.rand(22, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    factors[[5, 8]] = 2.0
    larger = uniform_skeleton(poses, HUMANML, HUMANML.bone_lengths(poses) * factors)
    assert (larger - poses).abs().max() > 0.5
    elsewhere = rotate_about_y(torch.tensor(0.8, dtype=torch.float64), larger) + torch.tensor([3.0, -1.0, 2.0])
    uniform = uniform_skeleton(elsewhere, HUMANML, HUMANML.bone_lengths(poses))
    features = extract_features(uniform, HUMANML)
    torch.testing.assert_close(features, sample.features.double(), atol=1e-4, rtol=0)


def test_joints_come_back_from_the_positions_and_from_the_rotations(sample: Sample) -> None:
    torch.testing.assert_close(recover_joints(sample.features, HUMANML), sample.joints, atol=1e-6, rtol=0)
    posed = joints_from_rotations(sample.features, HUMANML)
    torch.testing.assert_close(posed, sample.joints, atol=5e-5, rtol=0)


@pytest.mark.parametrize("rate", [0.01, -0.01])
def test_a_constant_turn_is_written_as_half_its_angle(rate: float) -> None:
    features = extract_features(standing(300, rate), HUMANML)
    middle = features[SMOOTHING_REACH + 1 : -SMOOTHING_REACH, 0]
    torch.testing.assert_close(middle, torch.full_like(middle, -rate / 2), atol=1e-6, rtol=0)
    # Read back it is the whole angle, and the body turns the way it did.
    yaws, _ = recover_root(features)
    torch.testing.assert_close(yaws[200] - yaws[100], torch.tensor(-100 * rate), atol=1e-4, rtol=0)


def test_turning_past_minus_z_has_the_wrong_sign_for_one_frame_as_published() -> None:
    steps = extract_features(standing(400, 0.02), HUMANML)[SMOOTHING_REACH + 1 : -SMOOTHING_REACH, 0]
    assert int((steps > 0).sum()) == 1
    torch.testing.assert_close(steps.abs(), torch.full_like(steps, 0.01), atol=1e-5, rtol=0)


def test_hips_count_against_the_shoulders_in_the_heading() -> None:
    """Hips turned by a quarter: a sum would face half way between, the difference faces away from them."""
    joints = standing(3)
    joints[:, 1] = joints[:, 0] + torch.tensor([0.0, 0.0, -0.1])
    joints[:, 2] = joints[:, 0] + torch.tensor([0.0, 0.0, 0.1])
    width = float(joints[0, 16, 0] - joints[0, 17, 0])
    expected = -math.atan2(-0.2, width)
    torch.testing.assert_close(heading_yaws(joints, HUMANML)[1:], torch.full((2,), expected), atol=1e-5, rtol=0)
    assert heading_yaws(joints, HUMANML)[0] == 0.0


def test_arms_do_not_know_the_spine() -> None:
    """The chest moved forward bends the spine, but arms that keep their direction keep their numbers."""
    joints = standing(2)
    moved = joints.clone()
    above = [9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]
    moved[:, above] += torch.tensor([0.0, 0.0, 0.05])
    yaws = torch.zeros(2)
    before, after = bone_rotations(joints, yaws, HUMANML), bone_rotations(moved, yaws, HUMANML)
    arms = [joint - 1 for joint in (13, 14, 16, 17, 18, 19, 20, 21)]
    torch.testing.assert_close(after[:, arms], before[:, arms], atol=1e-6, rtol=0)
    assert (after[:, 8] - before[:, 8]).abs().max() > 0.1


def test_rotations_are_columns_of_the_shortest_arc() -> None:
    """The left upper leg straight to the left: the rest axis -Y goes to +X by a quarter turn about Z."""
    joints = standing(2)
    joints[:, 4] = joints[:, 1] + torch.tensor([0.4, 0.0, 0.0])
    hip, knee = bone_rotations(joints, torch.zeros(2), HUMANML)[0, [0, 3]]
    world = sixd_to_matrix(hip) @ sixd_to_matrix(knee)
    expected = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(world, expected, atol=1e-6, rtol=0)


def test_a_bone_exactly_against_its_rest_axis_is_a_half_turn() -> None:
    joints = standing(2)
    joints[:, 4] = joints[:, 1] + torch.tensor([0.0, 0.4, 0.0])
    features = extract_features(joints, HUMANML)
    assert torch.isfinite(features).all()
    posed = joints_from_rotations(features, HUMANML)
    thigh = posed[0, 4] - posed[0, 1]
    torch.testing.assert_close(thigh / thigh.norm(), torch.tensor([0.0, 1.0, 0.0]), atol=1e-5, rtol=0)


def test_padding_with_normalised_zeros_is_the_mean_pose_drifting_at_the_mean_velocity(sample: Sample) -> None:
    features = torch.zeros(40, 263) * sample.std + sample.mean
    joints = recover_joints(features, HUMANML)
    steps = joints[1:, 0] - joints[:-1, 0]
    expected = sample.mean[1:3].norm().expand(39)
    torch.testing.assert_close(steps[:, [0, 2]].norm(dim=-1), expected, atol=1e-6, rtol=0)
    motion = Humanml263().to_motion(features)
    assert all(bool(torch.isfinite(part).all()) for part in motion)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_motion_goes_to_features_and_its_joints_come_back(dtype: torch.dtype) -> None:
    rotations, root = (part.to(dtype) for part in swinging())
    features = Humanml263().from_motion(rotations, root, BODY.to(dtype))
    assert features.shape == (60, 263)
    assert features.dtype == dtype
    _, joints = forward_kinematics(quaternion_to_matrix(rotations), root, BODY.to(dtype))
    # The table of rest offsets is rounded to tenths of a millimetre, and the arm is six bones long.
    torch.testing.assert_close(Humanml263().joints(features), canonical(joints, HUMANML), atol=1e-3, rtol=0)


def test_a_larger_body_with_a_longer_path_has_the_same_features() -> None:
    rotations, root = swinging()
    features = Humanml263().from_motion(rotations, root, BODY)
    larger = Humanml263().from_motion(rotations, root * 1.2, BODY * 1.2)
    torch.testing.assert_close(larger, features, atol=1e-5, rtol=0)


def test_batches_of_any_shape_are_one_by_one() -> None:
    rotations, root = swinging(30)
    representation = Humanml263()
    single = representation.from_motion(rotations, root, BODY)
    batch = representation.from_motion(rotations.expand(2, 3, 30, 22, 4), root.expand(2, 3, 30, 3), BODY)
    torch.testing.assert_close(batch[1, 2], single, atol=1e-5, rtol=0)
    motion, alone = representation.to_motion(batch), representation.to_motion(single)
    assert motion.rotations.shape == (2, 3, 30, 22, 4)
    assert motion.contacts.shape == (2, 3, 30, 4)
    torch.testing.assert_close(motion.root[0, 1], alone.root, atol=1e-5, rtol=0)
    assert (1 - (motion.rotations[1, 0] * alone.rotations).sum(-1).abs()).max() < 1e-4


def test_one_frame_has_no_steps_to_write() -> None:
    rotations, root = swinging(1)
    with pytest.raises(AssertionError, match="two frames"):
        Humanml263().from_motion(rotations, root, BODY)
    with pytest.raises(AssertionError, match="two frames"):
        extract_features(standing(1), HUMANML)


def test_the_published_clip_becomes_rotations_that_stand_where_its_joints_do(sample: Sample) -> None:
    representation = Humanml263()
    motion = representation.to_motion(sample.features)
    _, posed = forward_kinematics(quaternion_to_matrix(motion.rotations), motion.root, BODY)
    wanted = sample.joints + torch.tensor([0.0, TOE_HEIGHT, 0.0])
    errors = (posed - wanted).norm(dim=-1)
    assert errors.mean() < 0.002
    assert errors.max() < 0.03
    torch.testing.assert_close(motion.contacts, sample.features[:, LAYOUT.contacts], atol=0, rtol=0)
    again = representation.from_motion(motion.rotations, motion.root, BODY)
    torch.testing.assert_close(representation.joints(again), representation.joints(sample.features), atol=0.04, rtol=0)
