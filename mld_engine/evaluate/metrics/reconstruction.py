# SPDX-License-Identifier: GPL-3.0-or-later
"""How near a rebuilt motion comes to its original: MPJPE, PA-MPJPE, ACCL (Chen et al., 2023, section 4.1).

Each measure takes clips one by one, joints (T, J, 3) in metres with the pelvis first, and gives
their mean over all frames in millimetres.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .mean import Mean

_MILLIMETRES = 1000.0


class JointError(Mean):
    """MPJPE: mean distance of the joints, both bodies' pelvis at the origin."""

    name, unit = "MPJPE", "mm"
    scale = _MILLIMETRES

    def add(self, predicted: NDArray[np.floating], original: NDArray[np.floating]) -> None:
        difference = _from_pelvis(predicted) - _from_pelvis(original)
        self._include(np.linalg.norm(difference, axis=-1))


class AlignedJointError(Mean):
    """PA-MPJPE: the same after the best similarity transform of each frame (Procrustes)."""

    name, unit = "PA-MPJPE", "mm"
    scale = _MILLIMETRES

    def add(self, predicted: NDArray[np.floating], original: NDArray[np.floating]) -> None:
        aligned = procrustes(predicted, original)
        self._include(np.linalg.norm(aligned - original, axis=-1))


class AccelerationError(Mean):
    """ACCL: mean difference of the joints' accelerations, in mm per frame squared.

    The sum over T - 2 frames is divided by T - 2 (the published code divides by T - 4).
    """

    name, unit = "ACCL", "mm/frame^2"
    scale = _MILLIMETRES

    def add(self, predicted: NDArray[np.floating], original: NDArray[np.floating]) -> None:
        difference = np.diff(_from_pelvis(predicted), 2, axis=0) - np.diff(_from_pelvis(original), 2, axis=0)
        self._include(np.linalg.norm(difference, axis=-1))


def procrustes(predicted: NDArray[np.floating], original: NDArray[np.floating]) -> NDArray[np.floating]:
    """`predicted` (T, J, 3) after each frame's similarity transform that brings it nearest to `original`.

    Rotation by singular value decomposition, without reflection (Umeyama, 1991).
    """
    mean_predicted, mean_original = predicted.mean(1, keepdims=True), original.mean(1, keepdims=True)
    centred, wanted = predicted - mean_predicted, original - mean_original
    left, stretch, right = np.linalg.svd(np.swapaxes(wanted, 1, 2) @ centred)
    sign = np.ones_like(stretch)
    sign[:, -1] = np.sign(np.linalg.det(left @ right))
    rotation = (left * sign[:, None, :]) @ right
    size = np.square(centred).sum((1, 2))
    scale = np.divide((stretch * sign).sum(1), size, out=np.ones_like(size), where=size > 1e-12)
    aligned: NDArray[np.floating] = scale[:, None, None] * (centred @ np.swapaxes(rotation, 1, 2)) + mean_original
    return aligned


def _from_pelvis(joints: NDArray[np.floating]) -> NDArray[np.floating]:
    centred: NDArray[np.floating] = joints - joints[:, :1]
    return centred
