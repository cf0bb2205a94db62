# SPDX-License-Identifier: GPL-3.0-or-later
"""From matrix_basis rotations to the channels that a bone really has: its own rotation mode, its own locks.

The mode is never changed. Euler angles and axis-angle values run on without jumps: they are what the animator
sees, and edits, in the Graph Editor.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..rig.snapshot import RigSnapshot
from . import quaternion
from .options import PoseTrack
from .quaternion import FloatArray

EULER_ORDERS: Final = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX")
GIMBAL_COSINE: Final = 1e-4
"""Cosine of the middle angle below which the outer two turn about one axis and only their sum is known."""
_AXIS_UNKNOWN: Final = 1e-7
"""Half-angle sine below which a rotation has no axis of its own."""


def rotation_channels(track: PoseTrack, rig: RigSnapshot) -> dict[str, tuple[str, FloatArray]]:
    """Bone -> (property name, values (F, 3 or 4)) for every rotated bone of the track, in its own rotation mode.

    `rotation_quaternion` wxyz, `rotation_axis_angle` angle first [rad], `rotation_euler` x, y, z [rad]. Channels
    that are locked one by one hold their present value.
    """
    return {bone: _channels(rig, rig.index(bone), values) for bone, values in track.rotations.items()}


def _channels(rig: RigSnapshot, index: int, rotations: FloatArray) -> tuple[str, FloatArray]:
    mode, locked = rig.rotation_modes[index], rig.lock_rotation[index]
    if mode == "QUATERNION":
        return "rotation_quaternion", quaternion.continuous(apply_locks(rig, index, rotations))
    if mode == "AXIS_ANGLE":
        return "rotation_axis_angle", to_axis_angle_channels(apply_locks(rig, index, rotations))
    if not locked.any():
        return "rotation_euler", to_euler(rotations, mode)
    present = present_euler(rig, index)
    angles = to_euler(rotations, mode, near=present)
    angles[:, locked] = present[locked]
    return "rotation_euler", angles


def apply_locks(rig: RigSnapshot, index: int, rotations: FloatArray) -> FloatArray:
    """The rotations (T, 4) with the bone's locked axes at their present angle.

    As in Blender, locks of a bone in quaternion or axis-angle mode are meant as XYZ Euler angles.
    """
    locked = rig.lock_rotation[index]
    if not locked.any():
        return rotations
    order, present = _lock_order(rig, index), present_euler(rig, index)
    angles = to_euler(rotations, order, near=present)
    angles[:, locked] = present[locked]
    return from_euler(angles, order)


def present_euler(rig: RigSnapshot, index: int) -> FloatArray:
    """(3,) x, y, z [rad] of the bone's present pose, in its own order or, without one, XYZ."""
    angles: FloatArray = to_euler(quaternion.from_matrix(rig.basis[index])[None], _lock_order(rig, index))[0]
    return angles


def _lock_order(rig: RigSnapshot, index: int) -> str:
    mode = rig.rotation_modes[index]
    return mode if mode in EULER_ORDERS else "XYZ"


def from_euler(angles: FloatArray, order: str) -> FloatArray:
    """Rotations (..., 4) of angles (..., 3) x, y, z [rad]; the first letter of `order` turns first, as in Blender.

    Raises ValueError for an unknown order.
    """
    first, middle, last = _axes(order)[:3]
    turns = [quaternion.from_axis_angle(np.eye(3)[axis], angles[..., axis]) for axis in (first, middle, last)]
    return quaternion.multiply(turns[2], quaternion.multiply(turns[1], turns[0]))


def to_euler(rotations: FloatArray, order: str, near: FloatArray | None = None) -> FloatArray:
    """Angles (T, 3) x, y, z [rad] of rotations (T, 4), without jumps along time.

    Every rotation has two triples of angles, each up to full turns; the one nearer to the frame before is taken, and
    at the first frame the one nearer to `near` (3,), by default the rest pose. In gimbal lock, where only a sum
    of two angles is known, the first of them keeps the value of the frame before. Raises ValueError for an unknown
    order.
    """
    i, j, k, parity = _axes(order)
    m = quaternion.to_matrix(rotations)
    middle_cosine = np.hypot(m[:, i, i], m[:, j, i])
    middle = np.arctan2(-parity * m[:, k, i], middle_cosine)
    first = _hold_where(np.arctan2(parity * m[:, k, j], m[:, k, k]), middle_cosine < GIMBAL_COSINE)
    # With the first turn taken off, what is left of axis j shows the last turn, in gimbal lock or not.
    across = np.cos(first)[:, None] * m[:, :, j] - parity * np.sin(first)[:, None] * m[:, :, k]
    last = np.arctan2(-parity * across[:, i], across[:, j])

    one = np.empty((len(m), 3))
    one[:, i], one[:, j], one[:, k] = first, middle, last
    other = one + np.pi
    other[:, j] = np.pi - middle
    start = np.zeros(3) if near is None else near
    before = np.concatenate([start[None], one[:-1]])
    swap = _distance(other, before) < _distance(one, before)
    chosen = np.where((np.cumsum(swap) % 2 == 1)[:, None], other, one)
    unwrapped: FloatArray = np.unwrap(np.concatenate([start[None], chosen]), axis=0)[1:]
    return unwrapped


def to_axis_angle_channels(rotations: FloatArray) -> FloatArray:
    """Angle [rad] and axis (T, 4) of rotations (T, 4), without jumps: the axis keeps its side, the angle runs on."""
    q = quaternion.continuous(rotations)
    axes, angles = quaternion.to_axis_angle(q)
    known = np.abs(np.sin(0.5 * angles)) >= _AXIS_UNKNOWN
    if known.any():
        axes = axes[_last_known(known)]
    turned = np.ones(len(q))
    turned[1:] = np.where(np.sum(axes[1:] * axes[:-1], axis=-1) < 0.0, -1.0, 1.0)
    axes = axes * np.cumprod(turned)[:, None]
    angles = 2.0 * np.arctan2(np.sum(q[:, 1:] * axes, axis=-1), q[:, 0])
    return np.concatenate([np.unwrap(angles)[:, None], axes], axis=-1)


def _axes(order: str) -> tuple[int, int, int, float]:
    """Indices of the axes in the order in which they turn, and +1 for a cyclic order, -1 for the others."""
    if order not in EULER_ORDERS:
        raise ValueError(f"unknown rotation order {order!r}")
    i, j, k = ("XYZ".index(letter) for letter in order)
    return i, j, k, 1.0 if (j - i) % 3 == 1 else -1.0


def _hold_where(values: FloatArray, unknown: NDArray[np.bool_]) -> FloatArray:
    """Values (T,), each unknown one replaced by the last known one before it, or else the first one after it."""
    if unknown.all():
        return np.zeros_like(values)
    held: FloatArray = values[_last_known(~unknown)]
    return held


def _last_known(known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(T,) index of the last True at or before each place, or the first True where there is none before."""
    indices = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    return np.where(indices < 0, int(np.argmax(known)), indices)


def _distance(first: FloatArray, second: FloatArray) -> FloatArray:
    """(T,) squared distance between triples of angles, each taken the short way round."""
    difference = (first - second + np.pi) % (2.0 * np.pi) - np.pi
    total: FloatArray = np.sum(difference * difference, axis=-1)
    return total
