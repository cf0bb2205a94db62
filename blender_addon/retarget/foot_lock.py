# SPDX-License-Identifier: GPL-3.0-or-later
"""Foot lock: planted feet stay where they are, on the character's own legs.

After retargeting, feet slide: the motion slides a little, and legs of other proportions add to it. For each foot the
motion's contacts say when ankle and toes are planted; `leg_plan` says where the foot then belongs; `leg_fit` lets the
hips give way until knees get there at their own speeds; two-bone inverse kinematics bends the legs, knees in their
plane. Only thighs, shins, feet and the hips' location change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot
from . import quaternion
from .alignment import Stance
from .hip_shift import hip_shift, skating
from .leg import Leg, read_leg
from .leg_fit import Placed, fit_legs
from .leg_plan import plan_leg
from .options import PoseTrack, RetargetOptions
from .quaternion import FloatArray
from .rig_pose import location_frame, track_world
from .root import hip_path
from .source_motion import SourceMotion
from .two_bone_ik import bend_leg, hinge_axis

SIDES: Final = ("left", "right")
LEG_ROLES: Final = tuple(f"{side}_{part}" for side in SIDES for part in ("hip", "knee", "ankle", "foot"))


def lock_feet(
    track: PoseTrack,
    rig: RigSnapshot,
    bone_map: BoneMap,
    stance: Stance,
    motion: SourceMotion,
    turns_world: FloatArray,
    options: RetargetOptions,
) -> PoseTrack:
    """The track with planted feet held in place and no foot in the floor; the same where there is nothing to do.

    `motion` is sampled at the track's frames, `options.scene_fps` of them a second; `turns_world` (F, 22, 4) are its
    world rotations. In contact, ankle and toe joints move by about a hundredth of a leg's length at most; no knee gets
    faster than `leg_fit.TOP_SPEED` times its fastest moment in the track. Hips whose location is locked stay, and
    feet slide instead. Legs whose bones are locked or have no keys are left alone, and the track's warnings say so.
    Raises RigError as `pipeline.retarget` does.
    """
    parts = [bone_map.bones[role] for role in LEG_ROLES if role in bone_map.bones]
    posed = track_world(rig, track, [*parts, *_parent(rig, track)])
    legs, notes = [], []
    for side in SIDES:
        obstacle = _obstacle(rig, bone_map, track, side)
        if obstacle:
            notes.append(obstacle)
        else:
            legs.append(read_leg(side, bone_map, stance, posed, motion, turns_world, 1.0 / options.scene_fps))
    if any(leg.needs_help for leg in legs):
        travel = _floor_travel(bone_map, stance, motion, options)
        track = _locked(track, rig, legs, travel, _fixed_axes(stance, options), posed, 1.0 / options.scene_fps)
    return replace(track, warnings=(*track.warnings, *notes)) if notes else track


def _obstacle(rig: RigSnapshot, bone_map: BoneMap, track: PoseTrack, side: str) -> str:
    """Why this leg cannot be moved, as a sentence for the animator; empty when it can."""
    for part in ("hip", "knee", "ankle"):
        bone = bone_map.bones[f"{side}_{part}"]
        if bone not in track.rotations or rig.lock_rotation[rig.index(bone)].any():
            return f"The rotation of “{bone}” is locked, so the {side} foot is not kept from sliding."
    return ""


def _floor_travel(bone_map: BoneMap, stance: Stance, motion: SourceMotion, options: RetargetOptions) -> FloatArray:
    """(F, 3) how far the floor runs back under a character that moves in place; zeros otherwise."""
    if not options.in_place:
        return np.zeros((motion.frames, 3))
    joints = motion.joints_world()
    moving = hip_path(bone_map, stance, motion, joints, replace(options, in_place=False))
    return moving - hip_path(bone_map, stance, motion, joints, options)


def _fixed_axes(stance: Stance, options: RetargetOptions) -> FloatArray:
    """(3, 3) projects vectors onto the level directions in which a character that moves in place does not travel."""
    fixed = options.in_place_axes if options.in_place else ""
    axes = stance.frame[:, [column for axis, column in (("X", 0), ("Y", 2)) if axis in fixed]]
    return np.asarray(axes @ axes.T)


def _locked(
    track: PoseTrack,
    rig: RigSnapshot,
    legs: Sequence[Leg],
    travel: FloatArray,
    fixed: FloatArray,
    posed: dict[str, FloatArray],
    frame_seconds: float,
) -> PoseTrack:
    carrier = _carrier(track, rig)
    hips_move = carrier is not None and len(legs) == len(SIDES)
    body = skating(legs, travel, frame_seconds) if hips_move else np.zeros_like(travel)
    # Below a character that moves in place the floor stops instead.
    floor = body @ fixed
    body = body - floor
    plans = [plan_leg(leg.moved(body), travel + floor, frame_seconds) for leg in legs]
    hips = hip_shift(plans) if hips_move else np.zeros_like(travel)
    hips, placed = fit_legs(plans, hips, hips_move=hips_move)
    rotations = dict(track.rotations)
    for plan, place in zip(plans, placed, strict=True):
        rotations.update(_bent(plan.leg, rig, track, place, hips))
    if carrier is None or not hips_move:
        return replace(track, rotations=rotations)
    moved, up = body + hips, plans[0].foot.up
    # The character still starts at its own place: what the hips are off it there, everything is moved back by.
    moved = moved - (moved[0] - (moved[0] @ up) * up)
    parent = _parent(rig, track)
    frame = location_frame(rig, carrier, posed[parent[0]] if parent else None)
    frame = np.broadcast_to(frame, (track.frame_count, 3, 3))
    location = track.locations[carrier] + np.linalg.solve(frame, moved[..., None])[..., 0]
    level = moved - (moved @ up)[:, None] * up
    path = None if track.path is None else track.path + level - level @ fixed
    return replace(track, rotations=rotations, locations={**track.locations, carrier: location}, path=path)


def _bent(leg: Leg, rig: RigSnapshot, track: PoseTrack, place: Placed, hips: FloatArray) -> dict[str, FloatArray]:
    """New matrix_basis rotations (F, 4) of thigh, shin and foot, sign-continuous, with the hips displaced by (F, 3).

    A bone that turns by D in the world, carried by one that turns by C, gets the channel B R^-1 C^-1 D R, with B its
    channel and R its world rotation before.
    """
    foot = leg.foot
    left = quaternion.unit(np.cross(foot.up, foot.ahead))
    hinge = hinge_axis(leg.rotations[0], leg.knee - leg.hip, foot.ankle - leg.knee, left)
    turns = (*bend_leg(leg.hip, leg.knee, foot.ankle, hinge, leg.hip + hips, place.ankle), place.foot_turn)
    bent = {}
    for position, (bone, rotation, turn) in enumerate(zip(leg.bones, leg.rotations, turns, strict=True)):
        follows = position > 0 and _inherits(rig, bone, leg.bones[position - 1])
        carried = turns[position - 1] if follows else quaternion.IDENTITY
        relative = quaternion.multiply(quaternion.conjugate(carried), turn)
        change = quaternion.multiply(quaternion.conjugate(rotation), quaternion.multiply(relative, rotation))
        bent[bone] = quaternion.continuous(quaternion.multiply(track.rotations[bone], change))
    return bent


def _inherits(rig: RigSnapshot, bone: str, ancestor: str) -> bool:
    """Whether turning the ancestor turns the bone."""
    index, top = rig.index(bone), rig.index(ancestor)
    while index != top and index >= 0:
        if not rig.inherit_rotation[index]:
            return False
        index = rig.parents[index]
    return index == top


def _carrier(track: PoseTrack, rig: RigSnapshot) -> str | None:
    """The bone whose location moves the character, if all its axes are free."""
    for bone in track.locations:
        if not rig.lock_location[rig.index(bone)].any():
            return bone
    return None


def _parent(rig: RigSnapshot, track: PoseTrack) -> list[str]:
    """The parent of the bone that moves the character, if it has one."""
    carrier = _carrier(track, rig)
    parent = -1 if carrier is None else rig.parents[rig.index(carrier)]
    return [] if parent < 0 else [rig.bone_names[parent]]
