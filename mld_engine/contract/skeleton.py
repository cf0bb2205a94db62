# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMPL body as both sides see it: 22 joints, metres, Y up, left is +X, facing +Z, T-pose.

Names, order and parents are SMPL's (Loper et al., 2015); hands and face are left out. Local
rotations are relative to world-aligned rest frames, so the identity everywhere is the T-pose.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

JOINT_NAMES: Final[tuple[str, ...]] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
PARENTS: Final[tuple[int, ...]] = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19,
)  # fmt: skip
JOINT_COUNT: Final = len(JOINT_NAMES)
JOINT_INDEX: Final[dict[str, int]] = {name: index for index, name in enumerate(JOINT_NAMES)}
MIRRORED_JOINTS: Final[tuple[int, ...]] = (
    0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20,
)  # fmt: skip
"""MIRRORED_JOINTS[j] is the joint on the other side of the body."""

CONTACT_JOINTS: Final[tuple[int, ...]] = (7, 10, 8, 11)
"""Joints of the four contact channels: left ankle, left toe, right ankle, right toe."""

REST_OFFSETS: Final[NDArray[np.float32]] = np.array([
    [0.0, 0.0, 0.0], [0.0595, -0.0864, -0.0156], [-0.0595, -0.0864, -0.0156], [0.0, 0.1244, -0.0384],
    [0.0434, -0.3851, 0.0016], [-0.0434, -0.3851, 0.0016], [0.0, 0.1380, 0.0268],
    [-0.0170, -0.4235, -0.0360], [0.0170, -0.4235, -0.0360], [0.0, 0.0560, 0.0029],
    [0.0380, -0.0612, 0.1262], [-0.0380, -0.0612, 0.1262], [0.0, 0.2116, -0.0335],
    [0.0774, 0.1133, -0.0213], [-0.0774, 0.1133, -0.0213], [0.0, 0.0889, 0.0504],
    [0.1181, 0.0461, -0.0138], [-0.1181, 0.0461, -0.0138], [0.2577, -0.0150, -0.0271],
    [-0.2577, -0.0150, -0.0271], [0.2674, 0.0099, -0.0067], [-0.2674, 0.0099, -0.0067],
], dtype=np.float32)  # fmt: skip
"""(22, 3) metres: rest position of each joint relative to its parent, for a body of average build.

A motion brings its own offsets; these serve the mannequin and anything made without a motion."""

ANKLE_HEIGHT: Final = 0.082
"""Metres from the floor to the ankle joint with the sole flat (median over ground contacts of the
motion that the default pack was trained on)."""
