# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator would see: sliding feet, jitter, feet in or over the ground, drift, loop seams.

Each takes clips one by one: world joints (T, 22, 3) in metres, Y up, the ground at 0, and fps. The
captured motion's own value stands beside every figure, since real feet slide and real joints jerk.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...contract.skeleton import CONTACT_JOINTS, JOINT_INDEX
from .mean import Mean

_TOES: Final = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
_FEET: Final = list(CONTACT_JOINTS)
_LOW_METRES: Final = 0.05
_MILLIMETRES: Final = 1000.0
Joints = NDArray[np.floating]


class FootSliding(Mean):
    """Mean speed over the ground of a toe while it is below 5 cm in two frames running."""

    name, unit = "sliding", "m/s"

    def add(self, joints: Joints, fps: float) -> None:
        toes = joints[:, _TOES]
        speed = np.linalg.norm(np.diff(toes[..., [0, 2]], axis=0), axis=-1) * fps
        low = (toes[1:, :, 1] < _LOW_METRES) & (toes[:-1, :, 1] < _LOW_METRES)
        self._include(speed[low])


class SkatingRatio(Mean):
    """Share of frames in which a toe skates: below 5 cm in both frames, faster than 0.5 m/s now and over 5 frames.

    The measure of GMD (Karunratanakul et al., 2023) and MotionLCM.
    """

    name, unit = "skating", "share"
    _SPEED, _WINDOW = 0.5, 5

    def add(self, joints: Joints, fps: float) -> None:
        toes = joints[:, _TOES]
        speed = np.linalg.norm(np.diff(toes[..., [0, 2]], axis=0), axis=-1) * fps
        window = np.ones(min(self._WINDOW, len(speed)))
        # At both ends of a clip the mean is over the frames that there are.
        frames = np.convolve(np.ones(len(speed)), window, mode="same")
        mean = np.stack([np.convolve(track, window, mode="same") / frames for track in speed.T], -1)
        low = (toes[1:, :, 1] < _LOW_METRES) & (toes[:-1, :, 1] < _LOW_METRES)
        self._include((low & (speed > self._SPEED) & (mean > self._SPEED)).any(-1))


class Jitter(Mean):
    """Mean jerk of all joints. Far above the captured motion it trembles, far below it is lifeless."""

    name, unit = "jerk", "m/s^3"

    def add(self, joints: Joints, fps: float) -> None:
        self._include(np.linalg.norm(np.diff(joints, 3, axis=0), axis=-1) * fps**3)


class GroundPenetration(Mean):
    """Mean depth of the lowest foot joint under the ground."""

    name, unit = "penetration", "mm"
    scale = _MILLIMETRES

    def add(self, joints: Joints, fps: float) -> None:
        self._include(np.clip(-joints[:, _FEET, 1].min(-1), 0, None))


class GroundFloat(Mean):
    """Mean height of the lowest foot joint over the ground."""

    name, unit = "float", "mm"
    scale = _MILLIMETRES

    def add(self, joints: Joints, fps: float) -> None:
        self._include(np.clip(joints[:, _FEET, 1].min(-1), 0, None))


class RootDrift(Mean):
    """Mean distance over the ground from the first frame to the last, to be read beside the captured clips' own."""

    name, unit = "root drift", "m"

    def add(self, joints: Joints, fps: float) -> None:
        self._include(np.linalg.norm((joints[-1:, 0] - joints[:1, 0])[:, [0, 2]], axis=-1))


class LoopSeam(Mean):
    """Mean distance of the joints of the last frame from those of the first, pelvis over the origin: 0 in a loop."""

    name, unit = "loop seam", "mm"
    scale = _MILLIMETRES

    def add(self, joints: Joints, fps: float) -> None:
        ground = np.array([1.0, 0.0, 1.0])
        first, last = (frame - frame[0] * ground for frame in (joints[0], joints[-1]))
        self._include(np.linalg.norm(first - last, axis=-1))
