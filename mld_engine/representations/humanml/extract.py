# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint positions -> feature rows, compatible with the published ones."""

from __future__ import annotations

import torch
from torch import Tensor

from ...rotations import rotate_about_y
from .bones import bone_rotations
from .facing import heading_yaws, start_yaw
from .skeleton import FeatureSkeleton


def canonical(joints: Tensor, skeleton: FeatureSkeleton) -> Tensor:
    """(..., T, J, 3), Y up -> the same motion on the floor, starting over the origin and facing +Z.

    The floor is the lowest joint of the whole clip; the first frame's hips and shoulders give the facing.
    """
    floor = joints[..., 1].amin((-1, -2))
    first = joints[..., 0, 0, :]
    start = torch.stack([first[..., 0], floor, first[..., 2]], -1)
    return rotate_about_y(start_yaw(joints, skeleton)[..., None, None], joints - start[..., None, None, :])


def extract_features(joints: Tensor, skeleton: FeatureSkeleton) -> Tensor:
    """Joints (..., T, J, 3), Y up, on a body of the data set's proportions (see `uniform_skeleton`)
    -> feature rows (..., T - 1, 12 J - 1).

    The arcsine of the yaw step reads the quaternion as it is, so that in the frame where the body
    turns through facing -Z the step has the wrong sign; the published rows have that too.
    """
    assert joints.shape[-3] >= 2, "the features of a motion need two frames or more"
    joints = canonical(joints, skeleton)
    yaws = heading_yaws(joints, skeleton)
    here, there = yaws[..., :-1], yaws[..., 1:]
    steps = joints[..., 1:, :, :] - joints[..., :-1, :, :]
    yaw_step = torch.asin(torch.sin((there - here) / 2))
    root_step = rotate_about_y(there, steps[..., 0, :])
    poses = joints[..., :-1, :, :]
    around = poses - poses[..., :1, :] * poses.new_tensor([1.0, 0.0, 1.0])
    parts = [
        yaw_step[..., None],
        root_step[..., [0, 2]],
        poses[..., 0, 1:2],
        rotate_about_y(here[..., None], around[..., 1:, :]).flatten(-2),
        bone_rotations(poses, here, skeleton).flatten(-2),
        rotate_about_y(here[..., None], steps).flatten(-2),
        (steps[..., list(skeleton.feet), :].square().sum(-1) < skeleton.still).to(joints.dtype),
    ]
    return torch.cat(parts, -1)


def with_next_pose(joints: Tensor) -> Tensor:
    """Joints (..., T, J, 3) -> (..., T + 1, J, 3): the last step once more, so that T poses give T rows."""
    assert joints.shape[-3] >= 2, "the features of a motion need two frames or more"
    return torch.cat([joints, 2 * joints[..., -1:, :, :] - joints[..., -2:-1, :, :]], -3)
