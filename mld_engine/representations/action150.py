# SPDX-License-Identifier: GPL-3.0-or-later
"""action150: the features of the action models (HumanAct12, UESTC), SMPL rotations and a translation.

    25 columns j of six numbers d: 24 SMPL joints' rotations (joint 0 is the global orientation), each as
    the first two ROWS of its matrix, and column 24, the translation X, Y, Z since frame 0 and three zeros.
    They are flattened component by component: number d * 25 + j, so that the 25 first components come first.

Row 6D is the transpose of the column 6D of the other representations: reading one as the other inverts
every rotation (Zhou et al., 2019, define columns; PyTorch3D writes rows). The features are not
normalised, and the frame rate is not part of the published data: 20 is what ACTOR's viewer plays.

The published poses were fitted to camera images, whose Y axis points DOWN: `up` "-y" turns the world by
180 degrees about X. That the whole of both data sets is so is inferred from the viewers of ACTOR and MDM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..contract.skeleton import JOINT_COUNT, REST_OFFSETS
from ..kinematics import forward_kinematics
from ..rotations import (
    matrix_to_6d,
    matrix_to_quaternion,
    multiply,
    quaternion_to_matrix,
    rotate_about_y,
    sixd_to_matrix,
    twist_yaw,
    yaw_matrix,
)
from .base import MotionTensors
from .contacts import standing_feet
from .ground import floor_height, raised

FPS: Final = 20.0
COLUMNS: Final = 25
"""24 SMPL joints, hands last, and the translation."""
FEATURES: Final = 6 * COLUMNS
BODY: Final = torch.from_numpy(REST_OFFSETS)
"""(22, 3) metres: rest offsets of the body that motions are given on; a pack's skeleton has these."""
_HALF_TURN_ABOUT_X: Final = (1.0, -1.0, -1.0)


@dataclass(frozen=True)
class Action150:
    """The representation at one frame rate; `up` says where the Y axis of the data points, "y" or "-y"."""

    fps: float = FPS
    up: str = "-y"

    @property
    def features(self) -> int:
        return FEATURES

    def to_motion(self, features: Tensor) -> MotionTensors:
        """(..., T, 150) -> motion of `BODY` that starts over the origin, facing +Z, with its lowest sole on the floor.

        The hands' rotations are left out. T is at least 2, of which the contacts are told.
        """
        assert features.shape[-2] >= 2, "the contacts of a motion need two frames or more"
        rotations, travel = self._upright(*unflatten(features))
        yaw = twist_yaw(matrix_to_quaternion(rotations[..., :1, 0, :, :]))
        pelvis = multiply(yaw_matrix(-yaw), rotations[..., 0, :, :])
        local = torch.cat([pelvis[..., None, :, :], rotations[..., 1:JOINT_COUNT, :, :]], -3)
        root = rotate_about_y(-yaw, travel - travel[..., :1, :])
        offsets = BODY.to(root)
        _, positions = forward_kinematics(local, root, offsets)
        height = -floor_height(positions)
        contacts = standing_feet(raised(positions, height), self.fps)
        return MotionTensors(matrix_to_quaternion(local), raised(root, height), contacts)

    def from_motion(self, rotations: Tensor, root: Tensor, offsets: Tensor) -> Tensor:
        """rotations (..., T, 22, 4) wxyz, root (..., T, 3) metres -> (..., T, 150); the hands do not turn.

        The body's `offsets` are not part of this format.
        """
        matrices = quaternion_to_matrix(rotations)
        hands = torch.eye(3, dtype=matrices.dtype, device=matrices.device).expand(*matrices.shape[:-3], 2, 3, 3)
        return flatten(*self._upright(torch.cat([matrices, hands], -3), root - root[..., :1, :]))

    def _upright(self, rotations: Tensor, travel: Tensor) -> tuple[Tensor, Tensor]:
        """From the data's axes to Y up or back: a half turn undoes itself."""
        if self.up == "y":
            return rotations, travel
        turn = travel.new_tensor(_HALF_TURN_ABOUT_X)
        root = turn[:, None] * rotations[..., :1, :, :]
        return torch.cat([root, rotations[..., 1:, :, :]], -3), turn * travel


def unflatten(features: Tensor) -> tuple[Tensor, Tensor]:
    """(..., T, 150) -> rotations (..., T, 24, 3, 3) and translation (..., T, 3) in the axes of the data."""
    columns = features.reshape(*features.shape[:-1], 6, COLUMNS).transpose(-1, -2)
    return rows_6d_to_matrix(columns[..., :-1, :]), columns[..., -1, :3]


def flatten(rotations: Tensor, translation: Tensor) -> Tensor:
    """Rotations (..., T, 24, 3, 3) and translation (..., T, 3) -> (..., T, 150)."""
    columns = torch.cat([matrix_to_rows_6d(rotations), pad(translation, (0, 3))[..., None, :]], -2)
    return columns.transpose(-1, -2).flatten(-2)


def rows_6d_to_matrix(sixd: Tensor) -> Tensor:
    """Two rows (..., 6), not necessarily orthonormal -> (..., 3, 3) by Gram-Schmidt, the first row first."""
    return sixd_to_matrix(sixd).transpose(-1, -2)


def matrix_to_rows_6d(matrices: Tensor) -> Tensor:
    """(..., 3, 3) -> (..., 6): the first row, then the second."""
    return matrix_to_6d(matrices.transpose(-1, -2))
