# SPDX-License-Identifier: GPL-3.0-or-later
"""The body that a clip of joint positions shows: rest offsets scaled to the observed bone lengths."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from ..contract.skeleton import JOINT_COUNT, JOINT_INDEX, PARENTS
from ..rotations import rotate
from .directions import rotation_from_children

_PARENT_OF: Final = list(PARENTS[1:])
PELVIS_PIECE: Final = [JOINT_INDEX[name] for name in ("left_hip", "right_hip", "spine1")]
CHEST_PIECE: Final = [JOINT_INDEX[name] for name in ("neck", "left_collar", "right_collar")]
RIGID_PIECES: Final = (PELVIS_PIECE, CHEST_PIECE)
"""Joints that move as one piece with the pelvis, and with spine3."""


def segments(joints: Tensor) -> Tensor:
    """(..., 22, 3) positions -> (..., 22, 3) vectors from each joint's parent to it; zero at the pelvis."""
    vectors = joints[..., 1:, :] - joints[..., _PARENT_OF, :]
    return torch.cat([torch.zeros_like(joints[..., :1, :]), vectors], -2)


def fit_bone_lengths(joints: Tensor, offsets: Tensor) -> Tensor:
    """Positions (..., 22, 3) metres and rest offsets (22, 3) -> offsets (22, 3) of the body that moves.

    Bones keep their rest directions and get the medians of the observed lengths. Joints of one rigid
    piece (the hips and spine1 on the pelvis; neck and collars on spine3) show more than their lengths:
    there the offsets are the mean of what the piece shows when its rotation is taken away.
    """
    observed = segments(joints).reshape(-1, JOINT_COUNT, 3)
    lengths = observed.norm(dim=-1).median(0).values
    fitted: Tensor = offsets * (lengths / offsets.norm(dim=-1).clamp_min(1e-9))[:, None]
    for piece in RIGID_PIECES:
        rotations = rotation_from_children(fitted[piece], observed[:, piece])
        fitted[piece] = rotate(rotations.transpose(-1, -2)[:, None], observed[:, piece]).mean(0)
    return fitted
