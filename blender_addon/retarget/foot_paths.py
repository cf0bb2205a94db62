# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a foot belongs: planted without sliding, flat on the floor when heel and toes touch it, never below it.

All of this is about one foot over F frames, given by its ankle, the vector from ankle to toe joint, and the planted frames of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from . import quaternion
from .easing import blur, faded, joined, smoothstep
from .foot_contacts import BoolArray, runs
from .quaternion import FloatArray

SETTLE_SECONDS: Final = 0.15
"""Standard deviation of the Gaussian over which a planted foot's height above the floor is averaged."""
STILL_SPEED: Final = 0.06
"""Leg lengths per second. A joint that rises and falls more slowly than this counts as at rest."""
YAW_SECONDS: Final = 0.1
"""Time in which a planted foot's direction is taken up and let go again."""
PITCH_SECONDS: Final = 0.2
"""The same for its pitch."""
COUPLING_SECONDS: Final = .2
"""Two plants closer in time than this are held together more than each is held to its own place."""


@dataclass(frozen=True, eq=False)
class Foot:
    """One foot over F frames, in world units of the leg's own scale."""

    ankle: FloatArray
    """(F, 3) in the world."""
    toe: FloatArray
    """(F, 3) vector from the ankle to the toe joint."""
    ankle_planted: BoolArray
    toe_planted: BoolArray
    up: FloatArray
    """(3,)"""
    ankle_height: float
    """Height of the ankle along `up` when the sole lies flat on the floor."""
    toe_drop: float
    """How far the toe joint then lies below the ankle."""

    @property
    def planted(self) -> BoolArray:
        """(F,) whether any part of it is."""
        return np.asarray(self.ankle_planted | self.toe_planted)


def steady(foot: Foot, slip: float, frame_seconds: float) -> FloatArray:
    """World rotations (F, 4) of the foot about its ankle that keep its direction while ankle and toes are planted.

    What the foot turns then, one of its ends must slide. So its yaw and pitch may leave their middle over the contact only
    by angles under which neither end moves by more than about `slip` in the level; larger swings are
    flattened smoothly. The limits open again before and after.
    """
    both = foot.ankle_planted & foot.toe_planted
    phases = runs(both)
    if not phases:
        return np.broadcast_to(quaternion.IDENTITY, (len(both), 4))
    upright = foot.toe @ foot.up
    level = foot.toe - upright[:, None] * foot.up
    pitch = np.arctan2(upright, np.linalg.norm(level, axis=-1))
    ahead = _between_phases(phases, [quaternion.unit(level[a:b].sum(axis=0)) for a, b in phases], len(both))
    ahead = quaternion.unit(ahead)
    aside = np.cross(foot.up, ahead)
    yaw = np.arctan2(np.sum(level * aside, axis=-1), np.sum(level * ahead, axis=-1))
    middle = _between_phases(phases, [0.5 * (pitch[a:b].min() + pitch[a:b].max())[None] for a, b in phases], len(both))[:, 0]

    length = float(np.linalg.norm(foot.toe, axis=-1).mean())
    yaw = _limited(yaw, slip / length, faded(both, YAW_SECONDS, frame_seconds))
    reach = slip / np.clip(abs(foot.toe_drop), 0.1 * length, length)
    pitch = middle + _limited(pitch - middle, reach, faded(both, PITCH_SECONDS, frame_seconds))
    direction = np.cos(yaw)[:, None] * ahead + np.sin(yaw)[:, None] * aside
    direction = np.cos(pitch)[:, None] * direction + np.sin(pitch)[:, None] * foot.up
    return quaternion.swing(foot.toe, direction, foot.up)


def _between_phases(phases: list[tuple[int, int]], values: list[FloatArray], count: int) -> FloatArray:
    """(F, n) the value (n,) of each phase during it, passing straight from one to the next."""
    edges = (np.array(phases) - [0, 1]).ravel()
    table = np.repeat(np.array(values), 2, axis=0)
    return np.stack([np.interp(np.arange(count), edges, column) for column in table.T], axis=-1)


def _limited(angles: FloatArray, limit: float, weight: FloatArray) -> FloatArray:
    """Angles (F,) kept smoothly within the limit where the weight (F,) is 1; a limit that opens as it falls to 0."""
    opened = limit / np.maximum(weight, 1e-6)
    return np.asarray(opened * np.tanh(angles / opened))


def level_shift(foot: Foot, travel: FloatArray, leg_length: float, frame_seconds: float) -> FloatArray:
    """(F, 3) level displacement of the ankle under which what is planted does not slide.

    The planted point is the ankle, the toe joint, or while both are planted their midpoint; from frame to frame the shift
    undoes its motion, so heel, sole and toes follow each other without a jump. What is left open is one constant per
    plant; it is chosen such that the foot stays near its own path and plants in quick succession near each other.
    `travel` (F, 3): how far the floor has moved back under an in-place motion; zeros otherwise.
    """
    masks = np.stack([foot.ankle_planted, foot.toe_planted])
    points = np.stack([foot.ankle, foot.ankle + foot.toe]) + travel
    steps = np.diff(points, axis=1)
    climbs = steps @ foot.up
    steps = steps - climbs[..., None] * foot.up
    held = _held(masks, climbs, STILL_SPEED * leg_length * frame_seconds)
    path = np.concatenate([np.zeros((1, 3)), -np.cumsum(np.sum(held[..., None] * steps, axis=0), axis=0)])
    mask = masks.any(axis=0)
    plants = runs(mask)
    if not plants:
        return np.zeros_like(path)
    for (begin, end), constant in zip(plants, _constants(path, plants, frame_seconds), strict=True):
        path[begin:end] += constant
    return joined(path, mask, frame_seconds)


def _held(masks: BoolArray, climbs: FloatArray, still_step: float) -> FloatArray:
    """(2, F-1) the share of the ankle's and of the toes' step from each frame to the next that is to be undone.

    `climbs` (2, F-1): what each of them rises. While both are planted, the one that rises less is what the foot turns about.
    """
    firm = masks[:, 1:] & masks[:, :-1]
    still = firm / (climbs**2 + still_step**2)
    return np.asarray(still / np.maximum(still.sum(axis=0), 1e-30))


def _constants(path: FloatArray, plants: list[tuple[int, int]], frame_seconds: float) -> FloatArray:
    """For each plant the constant (3,) to add to the path: least squares of the shifts and of the jumps between plants."""
    matrix, right = np.zeros((len(plants), len(plants))), np.zeros((len(plants), 3))
    for k, (begin, end) in enumerate(plants):
        matrix[k, k] += end - begin
        right[k] -= path[begin:end].sum(axis=0)
    for k, ((_, end), (begin, _)) in enumerate(zip(plants[:-1], plants[1:], strict=True)):
        gap = (begin - end + 1) * frame_seconds
        pull = COUPLING_SECONDS**3 / (gap**2 * frame_seconds)
        jump = path[end - 1] - path[begin]
        matrix[k : k + 2, k : k + 2] += [[pull, -pull], [-pull, pull]]
        right[k] -= pull * jump
        right[k + 1] += pull * jump
    return np.asarray(np.linalg.solve(matrix, right))


def settle(foot: Foot, toe: FloatArray, raised_limit: float, frame_seconds: float) -> FloatArray:
    """(F,) height to be added to a planted foot so that it stands on the floor, varying slowly.

    A heel or toe that rises at the end of a plant does so in the motion and goes on doing so. `toe` (F, 3): ankle to toe joint
    after `steady`. A foot planted further than `raised_limit` from the floor stands on something else and keeps its height.
    """
    height = clearance(foot, foot.ankle, toe)
    weight = foot.planted * (1.0 - smoothstep(np.abs(height) / raised_limit - 1.0))
    blurred = [blur(values, SETTLE_SECONDS, frame_seconds) for values in (weight * height, weight)]
    return np.asarray(-blurred[0] / np.maximum(blurred[1], 1e-6))


def clearance(foot: Foot, ankle: FloatArray, toe: FloatArray) -> FloatArray:
    """(F,) height of ankle or toe joint, whichever is lower, above where it is with the sole flat on the floor."""
    height = ankle @ foot.up - foot.ankle_height
    return np.asarray(np.minimum(height, height + toe @ foot.up + foot.toe_drop))


def out_of_floor(heights: FloatArray, tolerance: float) -> FloatArray:
    """(F,) how far to lift what has these clearances so that it sinks by `tolerance` at most; without kinks."""
    sunk = -heights - 0.5 * tolerance
    return np.asarray(np.where(sunk > 0.5 * tolerance, sunk, np.maximum(sunk + 0.5 * tolerance, 0.0) ** 2 / (2 * tolerance)))
