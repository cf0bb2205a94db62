# SPDX-License-Identifier: GPL-3.0-or-later
"""Two-bone inverse kinematics for legs, all frames at once: the ankle goes to its target, the knee keeps its plane."""

from __future__ import annotations

from typing import Final

import numpy as np

from . import quaternion
from .quaternion import FloatArray

STRAIGHT_SINE: Final = 0.02
"""Below this sine of the knee's angle the leg is too straight to show a plane; its hinge axis then does."""


def hinge_axis(thigh_rotations: FloatArray, thigh: FloatArray, shin: FloatArray, left: FloatArray) -> FloatArray:
    """(F, 3) the axis, in the world, about which the knee bends, fixed to the thigh.

    It is the mean over the take of thigh x shin in the thigh's own axes (`thigh_rotations` (F, 4)), to which bent knees
    contribute most. A take with straight legs falls back on `left` (F, 3), across the character.
    """
    normals = quaternion.cross(quaternion.unit(thigh), quaternion.unit(shin)) + STRAIGHT_SINE * left
    own = quaternion.rotate(quaternion.conjugate(thigh_rotations), normals).mean(axis=0)
    return quaternion.rotate(thigh_rotations, quaternion.unit(own))


def bend_leg(
    hip: FloatArray, knee: FloatArray, ankle: FloatArray, hinge: FloatArray, new_hip: FloatArray, new_ankle: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """World rotations (F, 4) by which thigh and shin turn when hip and ankle move to new places.

    All positions (F, 3). `new_ankle` must be in reach: no further from `new_hip` than the leg is long, no nearer than
    the difference of its bones. The plane of the leg turns with the line from hip to ankle and no further.
    """
    thigh, shin = knee - hip, ankle - knee
    a, b = quaternion.length(thigh), quaternion.length(shin)
    normal = _plane_normal(quaternion.unit(thigh), quaternion.unit(shin), hinge)
    old_line, line = ankle - hip, new_ankle - new_hip
    new_normal = quaternion.rotate(quaternion.swing(old_line, line, normal), _across(normal, old_line))
    reach = np.clip(quaternion.length(line), np.abs(a - b) * (1.0 + 1e-6), (a + b) * (1.0 - 1e-9))
    cosine = np.clip((a * a + reach * reach - b * b) / (2.0 * a * reach), -1.0, 1.0)
    along = quaternion.unit(line)
    forward = quaternion.cross(along, new_normal)
    new_thigh = (a * cosine)[:, None] * along + (a * np.sqrt(1.0 - cosine * cosine))[:, None] * forward
    new_shin = reach[:, None] * along - new_thigh
    return _turn(thigh, normal, new_thigh, new_normal), _turn(shin, normal, new_shin, new_normal)


def flexion(hip: FloatArray, knee: FloatArray, ankle: FloatArray) -> FloatArray:
    """(F,) angle [rad] between thigh and shin: 0 for a straight leg."""
    thigh, shin = quaternion.unit(knee - hip), quaternion.unit(ankle - knee)
    return np.asarray(np.arccos(np.clip(np.sum(thigh * shin, axis=-1), -1.0, 1.0)))


def _plane_normal(thigh: FloatArray, shin: FloatArray, hinge: FloatArray) -> FloatArray:
    """Unit normal (F, 3) of the leg: thigh x shin of a bent knee, passing over to the hinge as the leg straightens."""
    normal = quaternion.cross(thigh, shin)
    bend = np.sum(normal * hinge, axis=-1, keepdims=True)
    tilt = normal - bend * hinge
    return quaternion.unit(np.maximum(bend, STRAIGHT_SINE) * hinge + np.clip(bend / STRAIGHT_SINE, 0.0, 1.0) * tilt)


def _across(vectors: FloatArray, lines: FloatArray) -> FloatArray:
    """Unit vectors (F, 3): what of `vectors` is perpendicular to `lines`."""
    direction = quaternion.unit(lines)
    return quaternion.unit(vectors - np.sum(vectors * direction, axis=-1, keepdims=True) * direction)


def _turn(bone: FloatArray, normal: FloatArray, new_bone: FloatArray, new_normal: FloatArray) -> FloatArray:
    """The rotation (F, 4) that takes a bone's direction and the leg's normal to the new ones."""
    turned: FloatArray = _basis(new_bone, new_normal) @ np.swapaxes(_basis(bone, normal), -1, -2)
    return quaternion.from_matrix(turned)


def _basis(bone: FloatArray, normal: FloatArray) -> FloatArray:
    """(F, 3, 3)"""
    x = quaternion.unit(bone)
    z = _across(normal, bone)
    return np.stack([x, quaternion.cross(z, x), z], axis=-1)
