# SPDX-License-Identifier: GPL-3.0-or-later
"""How far two motions are from each other."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from mld_engine.kinematics import forward_kinematics
from mld_engine.rotations import quaternion_to_matrix


def degrees_apart(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float64]:
    """Angles (..., ) between quaternions (..., 4)."""
    cosine = np.abs((first.astype(np.float64) * second).sum(-1)).clip(max=1.0)
    return np.degrees(2.0 * np.arccos(cosine))


def joints_of(rotations: NDArray[np.float32], root: NDArray[np.float32], offsets: NDArray[np.float32]) -> torch.Tensor:
    """(T, 22, 3)"""
    return forward_kinematics(
        quaternion_to_matrix(torch.tensor(rotations)), torch.tensor(root), torch.as_tensor(offsets)
    )[1]
