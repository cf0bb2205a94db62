# SPDX-License-Identifier: GPL-3.0-or-later
"""kit251: KIT Motion-Language in HumanML3D's manner, 251 numbers a frame at 12.5 frames a second.

See `humanml.layout` for the numbers and `humanml.kit_body` for the body that they describe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..contract.skeleton import REST_OFFSETS
from ..ik import fit_rotations
from ..kinematics import forward_kinematics
from ..rotations import quaternion_to_matrix
from .base import MotionTensors
from .ground import floor_height, raised
from .humanml.extract import extract_features, with_next_pose
from .humanml.kit_body import body_to_kit, kit_to_body
from .humanml.recover import recover_joints
from .humanml.skeleton import KIT

FPS: Final = 12.5
BODY: Final = torch.from_numpy(REST_OFFSETS)
"""(22, 3) metres: rest offsets of the body that motions are given on; a pack's skeleton has these."""
_BODY_CONTACTS: Final = [2, 3, 0, 1]
"""The data set's "left" foot is on the side of the recorded person's right one; see `humanml.kit_body`."""


@dataclass(frozen=True)
class Kit251:
    """The representation at one frame rate."""

    fps: float = FPS

    @property
    def features(self) -> int:
        return KIT.layout.features

    def joints(self, features: Tensor) -> Tensor:
        """(..., T, 251) -> joint positions (..., T, 22, 3) in metres of `BODY`, its lowest sole on the floor."""
        joints = kit_to_body(recover_joints(features, KIT), BODY)
        return raised(joints, -floor_height(joints))

    def to_motion(self, features: Tensor) -> MotionTensors:
        """(..., T, 251) -> motion of `BODY` from the origin, facing +Z, with its lowest sole on the floor."""
        joints = self.joints(features)
        fit = fit_rotations(joints.reshape(-1, *joints.shape[-3:]), BODY, fps=self.fps)
        rotations, root = (part.reshape(*joints.shape[:-2], *part.shape[2:]) for part in (fit.rotations, fit.root))
        contacts = features[..., KIT.layout.contacts][..., _BODY_CONTACTS].clamp(0.0, 1.0)
        return MotionTensors(rotations, root, contacts)

    def from_motion(self, rotations: Tensor, root: Tensor, offsets: Tensor) -> Tensor:
        """rotations (..., T, 22, 4) wxyz, root (..., T, 3), offsets (22, 3) metres -> (..., T, 251).

        The last frame repeats the last step.
        """
        world, joints = forward_kinematics(quaternion_to_matrix(rotations), root, offsets)
        return extract_features(with_next_pose(body_to_kit(world, joints)), KIT)
