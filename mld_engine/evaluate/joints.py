# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the joints of clips are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..kinematics import forward_kinematics
from ..representations.base import Representation
from ..rotations import quaternion_to_matrix
from .batches import batches


def world_joints(
    features: Sequence[Tensor], representation: Representation, offsets: Tensor
) -> list[NDArray[np.floating]]:
    """Features (T, F) of each clip in physical units -> world joints (T, 22, 3), by forward kinematics of its
    rotations on the body with rest offsets (22, 3), on whose device they are computed."""
    joints: list[NDArray[np.floating]] = [np.empty(0)] * len(features)
    for _, rows in batches([len(item) for item in features]):
        motion = representation.to_motion(torch.stack([features[row] for row in rows]).to(offsets.device))
        _, positions = forward_kinematics(quaternion_to_matrix(motion.rotations), motion.root, offsets)
        for row, places in zip(rows, positions.cpu().numpy(), strict=True):
            joints[row] = places
    return joints
