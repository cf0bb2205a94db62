# SPDX-License-Identifier: GPL-3.0-or-later
"""What every source does with its motion: one frame rate, a start over the origin facing +Z, soles on the floor."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from ...kinematics import forward_kinematics
from ...representations.ground import floor_height
from ...rotations import (
    multiply_quaternions,
    quaternion_to_matrix,
    rotate_about_y,
    rotation_vector_to_quaternion,
    slerp,
    twist_yaw,
)

FloatArray = NDArray[np.float32]
_STANDING_SHARE: Final = 0.05
"""The floor is where the lower foot is in its lowest frames, but for outliers: this share of them."""
_SAME_TIME: Final = 1e-6


def at_fps(rotations: FloatArray, root: FloatArray, fps: float, target: float) -> tuple[FloatArray, FloatArray]:
    """rotations (T, 22, 4) and root (T, 3) at another frame rate: slerp, and straight lines for the root.

    Frames that fall on a frame of the source are those frames exactly.
    """
    if abs(fps - target) < 1e-3 * target:
        return rotations, root
    last = len(root) - 1
    at = torch.arange(int(last / fps * target + _SAME_TIME) + 1, dtype=torch.float64) * (fps / target)
    at = torch.where((at - at.round()).abs() < _SAME_TIME, at.round(), at).clamp(max=last)
    before = at.floor().long()
    after = (before + 1).clamp(max=last)
    share = (at - before)[:, None].float()
    turned, moved = torch.as_tensor(rotations), torch.as_tensor(root)
    between = slerp(turned[before], turned[after], share[..., None])
    between = torch.where(share[..., None] == 0, turned[before], between)
    return between.numpy(), torch.lerp(moved[before], moved[after], share).numpy()


def placed(
    rotations: FloatArray, root: FloatArray, offsets: FloatArray, *, ground: bool
) -> tuple[FloatArray, FloatArray]:
    """The motion turned and moved so that it starts over the origin, facing +Z.

    `ground` sets the soles on the floor; without it the height stays as it is.
    """
    turned, moved = torch.as_tensor(rotations), torch.as_tensor(root)
    yaw = -twist_yaw(turned[0, 0])
    moved = rotate_about_y(yaw.expand(len(moved)), moved - moved[0] * moved.new_tensor([1.0, 0.0, 1.0]))
    turn = rotation_vector_to_quaternion(torch.stack([torch.zeros(()), yaw, torch.zeros(())]))
    turned = torch.cat([multiply_quaternions(turn.expand(len(turned), 4), turned[:, 0])[:, None], turned[:, 1:]], 1)
    if ground:
        _, joints = forward_kinematics(quaternion_to_matrix(turned), moved, torch.as_tensor(offsets))
        moved = moved - moved.new_tensor([0.0, 1.0, 0.0]) * floor_of(joints)
    return turned.numpy(), moved.numpy()


def floor_of(joints: torch.Tensor) -> torch.Tensor:
    """World joints (T, 22, 3) in metres, Y up -> () the height on which the feet stand."""
    return floor_height(joints[:, None]).quantile(_STANDING_SHARE)
