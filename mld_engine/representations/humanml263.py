# SPDX-License-Identifier: GPL-3.0-or-later
"""humanml263: HumanML3D's features, 263 numbers a frame at 20 frames a second, metres, Y up, facing +Z.

See `humanml.layout` for the numbers. A motion is read from the joint POSITIONS by inverse kinematics,
because the rotations of this format have no twist and belong to another rest pose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..contract.contacts import TOE_HEIGHT
from ..ik import fit_rotations
from ..kinematics import forward_kinematics
from ..rotations import quaternion_to_matrix
from .base import MotionTensors
from .ground import raised
from .humanml.bones import uniform_skeleton
from .humanml.extract import extract_features, with_next_pose
from .humanml.recover import recover_joints
from .humanml.skeleton import HUMANML

FPS: Final = 20.0
BODY: Final = torch.tensor([
    [0.0000, 0.0000, 0.0000], [0.0578, -0.0852, -0.0056], [-0.0627, -0.0899, -0.0082], [-0.0011, 0.1287, -0.0275],
    [0.0441, -0.3911, 0.0016], [-0.0437, -0.3877, 0.0016], [0.0000, 0.1424, 0.0150], [-0.0173, -0.4305, -0.0366],
    [0.0170, -0.4238, -0.0360], [0.0000, 0.0484, 0.0307], [0.0375, -0.0604, 0.1245], [-0.0391, -0.0629, 0.1298],
    [0.0003, 0.2177, -0.0265], [0.0699, 0.1147, -0.0292], [-0.0738, 0.1192, -0.0298], [0.0000, 0.0896, 0.0508],
    [0.1219, 0.0476, -0.0142], [-0.1139, 0.0445, -0.0133], [0.2550, -0.0148, -0.0268], [-0.2612, -0.0152, -0.0275],
    [0.2657, 0.0098, -0.0067], [-0.2696, 0.0100, -0.0068],
])  # fmt: skip
"""(22, 3) metres: rest offsets of the body of all published clips; a pack's skeleton has these.

Measured on a published clip: the lengths, the angles between the bones that meet at the pelvis and at
spine3, and the pitch of the two bones between spine1 and spine3 in frames where pelvis and chest agree.
The rest directions of the other bones cannot be seen in joint positions; they are the contract's."""


@dataclass(frozen=True)
class Humanml263:
    """The representation at one frame rate."""

    fps: float = FPS

    @property
    def features(self) -> int:
        return HUMANML.layout.features

    def joints(self, features: Tensor) -> Tensor:
        """(..., T, 263) -> joint positions (..., T, 22, 3) in metres; the lowest joint of a clip is at height 0."""
        return recover_joints(features, HUMANML)

    def to_motion(self, features: Tensor) -> MotionTensors:
        """(..., T, 263) -> motion of `BODY` that starts over the origin, facing +Z, with the soles on the floor."""
        joints = self.joints(features)
        fit = fit_rotations(joints.reshape(-1, *joints.shape[-3:]), BODY, fps=self.fps)
        rotations, root = (part.reshape(*joints.shape[:-2], *part.shape[2:]) for part in (fit.rotations, fit.root))
        contacts = features[..., HUMANML.layout.contacts].clamp(0.0, 1.0)
        return MotionTensors(rotations, raised(root, TOE_HEIGHT), contacts)

    def from_motion(self, rotations: Tensor, root: Tensor, offsets: Tensor) -> Tensor:
        """rotations (..., T, 22, 4) wxyz, root (..., T, 3), offsets (22, 3) metres -> (..., T, 263).

        The pose is that of `BODY`, on whose rest pose the published features rest, and the path is scaled by
        the ratio of the legs. (Joints of a known body go through `uniform_skeleton` and `extract_features`
        instead, as the published ones did.) The last frame repeats the last step.
        """
        body = BODY.to(root)
        path = root * (_leg_length(body) / _leg_length(offsets.to(root)))
        _, joints = forward_kinematics(quaternion_to_matrix(rotations), path, body)
        uniform = uniform_skeleton(joints, HUMANML, HUMANML.bone_lengths(joints))
        return extract_features(with_next_pose(uniform), HUMANML)


def _leg_length(offsets: Tensor) -> Tensor:
    return offsets[list(HUMANML.leg)].square().sum(-1).sqrt().sum()
