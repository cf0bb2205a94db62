# SPDX-License-Identifier: GPL-3.0-or-later
"""The legs of a retargeted track, as foot lock sees them: joints, bone lengths, and the foot with its contacts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from ..contract import skeleton
from ..rig.bone_map import BoneMap
from . import quaternion
from .alignment import Stance
from .foot_contacts import planted
from .foot_paths import Foot, clearance
from .quaternion import FloatArray
from .root import ankle_ground, leg_ratio
from .source_motion import SourceMotion

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

    @cached_property
    def thigh(self) -> float:
        return float(quaternion.length(self.knee - self.hip).mean())

    @cached_property
    def shin(self) -> float:
        return float(quaternion.length(self.foot.ankle - self.knee).mean())

    @property
    def length(self) -> float:
        return self.thigh + self.shin

    @property
    def tolerance(self) -> float:
        """How deep ankle and toe joints may sink into the floor."""
        return FLOOR_TOLERANCE * self.length

    @cached_property
    def reach(self) -> FloatArray:
        """(F,) distance from hip to ankle."""
        return np.asarray(quaternion.length(self.foot.ankle - self.hip))

    @property
    def needs_help(self) -> bool:
        """Whether the foot is ever planted, or too deep in the floor."""
        height = self.foot.ankle @ self.foot.up
        lowest = np.minimum(height - self.foot.ankle_height, clearance(self.foot, height))
        return bool(self.foot.planted.any() or (lowest < -self.tolerance).any())

    def bend(self, reach: FloatArray) -> FloatArray:
        """Angle of the knee [rad], 0 for a straight leg, at distances from hip to ankle."""
        cosine = (reach**2 - self.thigh**2 - self.shin**2) / (2.0 * self.thigh * self.shin)
        return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)))

    def reach_of(self, bend: FloatArray) -> FloatArray:
        """The inverse of `bend`."""
        return np.asarray(np.sqrt(self.thigh**2 + self.shin**2 + 2.0 * self.thigh * self.shin * np.cos(bend)))

    def moved(self, shift: FloatArray) -> Leg:
        """The leg displaced by (F, 3)."""
        foot = replace(self.foot, ankle=self.foot.ankle + shift)
        return replace(self, hip=self.hip + shift, knee=self.knee + shift, foot=foot)


def read_leg(
    side: str,
    bone_map: BoneMap,
    stance: Stance,
    posed: dict[str, FloatArray],
    motion: SourceMotion,
    turns_world: FloatArray,
    frame_seconds: float,
) -> Leg:
    """The leg of a side, from the bones' world matrices (F, 4, 4) and the motion at the same frames.

    `turns_world` (F, 22, 4): the motion's world rotations.
    """
    hip, knee, ankle = (bone_map.bones[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
    channels = [skeleton.CONTACT_JOINTS.index(skeleton.JOINT_INDEX[f"{side}_{part}"]) for part in ("ankle", "foot")]
    ankle_planted, toe_planted = (planted(motion.contacts[:, channel], frame_seconds) for channel in channels)
    joint = skeleton.JOINT_INDEX[f"{side}_foot"]
    turns = turns_world[:, skeleton.PARENTS[joint]]
    toe = _toe_at_rest(side, bone_map, stance, motion)
    if toe is not None:
        reach = (posed[bone_map.bones[f"{side}_foot"]] - posed[ankle])[:, :3, 3]
        drop = toe @ stance.up
    else:
        ratio = leg_ratio(bone_map, stance, motion.offsets)
        reach = ratio * quaternion.rotate(turns, motion.offsets[joint]) @ stance.frame.T
        drop = ratio * motion.offsets[joint, 1]
    thigh_turn, shin_turn, foot_turn = (quaternion.from_matrix(posed[bone]) for bone in (hip, knee, ankle))
    return Leg(
        bones=(hip, knee, ankle),
        hip=posed[hip][:, :3, 3],
        knee=posed[knee][:, :3, 3],
        rotations=(thigh_turn, shin_turn, foot_turn),
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
