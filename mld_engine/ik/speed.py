# SPDX-License-Identifier: GPL-3.0-or-later
"""What fitting rotations costs, on a clip made for the purpose."""

from __future__ import annotations

import math
import statistics
import time
from typing import Final

import torch
from torch import Tensor

from ..contract.skeleton import JOINT_COUNT, REST_OFFSETS
from ..kinematics import forward_kinematics
from ..rotations import quaternion_to_matrix, rotation_vector_to_quaternion
from .fitting import fit_rotations

SMPLIFY_MILLISECONDS: Final = 10_000.0
"""A frame of SMPLify on 22 joints (joints2smpl), as its users report it (its repository's thread 16)."""
_SWING_RADIANS: Final = 0.6
_RUNS: Final = 5


def swinging_body(frames: int, fps: float) -> Tensor:
    """Joint positions (frames, 22, 3) in metres of a body whose joints all swing, each at its own pace."""
    generator = torch.Generator().manual_seed(0)
    pace, phase = 2 * math.pi * torch.rand(2, JOINT_COUNT, 3, generator=generator)
    seconds = torch.arange(frames)[:, None, None] / fps
    vectors = _SWING_RADIANS * (pace * seconds + phase).sin()
    matrices = quaternion_to_matrix(rotation_vector_to_quaternion(vectors))
    return forward_kinematics(matrices, torch.zeros(frames, 3), torch.from_numpy(REST_OFFSETS))[1]


def milliseconds_per_frame(seconds: float, fps: float = 20.0) -> float:
    """Median wall time of `fit_rotations` on one clip, divided by its frames."""
    joints = swinging_body(max(1, round(seconds * fps)), fps)
    offsets = torch.from_numpy(REST_OFFSETS)
    walls = []
    for _ in range(_RUNS + 1):
        started = time.perf_counter()
        fit_rotations(joints, offsets, fps=fps)
        walls.append(time.perf_counter() - started)
    return 1000.0 * statistics.median(walls[1:]) / len(joints)
