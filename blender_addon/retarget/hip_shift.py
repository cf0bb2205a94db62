# SPDX-License-Identifier: GPL-3.0-or-later
"""How the hips give way to locked feet, smoothly, so that legs keep their bend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from . import quaternion
from .easing import blur, joined
from .foot_contacts import runs
from .foot_paths import standing_path
from .leg import Leg
from .leg_plan import LegPlan
from .quaternion import FloatArray

SMOOTHING_SECONDS: Final = 0.08
"""Standard deviation of the Gaussian that smooths the hips' way."""
LEG_SHARE: Final = 0.08
"""Share of the leg's length by which a planted foot may be displaced in the level before the hips go with it."""
SKATING_SHARE: Final = 0.12
"""Share of the leg's length: a plant that slides to more than this from its middle was none, but the body's travel."""
HOLD: Final = 0.01
"""Weight that keeps the hips where they are, against 1 of a planted foot below a straight leg."""
LEAST_BEND: Final = 0.02
"""1 - (reach / length)^2 of a leg that counts as straight."""


def skating(legs: Sequence[Leg], travel: FloatArray, frame_seconds: float) -> FloatArray:
    """(F, 3) level displacement of the whole character that takes back what it travels on planted feet.

    A body that travels while the motion says that it stands has to stand, and goes on from there. Only plants on which
    the foot slides much further than a leg can make up for count, by the share that is too much. `travel` (F, 3): how
    far the floor has moved back under a motion in place; zeros otherwise.
    """
    steps, count = np.zeros_like(travel), np.zeros(len(travel))
    for leg in legs:
        path = standing_path(leg.foot, travel, leg.length, frame_seconds)
        for begin, end in runs(leg.foot.planted):
            part = path[begin:end]
            furthest = float(quaternion.length(part - part.mean(axis=0)).max())
            share = max(1.0 - SKATING_SHARE * leg.length / max(furthest, 1e-12), 0.0)
            steps[begin + 1 : end] += share * np.diff(part, axis=0)
        count += leg.foot.planted
    if not steps.any():
        return steps
    return blur(np.cumsum(steps / np.maximum(count, 1.0)[:, None], axis=0), SMOOTHING_SECONDS, frame_seconds)


def hip_shift(plans: Sequence[LegPlan]) -> FloatArray:
    """(F, 3) displacement of the hips.

    In the level, what planted feet are displaced beyond what legs take up. Upright, the smooth way on which planted
    legs change their length least, straight legs before bent ones, because there a small change of length is a large
    one of the knee's angle.
    """
    up, frame_seconds = plans[0].foot.up, plans[0].frame_seconds
    level = _level_shift(plans)
    above = np.zeros(len(level))
    below = np.full_like(above, HOLD)
    for plan in plans:
        leg = plan.leg
        line = quaternion.unit(leg.foot.ankle - leg.hip)
        upright = line @ up
        bend = 1.0 - (leg.reach / leg.length) ** 2
        weight = leg.foot.planted * LEAST_BEND / np.maximum(bend, LEAST_BEND)
        above += weight * upright * np.sum((plan.shift - level) * line, axis=-1)
        below += weight * upright**2
    height = blur(above, SMOOTHING_SECONDS, frame_seconds) / blur(below, SMOOTHING_SECONDS, frame_seconds)
    return level + height[:, None] * up


def _level_shift(plans: Sequence[LegPlan]) -> FloatArray:
    """(F, 3) by how much planted feet are displaced in the level beyond `LEG_SHARE`; their mean where both are."""
    excess, count = np.zeros_like(plans[0].shift), np.zeros(len(plans[0].shift))
    for plan in plans:
        level = plan.shift - (plan.shift @ plan.foot.up)[:, None] * plan.foot.up
        size = np.maximum(quaternion.length(level), 1e-12)
        over = np.where(plan.foot.planted, np.maximum(size - LEG_SHARE * plan.leg.length, 0.0), 0.0)
        excess += level * (over / size)[:, None]
        count += plan.foot.planted
    if not excess.any():
        return excess
    mean = joined(excess / np.maximum(count, 1.0)[:, None], count > 0.0, plans[0].frame_seconds)
    return blur(mean, SMOOTHING_SECONDS, plans[0].frame_seconds)
