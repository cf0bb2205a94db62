# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's result: one motion of the 22-joint SMPL body, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .contract.skeleton import CONTACT_JOINTS, JOINT_COUNT


@dataclass(frozen=True)
class Motion:
    """T frames of motion in metres, Y up, the character's left on +X, facing +Z at rest.

    rotations  (T, 22, 4) float32, wxyz unit quaternions, local to the parent joint
    root       (T, 3) float32, position of the pelvis joint in metres
    contacts   (T, 4) float32 in 0..1: left ankle, left toe, right ankle, right toe on the ground
    offsets    (22, 3) float32, rest position of each joint relative to its parent in metres
    fps        frames a second of all of the above
    meta       plain JSON values: what made the motion, enough to make it again

    Raises ValueError for arrays of other shapes or dtypes.
    """

    rotations: NDArray[np.float32]
    root: NDArray[np.float32]
    contacts: NDArray[np.float32]
    offsets: NDArray[np.float32]
    fps: float
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames = len(self.rotations)
        expected = {
            "rotations": (frames, JOINT_COUNT, 4),
            "root": (frames, 3),
            "contacts": (frames, len(CONTACT_JOINTS)),
            "offsets": (JOINT_COUNT, 3),
        }
        for name, shape in expected.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(f"{name} is {array.dtype} {array.shape}; a motion needs float32 {shape}")
        if not self.fps > 0:
            raise ValueError(f"fps is {self.fps}; a motion needs a positive frame rate")

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.rotations)

    @property
    def seconds(self) -> float:
        """Length T / fps."""
        return self.frames / self.fps
