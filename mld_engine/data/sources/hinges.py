# SPDX-License-Identifier: GPL-3.0-or-later
"""How limbs are turned about themselves, seen from the hinges they end in.

A rest pose that is a frame of the motion shows where bones point, not how they are turned: an arm that
hangs down may be rolled in. Elbow and knee are hinges, so the axis about which they bend over a whole
set of clips tells the roll of the limb, and what it should be is known: the knee bends about the
body's left axis, the elbow about its up axis. Hands have no hinge; theirs is the roll that they keep
against the forearm in the middle of all frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ...contract.skeleton import JOINT_INDEX, REST_OFFSETS
from ...rotations import quaternion_to_rotation_vector
from .bone_mapper import quaternion

FloatArray = NDArray[np.float64]


class Limb(NamedTuple):
    """`axis`: about which the hinge bends in the T-pose. `tip`: what is carried on from the end, if anything."""

    upper: int
    hinge: int
    end: int
    tip: int | None
    axis: tuple[float, float, float]


def _limb(side: str, parts: tuple[str, ...], axis: tuple[float, float, float]) -> Limb:
    upper, hinge, end, *tip = (JOINT_INDEX[f"{side}_{part}"] for part in parts)
    return Limb(upper, hinge, end, tip[0] if tip else None, axis)


_ARM: Final = ("shoulder", "elbow", "wrist")
_LEG: Final = ("hip", "knee", "ankle", "foot")
LIMBS: Final = {
    "left arm": _limb("left", _ARM, (0.0, -1.0, 0.0)),
    "right arm": _limb("right", _ARM, (0.0, 1.0, 0.0)),
    "left leg": _limb("left", _LEG, (0.99, 0.03, 0.12)),
    "right leg": _limb("right", _LEG, (0.99, -0.03, -0.12)),
}
"""The axes of the knees are those of recorded motion, which bends them a little inwards."""
HANDS: Final = {f"{side} hand": JOINT_INDEX[f"{side}_wrist"] for side in ("left", "right")}
_LEAST_BEND: Final = 0.5
"""Radians of bend from which a frame tells the axis."""
_LEAST_FRAMES: Final = 20
_LEAST_AGREEMENT: Final = 0.9
"""Share of the bends (singular value) that the one axis has to explain."""
_LARGEST_ROLL: Final = np.radians(80.0)


def measure_rolls(clips: Sequence[FloatArray]) -> dict[str, float]:
    """Local rotations (T, 22, 4) of clips of one skeleton -> limb or hand -> radians by which it is rolled.

    Limbs that hardly bend, or about no single axis, are left out.
    """
    rolls = {}
    for name, hand in HANDS.items():
        axis = quaternion.unit(REST_OFFSETS[hand])
        turned = np.concatenate([clip[:, hand] for clip in clips])
        twist = 2 * np.arctan2(turned[:, 1:] @ axis, turned[:, 0])
        roll = float(np.median(np.arctan2(np.sin(twist), np.cos(twist))))
        if abs(roll) < _LARGEST_ROLL:
            rolls[name] = roll
    for name, limb in LIMBS.items():
        bends = np.concatenate([_rotation_vectors(clip[:, limb.hinge]) for clip in clips])
        bends = bends[np.linalg.norm(bends, axis=1) > _LEAST_BEND]
        if len(bends) < _LEAST_FRAMES:
            continue
        _, sizes, directions = np.linalg.svd(bends, full_matrices=False)
        if sizes[0] < _LEAST_AGREEMENT * np.linalg.norm(sizes):
            continue
        seen = directions[0] * np.sign((bends @ directions[0]).sum())
        along = quaternion.unit(REST_OFFSETS[limb.end])
        wanted = np.asarray(limb.axis) - (np.asarray(limb.axis) @ along) * along
        roll = float(np.arctan2(np.cross(wanted, seen) @ along, wanted @ seen))
        if abs(roll) < _LARGEST_ROLL:
            rolls[name] = roll
    return rolls


def without_rolls(rotations: FloatArray, rolls: Mapping[str, float]) -> FloatArray:
    """Local rotations (T, 22, 4) with limbs and hands rolled back; hand and foot also go with their limb."""
    rotations = rotations.copy()
    for name, roll in rolls.items():
        if name in HANDS:
            hand = HANDS[name]
            rotations[:, hand] = quaternion.multiply(rotations[:, hand], _about(REST_OFFSETS[hand], -roll))
            continue
        limb = LIMBS[name]
        turn, lower = _about(REST_OFFSETS[limb.hinge], roll), _about(REST_OFFSETS[limb.end], roll)
        # A foot is level at rest, so it is turned about the vertical; a hand goes on from its forearm.
        last = lower if limb.tip is None else _about(np.array([0.0, -1.0, 0.0]), roll)
        rotations[:, limb.upper] = quaternion.multiply(rotations[:, limb.upper], turn)
        rotations[:, limb.hinge] = _carried(turn, rotations[:, limb.hinge], lower)
        rotations[:, limb.end] = _carried(lower, rotations[:, limb.end], last)
        if limb.tip is not None:
            rotations[:, limb.tip] = _carried(last, rotations[:, limb.tip], last)
    return rotations


def _about(axis: NDArray[np.floating], angle: float) -> FloatArray:
    return quaternion.from_axis_angle(np.asarray(axis, np.float64), angle)


def _carried(above: FloatArray, local: FloatArray, own: FloatArray) -> FloatArray:
    """A local rotation (T, 4) when its parent was turned by `above` and itself by `own`."""
    return quaternion.multiply(quaternion.conjugate(above), quaternion.multiply(local, own))


def _rotation_vectors(quaternions: FloatArray) -> FloatArray:
    return np.asarray(quaternion_to_rotation_vector(torch.from_numpy(np.ascontiguousarray(quaternions))).numpy())
