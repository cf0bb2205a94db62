# SPDX-License-Identifier: GPL-3.0-or-later
"""Feature rows -> joint positions."""

from __future__ import annotations

import torch
from torch import Tensor

from ...rotations import rotate_about_y
from .layout import HEIGHT, ROOT_STEP, YAW_STEP
from .skeleton import FeatureSkeleton


def recover_root(features: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (..., T, F) -> heading yaws (..., T) in radians and root positions (..., T, 3).

    A yaw turns the world into the frame's heading, so the body itself faces MINUS that angle. It is
    the running sum of the yaw steps, twice, because a step is half an angle. Step t ends in frame t + 1.
    """
    steps = features[..., :-1, :]
    start = torch.zeros_like(features[..., :1, YAW_STEP])
    yaws = torch.cat([start, 2 * steps[..., YAW_STEP].cumsum(-1)], -1)
    x, z = steps[..., ROOT_STEP].unbind(-1)
    moves = rotate_about_y(-yaws[..., 1:], torch.stack([x, torch.zeros_like(x), z], -1))
    ground = torch.cat([torch.zeros_like(features[..., :1, :3]), moves.cumsum(-2)], -2)
    height = features[..., HEIGHT]
    return yaws, torch.stack([ground[..., 0], height, ground[..., 2]], -1)


def recover_joints(features: Tensor, skeleton: FeatureSkeleton, *, last_step: bool = False) -> Tensor:
    """Rows (..., T, F) -> joints (..., T, J, 3) from the position numbers, in the data set's unit.

    A clip of T + 1 poses has T rows; `last_step` adds the pose that the last row's velocities lead to.
    """
    layout = skeleton.layout
    yaws, root = recover_root(features)
    around = _vectors(features[..., layout.positions], 3)
    under_root = root * root.new_tensor([1.0, 0.0, 1.0])
    others = rotate_about_y(-yaws[..., None], around) + under_root[..., None, :]
    joints = torch.cat([root[..., None, :], others], -2)
    if not last_step:
        return joints
    velocities = _vectors(features[..., -1:, layout.velocities], 3)
    end = joints[..., -1:, :, :] + rotate_about_y(-yaws[..., -1:, None], velocities)
    return torch.cat([joints, end], -3)


def _vectors(numbers: Tensor, size: int) -> Tensor:
    """(..., k * size) -> (..., k, size)."""
    return numbers.reshape(*numbers.shape[:-1], -1, size)
