# SPDX-License-Identifier: GPL-3.0-or-later
"""How a character stands at rest: which way it faces, and what turns its rest pose into the motion's T-pose.

Bone axes and rolls play no part: limbs are compared by the positions of their joints in the world.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ..contract import axes, skeleton
from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot
from . import quaternion
from .errors import RetargetError
from .plan import Plan
from .quaternion import FloatArray
from .rig_pose import effective_rest

UPRIGHT_DEGREES: Final = 45.0
"""A character whose hips-to-head direction is nearer than this to the world's up walks on the world's ground."""
HAND_DEGREES: Final = 30.0
"""A hand bone that points further away from its forearm at rest than this says nothing about the hand."""
FOOT_DEGREES: Final = 60.0
"""The same for a foot without a toe bone, against the character's forward direction."""

LIMB_ENDS: Final[dict[str, str]] = {
    f"{side}_{joint}": f"{side}_{end}"
    for side in ("left", "right")
    for joint, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
}
"""Limb role -> the role at its far end, parents before children."""
_UPPER_PART: Final = {"elbow": "shoulder", "wrist": "elbow", "knee": "hip"}


@dataclass(frozen=True, eq=False)
class Stance:
    """A character at rest in the world, in the pose from which its motion starts."""

    rest: Mapping[str, FloatArray]
    """Bone -> (4, 4) world matrix with keyed bones unrotated and all others as posed now; for the bones that count."""
    frame: FloatArray
    """(3, 3) turns directions of the motion (Y up, left +X, forward +Z) into the character's, in the world."""
    left: FloatArray
    forward: FloatArray
    up: FloatArray
    upright: FloatArray
    """(4,) wxyz, world: stands a character whose object is tilted up again; the identity for all others."""
    warnings: tuple[str, ...]


def measure_stance(rig: RigSnapshot, bone_map: BoneMap, plan: Plan) -> Stance:
    """Raises RetargetError where hips and shoulders do not tell left from right."""
    ends = [bone_map.bones[f"{side}_{part}"] for side in ("left", "right") for part in ("wrist", "ankle")]
    below = [rig.bone_names[child] for end in ends for child in rig.children(rig.index(end))]
    rest = effective_rest(rig, plan.names, (plan.carrier,), {*plan.names, *bone_map.bones.values(), *below})
    # The build decides the facing, not the pose: what the animator did to single bones must not turn the character.
    # What he did above the hips does turn it, with everything below.
    at = {role: rig.rest_world[rig.index(bone), :3, 3] for role, bone in bone_map.bones.items()}
    pelvis = bone_map.bones["pelvis"]
    built = quaternion.from_matrix(rig.rest_world[rig.index(pelvis)])
    carried = quaternion.multiply(quaternion.from_matrix(rest[pelvis]), quaternion.conjugate(built))
    spine = at["head" if "head" in at else "neck"] - 0.5 * (at["left_hip"] + at["right_hip"])
    up, upright = _upright(rig, quaternion.unit(quaternion.rotate(carried, spine)))
    standing = quaternion.multiply(upright, carried)
    hips, shoulders = at["left_hip"] - at["right_hip"], at["left_shoulder"] - at["right_shoulder"]
    left = quaternion.rotate(standing, quaternion.unit(hips) + quaternion.unit(shoulders))
    left = left - (left @ up) * up
    if np.linalg.norm(left) < 0.1:
        raise RetargetError(
            f"Hips and shoulders of “{rig.name}” do not tell its left side from its right.",
            "Check the left and right upper legs and upper arms in the bone map.",
        )
    left = quaternion.unit(left)
    forward = np.cross(left, up)
    warnings: tuple[str, ...] = ()
    toes = sum((at[f"{s}_foot"] - at[f"{s}_ankle"] for s in ("left", "right") if f"{s}_foot" in at), np.zeros(3))
    if quaternion.rotate(standing, quaternion.unit(toes)) @ forward < -0.5:
        warnings = ("The toes point backwards: left and right may be swapped in the bone map.",)
    frame = np.stack([left, -forward, up], axis=1) @ axes.Y_UP_TO_Z_UP
    return Stance(rest, frame, left, forward, up, upright, warnings)


def facing_by_axes(stance: Stance, pelvis: str) -> Stance:
    """The stance of a character whose bones rest in the motion's own axes: they say exactly how it faces, while hips
    and shoulders of a real body are never quite level. `pelvis`: its bone."""
    standing = quaternion.multiply(stance.upright, quaternion.from_matrix(stance.rest[pelvis]))
    frame = quaternion.rotate(standing[None], np.eye(3)).T
    return replace(stance, frame=frame, left=frame[:, 0], forward=frame[:, 2])


def _upright(rig: RigSnapshot, spine: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The up direction (3,) and the turn (4,) that stands the character along it.

    Where the object is tilted against the world and the character with it, the character is stood up: the legs will
    follow the world's up, and a torso left leaning would not fit them.
    """
    principal = rig.world[:3, :3] / rig.world_scale
    candidates = np.concatenate([[[0.0, 0.0, 1.0]], principal.T, -principal.T])
    nearness = candidates @ spine
    world_up = candidates[0]
    if nearness[0] <= np.cos(np.radians(UPRIGHT_DEGREES)):
        return candidates[1 + int(np.argmax(nearness[1:]))], quaternion.IDENTITY
    # A character that hunches over is nearer to no axis; only a clear gain over the world's up counts as a tilt.
    own_up = candidates[int(np.argmax(nearness - np.array([0.0] + [1e-3] * 6)))]
    return world_up, quaternion.swing(own_up, world_up, principal[:, 0])


def align_roles(rig: RigSnapshot, bone_map: BoneMap, stance: Stance, offsets: FloatArray) -> dict[str, FloatArray]:
    """Role -> (4,) the world rotation A that turns the character's rest limb onto that of the T-posed motion.

    Upper arms, forearms, hands, thighs and shins by direction, parents first; feet and toes only about the
    vertical, so that soles that are flat at rest stay flat; everything else keeps the character's own posture.
    `offsets` (22, 3): the motion's skeleton.
    """
    aligned = dict.fromkeys(bone_map.bones, stance.upright)
    at = {role: stance.rest[bone][:3, 3] for role, bone in bone_map.bones.items()}

    def source(joint: str) -> FloatArray:
        return np.asarray(stance.frame @ offsets[skeleton.JOINT_INDEX[joint]])

    def turn(role: str, own: FloatArray, wanted: FloatArray) -> None:
        side, part = role.split("_")
        above = aligned[f"{side}_{_UPPER_PART[part]}"] if part in _UPPER_PART else stance.upright
        swing = quaternion.swing(quaternion.rotate(above, own), wanted, stance.forward)
        aligned[role] = quaternion.multiply(swing, above)

    for role, end in LIMB_ENDS.items():
        turn(role, at[end] - at[role], source(end))
    for side in ("left", "right"):
        wrist, elbow, ankle, toes = (f"{side}_{part}" for part in ("wrist", "elbow", "ankle", "foot"))
        hand = hand_direction(rig, bone_map.bones[wrist], stance.rest, at[wrist] - at[elbow])
        if hand is None:
            aligned[wrist] = aligned[elbow]
        else:
            turn(wrist, hand, source(wrist))
        foot = at[toes] - at[ankle] if toes in at else foot_direction(rig, bone_map.bones[ankle], stance)
        if foot is not None:
            yaw = _yaw_between(quaternion.rotate(stance.upright, foot), source(toes), stance.up)
            aligned[ankle] = quaternion.multiply(yaw, stance.upright)
            if toes in at:
                aligned[toes] = aligned[ankle]
    return aligned


def hand_direction(
    rig: RigSnapshot, bone: str, rest: Mapping[str, FloatArray], forearm: FloatArray
) -> FloatArray | None:
    """(3,) where the hand points at rest in the world: its bone, or its fingers where the bone's axes are arbitrary.

    None where neither points on from the forearm (3,): the hand then keeps its rest angle to it.
    """
    candidates = [rest[bone][:3, 1]]
    children = [rest[rig.bone_names[child]][:3, 3] for child in rig.children(rig.index(bone))]
    if children:
        candidates.append(np.mean(children, axis=0) - rest[bone][:3, 3])
    along = quaternion.unit(forearm)
    limit = np.cos(np.radians(HAND_DEGREES))
    return next((direction for direction in candidates if quaternion.unit(direction) @ along > limit), None)


def foot_direction(rig: RigSnapshot, bone: str, stance: Stance) -> FloatArray | None:
    """(3,) where a foot without a mapped toe bone points at rest in the world; None where nothing tells."""
    candidates = [stance.rest[rig.bone_names[child]][:3, 3] for child in rig.children(rig.index(bone))]
    directions = [head - stance.rest[bone][:3, 3] for head in candidates] + [stance.rest[bone][:3, 1]]
    limit = np.cos(np.radians(FOOT_DEGREES))
    for direction in directions:
        pointing = quaternion.unit(quaternion.rotate(stance.upright, direction))
        flat = pointing - (pointing @ stance.up) * stance.up
        if np.linalg.norm(flat) > 0.3 and quaternion.unit(flat) @ stance.forward > limit:
            return direction
    return None


def _yaw_between(start: FloatArray, end: FloatArray, up: FloatArray) -> FloatArray:
    """(4,) the turn about `up` between the level parts of two directions (3,); none where one of them is vertical."""
    level_start, level_end = start - (start @ up) * up, end - (end @ up) * up
    if min(np.linalg.norm(level_start) / np.linalg.norm(start), np.linalg.norm(level_end) / np.linalg.norm(end)) < 0.1:
        return quaternion.IDENTITY
    return quaternion.swing(level_start, level_end, up)
