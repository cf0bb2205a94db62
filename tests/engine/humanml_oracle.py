# SPDX-License-Identifier: GPL-3.0-or-later
"""Forward kinematics of HumanML3D's 6D numbers: the inverse of what the product extracts."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from mld_engine.representations.humanml.recover import recover_root
from mld_engine.representations.humanml.skeleton import FeatureSkeleton
from mld_engine.rotations import multiply, rotate, sixd_to_matrix, yaw_matrix


def joints_from_rotations(features: Tensor, skeleton: FeatureSkeleton) -> Tensor:
    """Rows (..., T, F) -> joints (..., T, J, 3) from the 6D numbers, on the data set's body."""
    yaws, root = recover_root(features)
    local = sixd_to_matrix(features[..., skeleton.layout.rotations].unflatten(-1, (-1, 6)))
    lengths = skeleton.bone_lengths(root)
    placed = [root] * skeleton.joints
    for chain in skeleton.chains:
        above = yaw_matrix(yaws)
        for parent, child in pairwise(chain):
            above = multiply(above, local[..., child - 1, :, :])
            axis = root.new_tensor(skeleton.axes[child])
            placed[child] = placed[parent] + rotate(above, lengths[child] * axis)
    return torch.stack(placed, -2)
