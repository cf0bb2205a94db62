# SPDX-License-Identifier: GPL-3.0-or-later
"""Hips, ankles and feet under which planted feet stay in place and no knee pops.

Feet in their places and hips where the motion has them would leave the knees no choice, and near a straight leg the
knee's angle changes without bound with the distance from hip to ankle. So the knees come first: their angles get a top
speed (`knee_limit`), and the hips move until planted legs of these angles lead to the feet's places again. What then
is left open, mostly nothing, is taken up by the heel over planted toes, or by the foot's way through the air.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from . import quaternion
from .easing import blur, joined
from .foot_contacts import BoolArray
from .foot_paths import clearance, toes_up
from .hip_shift import SMOOTHING_SECONDS
from .knee_limit import speed_limited
from .leg_plan import LegPlan
from .quaternion import FloatArray

TOP_SPEED: Final = 1.25
"""How fast a knee may bend or stretch, against the fastest moment of that knee in the unlocked motion."""
CALM_SPEED: Final = math.radians(10.0)
"""Radians per second that any knee may reach, however still the unlocked one is held."""
ROUNDS: Final = 8
CLOSE: Final = 0.001
"""Share of the leg's length: no more rounds when planted legs miss their length by less."""
DEEPEST: Final = 1.2
"""Times the leg's tolerance: a foot still deeper in the floor after all rounds is swung out of it."""
STIFFNESS: Final = 0.02
"""Weight that keeps the hips where they are in a round, against 1 of a planted leg."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a leg gets to."""

    ankle: FloatArray
    """(F, 3) in the world."""
    foot_turn: FloatArray
    """(F, 4) world rotation of the foot about its ankle."""


@dataclass(frozen=True, eq=False)
class _Try:
    """A leg with its hip in some place."""

    hip: FloatArray
    line: FloatArray
    """(F, 3) unit vectors from the hip to the ankle."""
    reach: FloatArray
    """(F,) distance between them with the knee at an angle that it can take."""
    missing: FloatArray
    """(F,) by how much a foot on the floor is further away from the hip than that."""
    firm: BoolArray
    """(F,) whether the foot is planted or kept out of the floor."""
    pitch: FloatArray
    """(F,) by which the toes are pitched up, out of the floor [rad]."""


def fit_legs(plans: Sequence[LegPlan], hips: FloatArray, *, hips_move: bool) -> tuple[FloatArray, list[Placed]]:
    """The displacement of the hips (F, 3), better than the one given if they may move, and what it makes of the legs.

    With hips that may not move, planted feet slide where knees would pop.
    """
    limits = [_top_step(plan) for plan in plans]
    tries = [_try(plan, limit, hips) for plan, limit in zip(plans, limits, strict=True)]
    rounds = ROUNDS if hips_move else 0
    while rounds and any(
        np.abs(one.missing).max(initial=0.0) > CLOSE * plan.leg.length for one, plan in zip(tries, plans, strict=True)
    ):
        hips = hips + _way_out(tries, plans[0].frame_seconds)
        tries = [_try(plan, limit, hips) for plan, limit in zip(plans, limits, strict=True)]
        rounds -= 1
    return hips, [_place(plan, one) for plan, one in zip(plans, tries, strict=True)]


def _top_step(plan: LegPlan) -> float:
    """By how much the knee may bend or stretch from one frame to the next [rad]."""
    fastest = float(np.abs(np.diff(plan.present_bend)).max(initial=0.0))
    return max(TOP_SPEED * fastest, CALM_SPEED * plan.frame_seconds)


def _try(plan: LegPlan, top_step: float, hips: FloatArray) -> _Try:
    leg, planted = plan.leg, plan.foot.planted
    ankle, missing = plan.follow(hips)
    lift, pitch = plan.out_of_floor(ankle)
    hip = leg.hip + hips
    line = ankle + lift[:, None] * plan.foot.up - hip
    wanted = quaternion.length(line)
    firm = planted | (lift > 0.0)
    bend = speed_limited(leg.bend(wanted), firm, top_step)
    reach = leg.reach_of(bend)
    missing = np.where(firm, wanted + missing - reach, 0.0)
    return _Try(hip, line / np.maximum(wanted, 1e-9)[:, None], reach, missing, firm, pitch)


def _way_out(tries: Sequence[_Try], frame_seconds: float) -> FloatArray:
    """(F, 3) the least displacement of the hips that gives legs on the floor their length, smoothed along time."""
    matrix = np.tile(STIFFNESS * np.eye(3), (len(tries[0].hip), 1, 1))
    right = np.zeros_like(tries[0].hip)
    for one in tries:
        line = one.line * one.firm[:, None]
        matrix += line[:, :, None] * line[:, None, :]
        right += one.missing[:, None] * line
    step = np.asarray(np.linalg.solve(matrix, right[..., None])[..., 0], dtype=np.float64)
    firm = np.any([one.firm for one in tries], axis=0)
    return blur(joined(step, firm, frame_seconds), SMOOTHING_SECONDS, frame_seconds)


def _place(plan: LegPlan, one: _Try) -> Placed:
    """Ankle and foot for a leg whose knee has its angle; that angle is kept."""
    foot = plan.leg.foot
    ankle = one.hip + one.line * one.reach[:, None]
    turn = quaternion.multiply(plan.foot.pitched(one.pitch), plan.turn)
    on_toes = foot.toe_planted & ~foot.ankle_planted
    if on_toes.any():
        toe = plan.ankle + plan.foot.toe
        ankle = np.where(on_toes[:, None], _over_toes(one, ankle, toe, quaternion.length(foot.toe)), ankle)
        aimed = quaternion.swing(quaternion.rotate(turn, foot.toe), toe - ankle, foot.up)
        turn = quaternion.multiply(np.where(on_toes[:, None], aimed, quaternion.IDENTITY), turn)
    turned = foot.turned(turn)
    pitch = np.where(foot.planted, 0.0, toes_up(turned, ankle @ foot.up, plan.leg.tolerance))
    height = ankle @ foot.up
    lowest = np.minimum(height - foot.ankle_height, clearance(turned, height, pitch))
    lift = np.maximum(-lowest - DEEPEST * plan.leg.tolerance, 0.0)
    return Placed(_swung_up(one, ankle, lift, turned.ahead, foot.up), quaternion.multiply(turned.pitched(pitch), turn))


def _over_toes(one: _Try, ankle: FloatArray, toe: FloatArray, foot_length: FloatArray) -> FloatArray:
    """The place (F, 3) nearest to the ankle's that is a foot's length from the planted toe and in the leg's reach.

    Two spheres, around toe and hip, meet in a circle; the ankle stays on its side of the line between them.
    """
    axis = toe - one.hip
    apart = np.maximum(quaternion.length(axis), 1e-9)
    axis = axis / apart[:, None]
    along = np.clip((one.reach**2 - foot_length**2 + apart**2) / (2.0 * apart), -one.reach, one.reach)
    side = ankle - one.hip
    side = quaternion.unit(side - np.sum(side * axis, axis=-1, keepdims=True) * axis)
    return np.asarray(one.hip + along[:, None] * axis + np.sqrt(one.reach**2 - along**2)[:, None] * side)


def _swung_up(one: _Try, ankle: FloatArray, lift: FloatArray, ahead: FloatArray, up: FloatArray) -> FloatArray:
    """The ankle (F, 3) raised by `lift` (F,), the leg swinging about the hip to where it points, or else ahead."""
    line = ankle - one.hip
    height = line @ up
    level = line - height[:, None] * up
    level = quaternion.unit(level + 1e-3 * one.reach[:, None] * ahead)
    raised = np.clip(height + lift, -one.reach, one.reach)
    swung = one.hip + raised[:, None] * up + np.sqrt(one.reach**2 - raised**2)[:, None] * level
    return np.asarray(np.where(lift[:, None] > 0.0, swung, ankle))
