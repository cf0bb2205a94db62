# SPDX-License-Identifier: GPL-3.0-or-later
"""Blends between a take and a pose by inertialisation: the difference between them dies away, the take plays on.

After Bollo, "Inertialization: High-Performance Animation Transitions in Gears of War", GDC 2018. The difference at
the seam, and the speed with which it changes, start a polynomial of the fifth degree that ends with value, speed and
acceleration 0. It is taken for all three components of a rotation vector, where Bollo takes the angle about one axis:
then the whole angular velocity is met at the seam.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..rig.snapshot import RigSnapshot
from . import quaternion
from .options import PoseTrack
from .quaternion import FloatArray


def blend_in(track: PoseTrack, rig: RigSnapshot, frames: int) -> PoseTrack:
    """From the snapshot's present pose, at rest in the first sample, into the take within `frames` samples."""
    return _blended(track, rig, frames, lambda values: values)


def blend_out(track: PoseTrack, rig: RigSnapshot, frames: int) -> PoseTrack:
    """From the take, within its last `frames` samples, into the snapshot's present pose, at rest in the last one."""
    return _blended(track, rig, frames, lambda values: values[::-1])


def moving_to_the_end(track: PoseTrack, frames: int) -> PoseTrack:
    """The track with its last pose not held but left at the speed that it is reached with, for a blend to slow down.

    A take holds the motion's last frame for the rest of that frame's time: a stop that the blend must not inherit.
    A pose that is held for more than half of the `frames` of the blend is meant.
    """
    still = np.stack([(np.abs(values - values[-1]) < 1e-9).all(axis=-1) for values in track.rotations.values()])
    held = int(np.argmin(np.append(np.asarray(still.all(axis=0))[::-1], False)))
    last = track.frame_count - held - 1
    if frames < 1 or last < 1 or held > max(2, frames // 2):
        return track
    rotations, locations = dict(track.rotations), dict(track.locations)
    ahead = np.arange(1, held + 1)[:, None]
    for bone, values in rotations.items():
        step = _log(quaternion.multiply(values[last], quaternion.conjugate(values[last - 1])))
        moving = quaternion.multiply(_exp(ahead * step), values[last])
        rotations[bone] = quaternion.continuous(np.concatenate([values[: last + 1], moving]))
    for bone, values in locations.items():
        locations[bone] = _moving_on(values, last)
    path = None if track.path is None else _moving_on(track.path, last)
    return replace(track, rotations=rotations, locations=locations, path=path)


def from_rest_to_rest(path: FloatArray, frames_in: int, frames_out: int) -> FloatArray:
    """The path (F, 3) with the same ends, starting off and stopping within so many samples; 0 leaves an end alone."""
    last = len(path) - 1
    if min(frames_in, last) > 0:
        path = values_from(path[0], path, min(frames_in, last))
    if min(frames_out, last) > 0:
        path = values_from(path[-1], path[::-1], min(frames_out, last))[::-1]
    return path


def _moving_on(values: FloatArray, last: int) -> FloatArray:
    """The values (F, C) up to sample `last`, then on at the speed that they have there."""
    ahead = np.arange(1, len(values) - last)[:, None]
    return np.concatenate([values[: last + 1], values[last] + ahead * (values[last] - values[last - 1])])


def _blended(track: PoseTrack, rig: RigSnapshot, frames: int, order: Callable[[FloatArray], FloatArray]) -> PoseTrack:
    frames = min(frames, track.frame_count - 1)
    if frames < 1:
        return track
    rotations, locations = dict(track.rotations), dict(track.locations)
    for bone, values in rotations.items():
        present = quaternion.from_matrix(rig.basis[rig.index(bone)])
        rotations[bone] = quaternion.continuous(order(rotations_from(present, order(values), frames)))
    for bone, values in locations.items():
        locations[bone] = order(values_from(rig.basis[rig.index(bone), :3, 3], order(values), frames))
    return replace(track, rotations=rotations, locations=locations)


def values_from(start: FloatArray, values: FloatArray, frames: int) -> FloatArray:
    """(F, C) values that begin at `start` (C,) with speed 0 and are `values` (F, C) from sample `frames` on."""
    return values + _decay(start - values[0], -_speed(values - values[0]), frames, len(values))


def rotations_from(start: FloatArray, rotations: FloatArray, frames: int) -> FloatArray:
    """(F, 4) as `values_from`, for rotations (F, 4) and `start` (4,).

    With q = exp(x) r, exp(x0) r0 the start and w the angular velocity of r, speed 0 at the seam asks for
    x' = -J(x0)^-1 w, J the right Jacobian of the exponential map.
    """
    offset = _log(quaternion.multiply(start, quaternion.conjugate(rotations[0])))
    turned = _log(quaternion.multiply(rotations[:3], quaternion.conjugate(rotations[0])))
    speed = -_inverse_right_jacobian(offset) @ _speed(turned)
    return quaternion.multiply(_exp(_decay(offset, speed, frames, len(rotations))), rotations)


def _decay(offset: FloatArray, speed: FloatArray, frames: int, count: int) -> FloatArray:
    """(count, C) from `offset` with `speed` per sample and no acceleration to 0, 0 and 0 at sample `frames`."""
    u = np.minimum(np.arange(count) / frames, 1.0)[:, None]
    place = 1.0 - 10.0 * u**3 + 15.0 * u**4 - 6.0 * u**5
    slope = u - 6.0 * u**3 + 8.0 * u**4 - 3.0 * u**5
    return np.asarray(offset * place + frames * speed * slope)


def _speed(values: FloatArray) -> FloatArray:
    """(C,) change per sample at the first of values (F, C), by a parabola through the first three."""
    if len(values) < 3:
        return np.asarray(values[1] - values[0])
    return np.asarray(-1.5 * values[0] + 2.0 * values[1] - 0.5 * values[2])


def _log(rotations: FloatArray) -> FloatArray:
    """Rotation vectors (..., 3) [rad] of at most half a turn."""
    axes, angles = quaternion.to_axis_angle(np.where(rotations[..., :1] < 0.0, -rotations, rotations))
    return np.asarray(axes * angles[..., None])


def _exp(vectors: FloatArray) -> FloatArray:
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.concatenate([np.cos(0.5 * angle), 0.5 * np.sinc(0.5 * angle / np.pi) * vectors], axis=-1)


def _inverse_right_jacobian(vector: FloatArray) -> FloatArray:
    """(3, 3) from the angular velocity in the body's axes to the speed of the rotation vector (3,)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    if angle < 1e-4:
        return np.asarray(np.eye(3) + 0.5 * skew + skew @ skew / 12.0)
    # Near half a turn sin(angle) / (1 + cos(angle)) grows without bounds, but its inverse goes to 0.
    square = (1.0 - 0.5 * angle / np.tan(0.5 * angle)) / angle**2
    return np.asarray(np.eye(3) + 0.5 * skew + square * skew @ skew)
