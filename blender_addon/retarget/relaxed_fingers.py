# SPDX-License-Identifier: GPL-3.0-or-later
"""Relaxed fingers: a gentle curl, the same on every rig, told from where the finger joints lie at rest.

Each finger bends about the axis across its own direction and the palm's, so the rolls of its bones play no part. What
a finger is bent already at rest counts: the relaxed pose is the same for fingers modelled straight and half closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import numpy as np

from ..rig.bone_map import BoneMap
from ..rig.finger_words import THUMB
from ..rig.fingers import Chain, find_fingers, palm
from ..rig.snapshot import RigSnapshot
from . import quaternion
from .quaternion import FloatArray
from .rotation_modes import apply_locks

CURL_DEGREES: Final = (18.0, 26.0, 16.0)
"""At the knuckle, the middle joint and the last joint of a finger."""
THUMB_DEGREES: Final = (4.0, 10.0, 14.0)
OUTWARD: Final[Mapping[str, float]] = {"index": 0.8, "middle": 1.0, "ring": 1.1, "pinky": 1.2}
"""Outer fingers of a hand at ease are bent more."""
THUMB_ACROSS: Final = 0.6
"""The thumb bends towards the palm and, by this much, towards the fingers."""


def relaxed_fingers(rig: RigSnapshot, bone_map: BoneMap) -> dict[str, FloatArray]:
    """Bone -> (1, 4) rotation of matrix_basis, for the finger bones of both hands; empty where there are none."""
    pose: dict[str, FloatArray] = {}
    for side in ("left", "right"):
        fingers = find_fingers(rig, bone_map, side)
        directions = palm(rig, bone_map, side, fingers) if fingers.keys() - {THUMB} else None
        if directions is None:
            continue
        normal, across = directions
        wrist = rig.heads[rig.index(bone_map.bones[f"{side}_wrist"])]
        for finger, chain in fingers.items():
            towards = quaternion.unit(normal - THUMB_ACROSS * across) if finger == THUMB else normal
            pose |= _curled(rig, finger, chain, towards, wrist)
    return pose


def _curled(
    rig: RigSnapshot, finger: str, chain: Chain, towards: FloatArray, wrist: FloatArray
) -> dict[str, FloatArray]:
    directions = _directions(rig, chain)
    axis = quaternion.unit(np.cross(directions[0], towards))
    if not axis.any():
        return {}
    knuckle = rig.heads[chain[0]]
    before = knuckle - wrist if finger != THUMB else directions[0]
    angles = THUMB_DEGREES if finger == THUMB else np.array(CURL_DEGREES) * OUTWARD.get(finger, 1.0)
    pose = {}
    for index, direction, degrees in zip(chain, directions, angles, strict=False):
        wanted = max(np.radians(degrees) - _bend(before, direction, axis), 0.0)
        turn = quaternion.from_axis_angle(axis, np.array([wanted]))
        rest = quaternion.from_matrix(rig.rest[index])
        basis = quaternion.multiply(quaternion.conjugate(rest), quaternion.multiply(turn, rest))
        pose[rig.bone_names[index]] = apply_locks(rig, index, basis)
        before = direction
    return pose


def _directions(rig: RigSnapshot, chain: Chain) -> list[FloatArray]:
    """(3,) where each bone of a finger points: to the next joint, the last one to what hangs from it or to its tail."""
    points = [rig.heads[index] for index in chain]
    below = rig.children(chain[-1])
    points.append(rig.heads[below[0]] if len(below) == 1 else rig.tails[chain[-1]])
    steps = [quaternion.unit(end - start) for start, end in pairwise(points)]
    # A last bone whose tail some importer has invented says nothing.
    if len(steps) > 1 and steps[-1] @ steps[-2] < 0.3:
        steps[-1] = steps[-2]
    return steps


def _bend(before: FloatArray, direction: FloatArray, axis: FloatArray) -> float:
    """Angle [rad] about `axis` by which `direction` is bent away from `before`."""
    flat = [vector - (vector @ axis) * axis for vector in (before, direction)]
    return float(np.arctan2(np.cross(flat[0], flat[1]) @ axis, flat[0] @ flat[1]))
