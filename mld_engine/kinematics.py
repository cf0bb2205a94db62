# SPDX-License-Identifier: GPL-3.0-or-later
"""Forward kinematics on the 22-joint skeleton of the contract."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .contract.skeleton import JOINT_COUNT, PARENTS
from .motion import Motion
from .rotations import multiply, quaternion_to_matrix, rotate


def _generations() -> list[list[int]]:
    depth = [0] * JOINT_COUNT
    for joint, parent in enumerate(PARENTS):
        depth[joint] = 0 if parent < 0 else depth[parent] + 1
    return [[j for j in range(JOINT_COUNT) if depth[j] == d] for d in range(max(depth) + 1)]


GENERATIONS: Final = _generations()
"""Joints by their distance from the pelvis; all joints of one generation are computed at once."""
_ORDER: Final = [joint for generation in GENERATIONS for joint in generation]
_POSITION_IN_ORDER: Final = [_ORDER.index(joint) for joint in range(JOINT_COUNT)]


def forward_kinematics(local: Tensor, root: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """Local rotations (..., 22, 3, 3), pelvis position (..., 3) and rest offsets (22, 3) in metres
    -> world rotations (..., 22, 3, 3) and joint positions (..., 22, 3)."""
    rotations = [local[..., :1, :, :]]
    positions = [root[..., None, :]]
    for above, joints in pairwise(GENERATIONS):
        slots = [above.index(PARENTS[joint]) for joint in joints]
        parent_rotations = rotations[-1][..., slots, :, :]
        positions.append(positions[-1][..., slots, :] + rotate(parent_rotations, offsets[joints]))
        rotations.append(multiply(parent_rotations, local[..., joints, :, :]))
    return (
        torch.cat(rotations, -3)[..., _POSITION_IN_ORDER, :, :],
        torch.cat(positions, -2)[..., _POSITION_IN_ORDER, :],
    )


def joint_positions(motion: Motion) -> NDArray[np.float32]:
    """World positions (T, 22, 3) of all joints in metres, Y up."""
    matrices = quaternion_to_matrix(torch.from_numpy(motion.rotations))
    _, positions = forward_kinematics(matrices, torch.from_numpy(motion.root), torch.from_numpy(motion.offsets))
    return np.asarray(positions.numpy(), dtype=np.float32)
