# SPDX-License-Identifier: GPL-3.0-or-later
"""Travel: where the hips are, frame by frame, and the location channels that bring them there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from ..contract import skeleton
from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot
from . import quaternion
from .alignment import Stance
from .errors import RetargetError
from .options import RetargetOptions
from .plan import Plan
from .quaternion import FloatArray
from .rig_pose import location_frame, pose_world
from .source_motion import SourceMotion

CONTACT: Final = 0.5
"""A joint whose contact value is above this touches the floor."""
FLOOR_LIMIT: Final = 0.05
"""Metres, of the motion, by which a take is raised or lowered at most to set its feet on the floor."""
_MEASURED: Final = tuple(f"{side}_{part}" for side in ("left", "right") for part in ("hip", "ankle", "foot"))
_LEG: Final = (("hip", "knee"), ("knee", "ankle"))


def leg_ratio(bone_map: BoneMap, stance: Stance, offsets: FloatArray) -> float:
    """Length of thigh and shin in the world over that of the motion's. Raises RetargetError for legs of no length."""
    own = source = 0.0
    for side in ("left", "right"):
        for upper, lower in _LEG:
            start, end = (stance.rest[bone_map.bones[f"{side}_{part}"]][:3, 3] for part in (upper, lower))
            own += float(np.linalg.norm(end - start))
            source += float(np.linalg.norm(offsets[skeleton.JOINT_INDEX[f"{side}_{lower}"]]))
    if own < 1e-6 or source < 1e-6:
        raise RetargetError(
            "The character's legs have no length.", "Check the upper legs, lower legs and feet in the bone map."
        )
    return own / source


def ankle_ground(bone_map: BoneMap, stance: Stance) -> float:
    """Height in the world, along the character's up, of its lower ankle at rest: where ankles of flat feet belong."""
    return min(float(stance.rest[bone_map.bones[f"{side}_ankle"]][:3, 3] @ stance.up) for side in ("left", "right"))


def hip_path(
    bone_map: BoneMap, stance: Stance, motion: SourceMotion, joints: FloatArray, options: RetargetOptions
) -> FloatArray:
    """(T, 3) where the midpoint of the hip joints belongs in the world.

    Level travel starts where the character rests and is scaled by the legs, or not at all; the height above the
    ground is always scaled by the legs, or the character would float or sink. `joints` (T, 22, 3): the motion's.
    """
    ratio = leg_ratio(bone_map, stance, motion.offsets)
    source = 0.5 * (joints[:, skeleton.JOINT_INDEX["left_hip"]] + joints[:, skeleton.JOINT_INDEX["right_hip"]])
    start = 0.5 * (stance.rest[bone_map.bones["left_hip"]] + stance.rest[bone_map.bones["right_hip"]])[:3, 3]
    sideways, forward = (not options.in_place or axis not in options.in_place_axes for axis in "XY")
    travel = (source - source[0]) * np.array([sideways, 0.0, forward])
    travel *= ratio if options.scale_root else 1.0
    height = ankle_ground(bone_map, stance) + ratio * (source[:, 1] - skeleton.ANKLE_HEIGHT)
    level_start = start - (start @ stance.up) * stance.up
    path: FloatArray = level_start + travel @ stance.frame.T + height[:, None] * stance.up
    return path


def level_travel(path: FloatArray, up: FloatArray) -> FloatArray:
    """(T, 3) the horizontal part of a path (T, 3), counted from its start."""
    travelled = path - path[0]
    return np.asarray(travelled - (travelled @ up)[:, None] * up)


def floor_shift(
    bone_map: BoneMap, stance: Stance, motion: SourceMotion, heads: Mapping[str, FloatArray], ratio: float
) -> float:
    """How far in the world the whole take has to sink for its feet in contact to stand on the floor.

    Generated takes float or sink by a centimetre or two, and a character whose shins are short for its thighs
    bends its knees to another height. The answer is the median over feet in contact of how far the lower of
    ankle and toes is from where it lies with the sole flat; 0 for a motion without contacts. `heads`: role -> (T, 3)
    ankles and toes in the world.
    """
    ground = ankle_ground(bone_map, stance)
    lower = []
    for side, columns in (("left", [0, 1]), ("right", [2, 3])):
        ankle, toes = f"{side}_ankle", f"{side}_foot"
        touching = motion.contacts[:, columns].max(axis=-1) > CONTACT
        above = heads[ankle] @ stance.up - ground
        if toes in heads:
            drop = stance.rest[bone_map.bones[toes]][:3, 3] - stance.rest[bone_map.bones[ankle]][:3, 3]
            flat = ground + float(quaternion.rotate(stance.upright, drop) @ stance.up)
            above = np.minimum(above, heads[toes] @ stance.up - flat)
        else:
            touching &= motion.contacts[:, columns[0]] > CONTACT
        lower.append(above[touching])
    excess = np.concatenate(lower)
    limit = FLOOR_LIMIT * ratio
    return float(np.clip(np.median(excess), -limit, limit)) if len(excess) else 0.0


def solve_location(
    rig: RigSnapshot,
    bone_map: BoneMap,
    plan: Plan,
    stance: Stance,
    motion: SourceMotion,
    rotations: Mapping[str, FloatArray],
    wanted: FloatArray,
) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Location channels {carrier: (T, 3)} that bring the hip midpoint to `wanted` (T, 3), and warnings.

    The hips are found by forward kinematics with the carrier unmoved, so it does not matter where the carrier lies:
    at the hips, above them or on the floor. The take as a whole is then set on the floor. Locked axes keep their
    present value; a carrier that cannot move gets no channels.
    """
    carrier = rig.index(plan.carrier)
    if rig.connected[carrier]:
        return {}, (f"“{plan.carrier}” is connected to its parent and cannot move, so the character stays in place.",)
    locked = rig.lock_location[carrier]
    if locked.all():
        return {}, (f"The location of “{plan.carrier}” is locked, so the character stays in place.",)
    parent = rig.bone_names[rig.parents[carrier]] if rig.parents[carrier] >= 0 else None
    measured = {role: bone_map.bones[role] for role in _MEASURED if role in bone_map.bones}
    bones = [*measured.values(), *([] if parent is None else [parent])]
    posed = pose_world(rig, rotations, {plan.carrier: np.zeros((1, 3))}, bones, frames=motion.frames)
    heads = {role: posed[bone][:, :3, 3] for role, bone in measured.items()}
    offset = wanted - 0.5 * (heads["left_hip"] + heads["right_hip"])
    feet = {role: head + offset for role, head in heads.items()}
    ratio = leg_ratio(bone_map, stance, motion.offsets)
    offset = offset - floor_shift(bone_map, stance, motion, feet, ratio) * stance.up
    frame = location_frame(rig, plan.carrier, None if parent is None else posed[parent])
    location = np.einsum("...ij,...j->...i", np.linalg.inv(frame), offset)
    if not locked.any():
        return {plan.carrier: location}, ()
    location[:, locked] = rig.basis[carrier, :3, 3][locked]
    names = ", ".join(axis for axis, lock in zip("XYZ", locked, strict=True) if lock)
    note = f"The location of “{plan.carrier}” is locked along {names}, so travel along it is left out."
    return {plan.carrier: location}, (note,)
