# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the pole of an IK limb goes: into the plane in which the limb bends, on the side of elbow or knee."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..retarget import quaternion
from ..retarget.quaternion import FloatArray

STRAIGHT_SINE: Final = 0.08
"""Below this sine of its bend a limb is too straight to show its plane (4.6 degrees). A wrong plane then turns its
bones by less than half of that."""
USUAL_SINE: Final = 0.05
"""Weight of the limb's usual plane beside the present one, as the sine of a bend. The plane of a nearly straight leg
is chance: a knee that seems to bend sideways by two degrees must not turn the whole thigh about."""


def pole_positions(
    upper: FloatArray, middle: FloatArray, end: FloatArray, turns: FloatArray, rest: FloatArray
) -> FloatArray:
    """(F, 3) positions in the world for the pole of a limb.

    `upper`, `middle`, `end` (F, 3): the limb's joints; `turns` (F, 4): rotation of its upper bone from the rest pose;
    `rest` (4, 3): joints and pole at rest. The pole keeps its rest distance from the middle joint. While the limb is
    straight its plane turns with the upper bone, on the way from the last bent frame to the next.
    """
    first, second = quaternion.unit(middle - upper), quaternion.unit(end - middle)
    normal = quaternion.rotate(turns, _normals_at_rest(first, second, turns, rest))
    side = quaternion.cross(first, normal) + quaternion.cross(second, normal)
    distance = np.linalg.norm(rest[3] - rest[1])
    return np.asarray(middle + distance * quaternion.unit(side))


def pole_in_plane(
    upper: FloatArray, middle: FloatArray, end: FloatArray, turns: FloatArray, rest: FloatArray
) -> FloatArray:
    """As `pole_positions`, exactly in the plane of a limb that shows one: for a pose that must stay as it is."""
    first, second = quaternion.unit(middle - upper), quaternion.unit(end - middle)
    normal = quaternion.cross(first, second)
    side = quaternion.cross(first, normal) + quaternion.cross(second, normal)
    exact = middle + np.linalg.norm(rest[3] - rest[1]) * quaternion.unit(side)
    bent = np.linalg.norm(normal, axis=-1, keepdims=True) > STRAIGHT_SINE
    return np.where(bent, exact, pole_positions(upper, middle, end, turns, rest))


def _normals_at_rest(first: FloatArray, second: FloatArray, turns: FloatArray, rest: FloatArray) -> FloatArray:
    """(F, 3) the normal of the limb's plane, upper x lower, carried back to the rest pose by the upper bone.

    There it is always across the upper bone, so that one angle tells it.
    """
    along = quaternion.unit(rest[1] - rest[0])
    x = _hinge_at_rest(rest, along)
    y = np.cross(along, x)
    across = quaternion.rotate(quaternion.conjugate(turns), quaternion.cross(first, second))
    usual = quaternion.unit(across.mean(axis=0) + USUAL_SINE * x)
    own = across + USUAL_SINE * usual
    bent = np.flatnonzero(np.linalg.norm(own, axis=-1) > STRAIGHT_SINE)
    if len(bent) == 0:
        return np.broadcast_to(usual, first.shape)
    angles = np.unwrap(np.arctan2(own[bent] @ y, own[bent] @ x))
    angle = np.interp(np.arange(len(own)), bent, angles)
    return np.asarray(np.cos(angle)[:, None] * x + np.sin(angle)[:, None] * y)


def _hinge_at_rest(rest: FloatArray, along: FloatArray) -> FloatArray:
    """(3,) the normal of the plane through the upper bone and the pole at rest, which is across that bone."""
    return np.asarray(quaternion.unit(np.cross(rest[3] - rest[1], along)))
