# SPDX-License-Identifier: GPL-3.0-or-later
"""smpl203: 203 numbers a frame, built on true SMPL local rotations (Y up, forward +Z, left +X).

    0        yaw change to the next frame, radians
    1:3      root displacement X, Z to the next frame, in the heading of this frame, metres
    3        root height, metres
    4:10     root rotation without its heading, 6D
    10:136   rotations of the other 21 joints, 6D
    136:199  positions of those joints in the heading frame: X, Z from the root, Y from the floor
    199:203  ground contact: left ankle, left toe, right ankle, right toe

The heading is the twist of the pelvis about Y. A motion is read from rotations, yaw, displacement,
height and contacts; the positions are there for losses and evaluators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..contract.skeleton import JOINT_COUNT
from ..kinematics import forward_kinematics
from ..rotations import (
    matrix_to_6d,
    matrix_to_quaternion,
    multiply,
    quaternion_to_matrix,
    rotate_about_y,
    sixd_to_matrix,
    twist_yaw,
    wrap_angle,
    yaw_matrix,
)
from .base import MotionTensors
from .contacts import repeat_last, standing_feet

FEATURES: Final = 203
YAW_STEP: Final = 0
ROOT_STEP: Final = slice(1, 3)
ROOT_HEIGHT: Final = 3
ROTATIONS: Final = slice(4, 136)
POSITIONS: Final = slice(136, 199)
CONTACTS: Final = slice(199, 203)


@dataclass(frozen=True)
class Smpl203:
    """The representation at one frame rate."""

    fps: float

    @property
    def features(self) -> int:
        return FEATURES

    def to_motion(self, features: Tensor) -> MotionTensors:
        """(..., T, 203) -> motion that starts over the origin, facing +Z."""
        yaw, ground = integrate_root(features)
        local = sixd_to_matrix(features[..., ROTATIONS].reshape(*features.shape[:-1], JOINT_COUNT, 6))
        pelvis = multiply(yaw_matrix(yaw), local[..., 0, :, :])
        rotations = matrix_to_quaternion(torch.cat([pelvis[..., None, :, :], local[..., 1:, :, :]], -3))
        root = torch.stack([ground[..., 0], features[..., ROOT_HEIGHT], ground[..., 1]], -1)
        return MotionTensors(rotations, root, features[..., CONTACTS].clamp(0.0, 1.0))

    def from_motion(self, rotations: Tensor, root: Tensor, offsets: Tensor) -> Tensor:
        """rotations (..., T, 22, 4) wxyz, root (..., T, 3), offsets (22, 3) metres -> (..., T, 203).

        The last frame repeats the root's last step.
        """
        assert root.shape[-2] >= 2, "the features of a motion need two frames or more"
        local = quaternion_to_matrix(rotations)
        yaw = twist_yaw(rotations[..., 0, :])
        _, positions = forward_kinematics(local, root, offsets)
        yaw_step = repeat_last(wrap_angle(yaw[..., 1:] - yaw[..., :-1])[..., None])
        root_step = repeat_last(rotate_about_y(-yaw[..., :-1], root[..., 1:, :] - root[..., :-1, :]))
        pelvis = multiply(yaw_matrix(-yaw), local[..., 0, :, :])
        headless = torch.cat([pelvis[..., None, :, :], local[..., 1:, :, :]], -3)
        under_root = root * root.new_tensor([1.0, 0.0, 1.0])
        around = rotate_about_y(-yaw[..., None], positions[..., 1:, :] - under_root[..., None, :])
        parts = [
            yaw_step,
            root_step[..., [0, 2]],
            root[..., 1:2],
            matrix_to_6d(headless).flatten(-2),
            around.flatten(-2),
            standing_feet(positions, self.fps),
        ]
        return torch.cat(parts, -1)


def integrate_root(features: Tensor) -> tuple[Tensor, Tensor]:
    """(..., T, 203) -> heading (..., T) in radians and root X, Z (..., T, 2) in metres, both from zero."""
    steps = features[..., :-1, :]
    zero = torch.zeros_like(features[..., :1, YAW_STEP])
    yaw = torch.cat([zero, steps[..., YAW_STEP].cumsum(-1)], -1)
    cosine, sine = yaw[..., :-1].cos(), yaw[..., :-1].sin()
    x, z = steps[..., ROOT_STEP].unbind(-1)
    step = torch.stack([cosine * x + sine * z, cosine * z - sine * x], -1)
    return yaw, torch.cat([torch.stack([zero, zero], -1), step.cumsum(-2)], -2)
