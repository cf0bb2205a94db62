# SPDX-License-Identifier: GPL-3.0-or-later
"""The data set's own inverse and forward kinematics: zero-twist bones, chains that restart at the root."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ...rotations import matrix_to_6d, multiply, quaternion_to_matrix, yaw_matrix
from .skeleton import FeatureSkeleton

_OPPOSITE = 1e-6
"""Quaternions shorter than this come from opposite directions, between which no arc is the shortest."""


def measured_lengths(pose: Tensor, skeleton: FeatureSkeleton) -> Tensor:
    """One pose (..., J, 3) -> bone lengths (..., J), the root's 0."""
    lengths = [torch.zeros_like(pose[..., 0, 0])] * skeleton.joints
    for parent, child in skeleton.bones:
        lengths[child] = (pose[..., child, :] - pose[..., parent, :]).norm(dim=-1)
    return torch.stack(lengths, -1)


def uniform_skeleton(joints: Tensor, skeleton: FeatureSkeleton, lengths: Tensor) -> Tensor:
    """Carry a motion onto a body with other bone lengths, as the data set does with every clip.

    joints (..., T, J, 3), lengths (J,) in the same unit -> (..., T, J, 3). The root's path is scaled
    by the ratio of the legs (measured in the first frame), every bone keeps its direction.
    """
    first, second = skeleton.leg
    source = measured_lengths(joints[..., 0, :, :], skeleton)
    ratio = (lengths[first] + lengths[second]) / (source[..., first] + source[..., second])
    placed: list[Tensor] = [joints[..., 0, :] * ratio[..., None, None]] * skeleton.joints
    for parent, child in skeleton.bones:
        direction = normalize(joints[..., child, :] - joints[..., parent, :], dim=-1)
        placed[child] = placed[parent] + lengths[child] * direction
    return torch.stack(placed, -2)


def bone_rotations(joints: Tensor, yaws: Tensor, skeleton: FeatureSkeleton) -> Tensor:
    """Joints (..., T, J, 3) and heading yaws (..., T) -> 6D (..., T, J - 1, 6) of joints 1 and up.

    The rotation at a joint turns its bone's rest axis onto the bone by the shortest arc, relative to
    the bone before it in the chain, or to the root's heading turn for a chain's first bone.
    """
    root = yaw_matrix(yaws)
    local = [root] * skeleton.joints
    for chain in skeleton.chains:
        above = root
        for parent, child in pairwise(chain):
            bone = _shortest_arc(skeleton.axes[child], joints[..., child, :] - joints[..., parent, :])
            local[child] = multiply(above.transpose(-1, -2), bone)
            above = bone
    return matrix_to_6d(torch.stack(local[1:], -3))


def _shortest_arc(axis: tuple[int, int, int], bones: Tensor) -> Tensor:
    """Unit axis and bones (..., 3) of any length -> rotations (..., 3, 3); a bone without length gives identity.

    A bone exactly against its axis turns half around the next coordinate axis; the published data
    has no such frame, where its formula would divide zero by zero.
    """
    start = bones.new_tensor(axis)
    directions = normalize(bones, dim=-1)
    real = 1 + (directions * start).sum(-1, keepdim=True)
    quaternions = torch.cat([real, torch.linalg.cross(start.expand_as(directions), directions)], -1)
    half_turn = torch.cat([start.new_zeros(1), start.roll(1).abs()])
    opposite = quaternions.norm(dim=-1, keepdim=True) < _OPPOSITE
    return quaternion_to_matrix(torch.where(opposite, half_turn, quaternions))
