# SPDX-License-Identifier: GPL-3.0-or-later
"""Foot lock: planted feet stay where they are, on the character's own legs.

After retargeting, feet slide: the motion slides a little, and legs of other proportions add to it. For each foot the
motion's contacts say when ankle and toes are planted; `foot_paths` says where the foot then belongs; two-bone inverse
kinematics takes it there with the knee in its plane. The hips give way where legs ask for it, so that knees change
little and legs need not stretch. Only thighs, shins, feet and the hips' location change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ..contract import skeleton
from ..rig.bone_map import BoneMap
from ..rig.snapshot import RigSnapshot
from . import quaternion
from .alignment import Stance, measure_stance
from .easing import joined
from .foot_contacts import planted
from .foot_paths import Foot, clearance, level_shift, out_of_floor, settle, steady, toes_up
from .hip_shift import Strain, hip_shift
from .options import PoseTrack, RetargetOptions
from .plan import make_plan
from .quaternion import FloatArray
from .rig_pose import location_frame, track_world
from .root import ankle_ground, hip_path, leg_ratio
from .source_motion import SourceMotion
from .two_bone_ik import bend_leg, hinge_axis

SIDES: Final = ("left", "right")
LEG_ROLES: Final = tuple(f"{side}_{part}" for side in SIDES for part in ("hip", "knee", "ankle", "foot"))
RAISED_LIMIT: Final = 0.035
"""Planted feet further from the floor than this share of the leg's length stand on something else."""
SLIP: Final = 0.004
"""Share of the leg's length by which heel or toes may move while both are planted."""
SHORTEST_FOOT: Final = 0.2
"""A toe joint nearer to the ankle than this share of the motion's foot says nothing about where the toes are."""
FLOOR_TOLERANCE: Final = 0.003
"""Share of the leg's length by which ankle and toe joints may sink into the floor."""


@dataclass(frozen=True, eq=False)
class Leg:
    """One leg of the unlocked track. Positions (F, 3) in the world."""

    bones: tuple[str, str, str]
    hip: FloatArray
    knee: FloatArray
    rotations: tuple[FloatArray, FloatArray, FloatArray]
    """World rotations (F, 4) of thigh, shin and foot."""
    foot: Foot

    @property
    def thigh(self) -> float:
        return float(np.linalg.norm(self.knee - self.hip, axis=-1).mean())

    @property
    def shin(self) -> float:
        return float(np.linalg.norm(self.foot.ankle - self.knee, axis=-1).mean())

    @property
    def length(self) -> float:
        return self.thigh + self.shin


def lock_feet(
    track: PoseTrack, rig: RigSnapshot, bone_map: BoneMap, motion: SourceMotion, options: RetargetOptions
) -> PoseTrack:
    """The track with planted feet held in place; the same track where the motion has no contacts.

    `motion` is sampled at the track's frames, `options.scene_fps` of them a second. In contact, ankle and toe joints
    move by about a hundredth of a leg's length at most, and knees keep to their own speeds. A foot out of the leg's
    reach, because the motion was not scaled to short legs, still slides. Legs whose bones are locked or have no keys
    are left alone, and the track's warnings say so.
    Raises RetargetError and RigError as `pipeline.retarget` does.
    """
    plan = make_plan(rig, bone_map)
    stance = measure_stance(rig, bone_map, plan)
    parts = [bone_map.bones[role] for role in LEG_ROLES if role in bone_map.bones]
    posed = track_world(rig, track, [*parts, *_parent(rig, track)])
    legs, notes = [], []
    for side in SIDES:
        obstacle = _obstacle(rig, bone_map, track, side)
        if obstacle:
            notes.append(obstacle)
        else:
            legs.append(_leg(side, rig, bone_map, stance, posed, motion, options.scene_fps))
    if any(leg.foot.planted.any() for leg in legs):
        track = _locked(track, rig, legs, _floor_travel(bone_map, stance, motion, options), posed, options)
    return replace(track, warnings=(*track.warnings, *notes)) if notes else track


def _obstacle(rig: RigSnapshot, bone_map: BoneMap, track: PoseTrack, side: str) -> str:
    """Why this leg cannot be moved, as a sentence for the animator; empty when it can."""
    for part in ("hip", "knee", "ankle"):
        bone = bone_map.bones[f"{side}_{part}"]
        if bone not in track.rotations or rig.lock_rotation[rig.index(bone)].any():
            return f"The rotation of “{bone}” is locked, so the {side} foot is not kept from sliding."
    return ""


def _leg(
    side: str,
    rig: RigSnapshot,
    bone_map: BoneMap,
    stance: Stance,
    posed: dict[str, FloatArray],
    motion: SourceMotion,
    scene_fps: float,
) -> Leg:
    hip, knee, ankle = (bone_map.bones[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
    channels = [skeleton.CONTACT_JOINTS.index(skeleton.JOINT_INDEX[f"{side}_{part}"]) for part in ("ankle", "foot")]
    ankle_planted, toe_planted = (planted(motion.contacts[:, channel], 1.0 / scene_fps) for channel in channels)
    joint = skeleton.JOINT_INDEX[f"{side}_foot"]
    turns = motion.rotations_world()[:, skeleton.PARENTS[joint]]
    toe = _toe_at_rest(side, bone_map, stance, motion)
    if toe is not None:
        reach = (posed[bone_map.bones[f"{side}_foot"]] - posed[ankle])[:, :3, 3]
    else:
        ratio = leg_ratio(bone_map, stance, motion.offsets)
        reach = ratio * quaternion.rotate(turns, motion.offsets[joint]) @ stance.frame.T
    drop = ratio * motion.offsets[joint, 1] if toe is None else toe @ stance.up
    rotations = (quaternion.from_matrix(posed[bone]) for bone in (hip, knee, ankle))
    return Leg(
        bones=(hip, knee, ankle),
        hip=posed[hip][:, :3, 3],
        knee=posed[knee][:, :3, 3],
        rotations=(next(rotations), next(rotations), next(rotations)),
        foot=Foot(
            ankle=posed[ankle][:, :3, 3],
            toe=reach,
            attitude=np.concatenate([turns[:, :1], turns[:, 1:] @ stance.frame.T], axis=-1),
            forward=stance.frame @ quaternion.unit(motion.offsets[joint] * [1.0, 0.0, 1.0]),
            ankle_planted=ankle_planted,
            toe_planted=toe_planted,
            up=stance.up,
            ankle_height=ankle_ground(bone_map, stance),
            toe_drop=-float(drop),
            has_toes=toe is not None,
        ),
    )


def _toe_at_rest(side: str, bone_map: BoneMap, stance: Stance, motion: SourceMotion) -> FloatArray | None:
    """(3,) from ankle to toe joint of the standing character; None without a toe bone that shows where the toes are."""
    bone = bone_map.get(f"{side}_foot")
    if bone is None:
        return None
    toe = quaternion.rotate(stance.upright, (stance.rest[bone] - stance.rest[bone_map.bones[f"{side}_ankle"]])[:3, 3])
    source = np.linalg.norm(motion.offsets[skeleton.JOINT_INDEX[f"{side}_foot"]])
    return toe if np.linalg.norm(toe) > SHORTEST_FOOT * leg_ratio(bone_map, stance, motion.offsets) * source else None


def _floor_travel(bone_map: BoneMap, stance: Stance, motion: SourceMotion, options: RetargetOptions) -> FloatArray:
    """(F, 3) how far the floor runs back under a character that moves in place; zeros otherwise."""
    if not options.in_place:
        return np.zeros((motion.frames, 3))
    joints = motion.joints_world()
    moving = hip_path(bone_map, stance, motion, joints, replace(options, in_place=False))
    return moving - hip_path(bone_map, stance, motion, joints, options)


def _locked(
    track: PoseTrack,
    rig: RigSnapshot,
    legs: list[Leg],
    travel: FloatArray,
    posed: dict[str, FloatArray],
    options: RetargetOptions,
) -> PoseTrack:
    frame_seconds = 1.0 / options.scene_fps
    up = legs[0].foot.up
    turns, strains = [], []
    for leg in legs:
        foot = leg.foot
        tolerance = FLOOR_TOLERANCE * leg.length
        rise = settle(foot, RAISED_LIMIT * leg.length, frame_seconds)
        turn = steady(foot, rise, SLIP * leg.length, frame_seconds)
        rise = rise + out_of_floor(foot.ankle @ up + rise - foot.ankle_height, tolerance)
        clear = toes_up(foot.turned(turn), joined(rise, foot.planted, frame_seconds), tolerance, frame_seconds)
        turn = quaternion.multiply(clear, turn)
        rise = rise + out_of_floor(clearance(foot.turned(turn), foot.ankle @ up + rise), tolerance)
        level = level_shift(foot.turned(turn), travel, leg.length, frame_seconds)
        turns.append(turn)
        shift = level + rise[:, None] * up
        strains.append(Strain(leg.hip, foot.ankle, shift, foot.planted, leg.thigh, leg.shin, up, frame_seconds))
    locations, path, hips = dict(track.locations), track.path, np.zeros((track.frame_count, 3))
    carrier = _carrier(track, rig)
    if carrier is not None and len(legs) == len(SIDES):
        hips = hip_shift(strains)
        # The character still starts at its own place: what the hips are off it there, everything is moved back by.
        start = hips[0] - (hips[0] @ up) * up
        hips = hips - start
        strains = [replace(strain, shift=strain.shift - start) for strain in strains]
        parent = _parent(rig, track)
        frame = location_frame(rig, carrier, posed[parent[0]] if parent else None)
        frame = np.broadcast_to(frame, (track.frame_count, 3, 3))
        locations[carrier] = locations[carrier] + np.linalg.solve(frame, hips[..., None])[..., 0]
        path = None if path is None else path + hips - (hips @ up)[:, None] * up
    rotations = dict(track.rotations)
    for leg, turn, strain in zip(legs, turns, strains, strict=True):
        rotations.update(_bent(leg, rig, track, turn, strain, hips))
    return replace(track, rotations=rotations, locations=locations, path=path)


def _bent(
    leg: Leg, rig: RigSnapshot, track: PoseTrack, foot_turn: FloatArray, strain: Strain, hips: FloatArray
) -> dict[str, FloatArray]:
    """New matrix_basis rotations (F, 4) of thigh, shin and foot.

    A bone that turns by D in the world, carried by one that turns by C, gets the channel B R^-1 C^-1 D R, with B its
    channel and R its world rotation before.
    """
    foot, up = leg.foot, leg.foot.up
    ankle, _ = strain.reachable(hips)
    tolerance = FLOOR_TOLERANCE * leg.length
    ankle = ankle + out_of_floor(ankle @ up - foot.ankle_height, tolerance)[:, None] * up
    foot_turn = quaternion.multiply(
        toes_up(foot.turned(foot_turn), (ankle - foot.ankle) @ up, tolerance, strain.frame_seconds), foot_turn
    )
    ankle = ankle + out_of_floor(clearance(foot.turned(foot_turn), ankle @ up), tolerance)[:, None] * up
    left = quaternion.unit(np.cross(up, foot.ahead()))
    hinge = hinge_axis(leg.rotations[0], leg.knee - leg.hip, foot.ankle - leg.knee, left)
    turns = (*bend_leg(leg.hip, leg.knee, foot.ankle, hinge, leg.hip + hips, ankle), foot_turn)
    bent = {}
    for position, (bone, rotation, turn) in enumerate(zip(leg.bones, leg.rotations, turns, strict=True)):
        follows = position > 0 and _inherits(rig, bone, leg.bones[position - 1])
        carried = turns[position - 1] if follows else quaternion.IDENTITY
        relative = quaternion.multiply(quaternion.conjugate(carried), turn)
        change = quaternion.multiply(quaternion.conjugate(rotation), quaternion.multiply(relative, rotation))
        bent[bone] = quaternion.multiply(track.rotations[bone], change)
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
