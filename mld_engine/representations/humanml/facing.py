# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way the body faces, as the data set's preprocessing measures it."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import normalize

from .skeleton import FeatureSkeleton

SMOOTHING_FRAMES: Final = 20.0
"""Standard deviation of the Gaussian that smooths the facing direction over time."""
_KERNEL_REACH: Final = 4.0
"""The Gaussian is cut off this many standard deviations from its middle."""


def start_yaw(joints: Tensor, skeleton: FeatureSkeleton) -> Tensor:
    """Joints (..., T, J, 3) -> yaw (...) in radians that turns the first frame's facing to +Z."""
    first = joints[..., 0, :, :]
    right_hip, left_hip = skeleton.hips
    return _yaw_to_z(_forward(_across_hips(first, right_hip, left_hip) + _across_shoulders(first, skeleton)))


def heading_yaws(joints: Tensor, skeleton: FeatureSkeleton) -> Tensor:
    """Joints (..., T, J, 3) -> yaw (..., T) in radians, in -pi..pi, that turns each frame's facing to +Z.

    Three habits of the data set: the hips are taken the wrong way round, so that they count against
    the shoulders; the direction is smoothed over time; the first frame is declared to face +Z.
    """
    right_hip, left_hip = skeleton.hips
    across = _across_hips(joints, left_hip, right_hip) + _across_shoulders(joints, skeleton)
    yaws = _yaw_to_z(_smooth(_forward(across)))
    return torch.cat([torch.zeros_like(yaws[..., :1]), yaws[..., 1:]], -1)


def _across_hips(joints: Tensor, end: int, start: int) -> Tensor:
    return joints[..., end, :] - joints[..., start, :]


def _across_shoulders(joints: Tensor, skeleton: FeatureSkeleton) -> Tensor:
    right, left = skeleton.shoulders
    return joints[..., right, :] - joints[..., left, :]


def _forward(across: Tensor) -> Tensor:
    """Y x the unit vector (..., 3) from left to right -> X, Z (..., 2) of the way forward, at most 1 long."""
    x, _, z = normalize(across, dim=-1).unbind(-1)
    return torch.stack([z, -x], -1)


def _yaw_to_z(forward: Tensor) -> Tensor:
    return -torch.atan2(forward[..., 0], forward[..., 1])


def _smooth(forward: Tensor) -> Tensor:
    """Gaussian filter of (..., T, 2) over T; beyond the ends the first and the last value go on."""
    frames = forward.shape[-2]
    reach = int(_KERNEL_REACH * SMOOTHING_FRAMES + 0.5)
    steps = torch.arange(-reach, reach + 1, device=forward.device)
    kernel = torch.exp(-0.5 * (steps.to(torch.float64) / SMOOTHING_FRAMES) ** 2)
    kernel = (kernel / kernel.sum()).to(forward.dtype)
    times = torch.arange(frames, device=forward.device)
    sources = (times[:, None] + steps).clamp(0, frames - 1)
    weights = torch.zeros(frames, frames, dtype=forward.dtype, device=forward.device)
    weights.scatter_add_(1, sources, kernel.expand(frames, -1).contiguous())
    return weights @ forward
