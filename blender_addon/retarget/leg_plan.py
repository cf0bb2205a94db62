# SPDX-License-Identifier: GPL-3.0-or-later
"""What a leg is asked to do: where its foot belongs, and how the leg follows when the hips go elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from . import quaternion
from .easing import Bridges, bridges, joined
from .foot_paths import Foot, clearance, level_shift, out_of_floor, settle, steady, toes_up
from .leg import Leg
from .quaternion import FloatArray

RAISED_LIMIT: Final = 0.035
"""Planted feet further from the floor than this share of the leg's length stand on something else."""
SLIP: Final = 0.0025
"""Share of the leg's length by which heel or toes may move to both sides while both are planted."""
FULL_STRETCH: Final = 0.998
"""Share of the leg's length beyond which no leg is stretched; the knee still bends by seven degrees there."""


@dataclass(frozen=True, eq=False)
class LegPlan:
    """A leg and where its foot belongs."""

    leg: Leg
    turn: FloatArray
    """(F, 4) world rotation of the foot about its ankle."""
    shift: FloatArray
    """(F, 3) displacement of the ankle where the foot is planted."""
    frame_seconds: float

    @cached_property
    def foot(self) -> Foot:
        """The foot, turned but not displaced."""
        return self.leg.foot.turned(self.turn)

    @cached_property
    def bridges(self) -> Bridges:
        """From plant to plant."""
        return bridges(self.foot.planted, self.frame_seconds)

    @cached_property
    def ankle(self) -> FloatArray:
        """(F, 3) where the ankle belongs while the foot is planted."""
        return self.leg.foot.ankle + self.shift

    @cached_property
    def present_bend(self) -> FloatArray:
        """(F,) of the knee in the unlocked track [rad]."""
        return self.leg.bend(self.leg.reach)

    def follow(self, hips: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Ankle (F, 3) for hips displaced by (F, 3), and what a planted leg lacks in length to be in its place (F,).

        In the air the foot moves with the hips, and the knee bends as it did, but for what is left of the changes that
        its last and next plants ask for.
        """
        leg = self.leg
        line = leg.foot.ankle - leg.hip + self.bridges.over(self.shift - hips)
        wanted = quaternion.length(line)
        reach = softened(wanted, leg.reach, leg.length)
        bend = self.present_bend + self.bridges.over(leg.bend(reach) - self.present_bend)
        ankle = leg.hip + hips + line * (leg.reach_of(bend) / np.maximum(wanted, 1e-9))[:, None]
        return ankle, np.where(self.foot.planted, wanted - reach, 0.0)

    def out_of_floor(self, ankle: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Heights (F,) by which the ankle (F, 3) must rise, and angles (F,) by which the toes must pitch up [rad]."""
        foot, tolerance = self.foot, self.leg.tolerance
        height = ankle @ foot.up
        height = height + out_of_floor(height - foot.ankle_height, tolerance)
        pitch = toes_up(foot, height, tolerance)
        height = height + out_of_floor(clearance(foot, height, pitch), tolerance)
        return height - ankle @ foot.up, pitch


def plan_leg(leg: Leg, travel: FloatArray, frame_seconds: float) -> LegPlan:
    """`travel` (F, 3): how far the floor has moved back under a motion in place; zeros otherwise."""
    foot, up, tolerance = leg.foot, leg.foot.up, leg.tolerance
    present = foot.ankle @ up
    rise = settle(foot, RAISED_LIMIT * leg.length, frame_seconds)
    turn = steady(foot, rise, SLIP * leg.length, frame_seconds)
    rise = rise + out_of_floor(present + rise - foot.ankle_height, tolerance)
    steadied = foot.turned(turn)
    pitch = toes_up(steadied, present + joined(rise, foot.planted, frame_seconds), tolerance)
    turn = quaternion.multiply(steadied.pitched(pitch), turn)
    rise = rise + out_of_floor(clearance(steadied, present + rise, pitch), tolerance)
    level = level_shift(foot.turned(turn), travel, leg.length, frame_seconds)
    return LegPlan(leg, turn, level + rise[:, None] * up, frame_seconds)


def softened(wanted: FloatArray, present: FloatArray, length: float) -> FloatArray:
    """Distances (F,) from hip to ankle that a leg can take: as wanted while there is room, then ever slower to its end.

    The room lies between the present distance and a full stretch; a leg that is already stretched gets no longer.
    """
    room = np.maximum(FULL_STRETCH * length - present, 1e-6 * length)
    half = 0.5 * room
    over = np.maximum(wanted - present - half, 0.0)
    return np.asarray(np.where(over > 0.0, present + half + half * (1.0 - np.exp(-over / half)), wanted))
