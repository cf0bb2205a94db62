# SPDX-License-Identifier: GPL-3.0-or-later
"""SMPL poses that were fitted to camera images, as in HumanAct12 and UESTC -> clips."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from ...representations.action150 import Action150, flatten
from ...rotations import quaternion_to_matrix, rotation_vector_to_quaternion
from .placing import at_fps

_POSE: Final = 72


def upright_motion(
    poses: NDArray[np.float32], travel: NDArray[np.float32], fps: float, target_fps: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rotation vectors (T, 72) of SMPL's 24 joints and a path (T, 3), in a camera's axes with Y down
    -> local rotations (T', 22, 4) and pelvis path (T', 3) of the contract's body, on the floor, facing +Z.

    Raises ValueError for other shapes, fewer than two frames or numbers that are not finite.
    """
    if poses.ndim != 2 or poses.shape[1] != _POSE or travel.shape != (len(poses), 3) or len(poses) < 2:
        raise ValueError(f"poses are {poses.shape} and the path {travel.shape}; need (T, 72) and (T, 3)")
    if not (np.isfinite(poses).all() and np.isfinite(travel).all()):
        raise ValueError("it holds numbers that are not finite")
    vectors = torch.from_numpy(np.ascontiguousarray(poses)).reshape(len(poses), -1, 3)
    matrices = quaternion_to_matrix(rotation_vector_to_quaternion(vectors))
    path = torch.from_numpy(np.ascontiguousarray(travel))
    motion = Action150().to_motion(flatten(matrices, path - path[:1]))
    return at_fps(motion.rotations.numpy(), motion.root.numpy(), fps, target_fps)
