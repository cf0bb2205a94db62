# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a foot belongs: planted without sliding, flat on the floor when heel and toes touch it, never below it.

Every function is about one foot over F frames: its ankle, the vector from there to its toe joint, and when each of
the two is planted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
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
CALM_SECONDS: Final = 0.05
"""Standard deviation of the Gaussian that takes the jitter out of a planted foot's direction."""
TURN_SECONDS: Final = 0.15
"""Shortest time in which a foot takes up the attitude that it keeps while planted, or gives it up again."""
LONGEST_TURN_SECONDS: Final = 0.5
TURN_SPEED: Final = 4.0
"""Radians per second. Large turns take longer than the shortest time."""
COUPLING_SECONDS: Final = 0.2
"""Two plants closer in time than this are held together more than each is held to its own place."""


@dataclass(frozen=True, eq=False)
class Foot:
    """One foot over F frames, in the world."""

    ankle: FloatArray
    """(F, 3)"""
    toe: FloatArray
    """(F, 3) vector from the ankle to the toe joint."""
    attitude: FloatArray
    """(F, 4) world rotation of the foot from where it stands flat and straight ahead."""
    forward: FloatArray
    """(3,) where it then points; level."""
    ankle_planted: BoolArray
    toe_planted: BoolArray
    up: FloatArray
    """(3,)"""
    ankle_height: float
    """Height of the ankle along `up` when the sole lies flat on the floor."""
    toe_drop: float
    """How far the toe joint then lies below the ankle."""
    has_toes: bool = True
    """Whether the character has a toe joint; else `toe` leads to where it would be."""

    @property
    def planted(self) -> BoolArray:
        """(F,) whether any part of it is."""
        return np.asarray(self.ankle_planted | self.toe_planted)

    @cached_property
    def length(self) -> float:
        """From ankle to toe joint."""
        return float(quaternion.length(self.toe).mean())

    def turned(self, turn: FloatArray) -> Foot:
        """The foot after world rotations (F, 4) about its ankle."""
        return replace(self, toe=quaternion.rotate(turn, self.toe), attitude=quaternion.multiply(turn, self.attitude))

    @cached_property
    def ahead(self) -> FloatArray:
        """(F, 3) unit vector: the level direction in which the foot points, also when pitched past the vertical."""
        left = quaternion.rotate(self.attitude, np.cross(self.up, self.forward))
        return quaternion.unit(quaternion.cross(left, np.broadcast_to(self.up, left.shape)))

    @cached_property
    def toe_angle(self) -> FloatArray:
        """(F,) how far the toe joint is pitched up from level [rad], -pi .. pi."""
        return np.asarray(np.arctan2(self.toe @ self.up, np.sum(self.toe * self.ahead, axis=-1)))

    @cached_property
    def toe_span(self) -> FloatArray:
        """(F,) length of the toe vector seen from the side."""
        span = np.hypot(self.toe @ self.up, np.sum(self.toe * self.ahead, axis=-1))
        return np.asarray(np.maximum(span, 1e-9))

    def pitched(self, angles: FloatArray) -> FloatArray:
        """World rotations (F, 4) that pitch the toes up by angles (F,) [rad]."""
        return quaternion.from_axis_angle(
            quaternion.cross(self.ahead, np.broadcast_to(self.up, self.ahead.shape)), angles
        )


def steady(foot: Foot, rise: FloatArray, slip: float, frame_seconds: float) -> FloatArray:
    """World rotations (F, 4) of the foot about its ankle that keep it still while ankle and toes are planted.

    Whatever the foot turns then, one of its ends must slide. So it may leave its mean attitude over the contact only by
    angles under which neither end moves by more than about `slip` in the level; larger turns are held back, and made
    up for before and after. `rise` (F,): what the ankle is to be moved up by.
    """
    calm = _calmed(foot, frame_seconds)
    both = foot.ankle_planted & foot.toe_planted
    reach = slip / np.clip(abs(foot.toe_drop), 0.1 * foot.length, foot.length)
    held = np.zeros_like(foot.ankle)
    if both.any():
        middle = _mean_attitudes(foot, calm, rise, both, reach)
        away = _rotation_vectors(quaternion.multiply(calm[both], quaternion.conjugate(middle)))
        yaw = (away @ foot.up)[:, None] * foot.up
        kept = _from_rotation_vectors(_limited(yaw, slip / foot.length) + _limited(away - yaw, reach))
        wanted = quaternion.multiply(kept, middle)
        held[both] = _rotation_vectors(quaternion.multiply(wanted, quaternion.conjugate(calm[both])))
    turn = _from_rotation_vectors(joined(held, both, frame_seconds, _turning_seconds(held)))
    return quaternion.multiply(quaternion.multiply(turn, calm), quaternion.conjugate(foot.attitude))


def _calmed(foot: Foot, frame_seconds: float) -> FloatArray:
    """(F, 4) the foot's attitude without jitter where it is planted: planted toes would hand it on to the knee."""
    attitude = quaternion.continuous(foot.attitude)
    mean = blur(attitude, CALM_SECONDS, frame_seconds)
    weight = faded(foot.planted, CALM_SECONDS, frame_seconds)[:, None]
    return quaternion.normalize((1.0 - weight) * attitude + weight * mean)


def _mean_attitudes(foot: Foot, attitude: FloatArray, rise: FloatArray, both: BoolArray, reach: float) -> FloatArray:
    """(n, 4) for each frame of `both` the mean over its run of such frames.

    It is pitched up where it would push the toes into the floor by over `reach` [rad].
    """
    phases = runs(both)
    lengths = np.array([end - begin for begin, end in phases])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    mean = quaternion.normalize(np.add.reduceat(attitude[both], starts, axis=0))
    direction = quaternion.rotate(mean, foot.forward)
    above = foot.ankle[both] @ foot.up + rise[both] - foot.ankle_height + foot.toe_drop
    flat = np.arcsin(np.clip(foot.toe_drop / foot.length, -1.0, 1.0))
    lowest = flat - np.arcsin(np.clip(np.minimum.reduceat(above, starts) / foot.length, -1.0, 1.0))
    missing = np.maximum(lowest - reach - np.arcsin(np.clip(direction @ foot.up, -1.0, 1.0)), 0.0)
    pitch = quaternion.from_axis_angle(np.cross(direction, foot.up), missing)
    return np.repeat(quaternion.multiply(pitch, mean), lengths, axis=0)


def _rotation_vectors(rotations: FloatArray) -> FloatArray:
    """(F, 3) axis times angle [rad] of the shorter way round."""
    axes, angles = quaternion.to_axis_angle(np.where(rotations[:, :1] < 0.0, -rotations, rotations))
    return axes * angles[:, None]


def _from_rotation_vectors(vectors: FloatArray) -> FloatArray:
    return quaternion.from_axis_angle(vectors, quaternion.length(vectors))


def _limited(vectors: FloatArray, limit: float) -> FloatArray:
    """Vectors (F, 3) kept smoothly within the limit."""
    size = np.maximum(quaternion.length(vectors), 1e-12)
    return np.asarray(vectors * (limit * np.tanh(size / limit) / size)[:, None])


def _turning_seconds(turns: FloatArray) -> FloatArray:
    """(F,) times in which a foot takes up rotation vectors (F, 3) [rad], or gives them up."""
    return np.asarray(np.clip(quaternion.length(turns) / TURN_SPEED, TURN_SECONDS, LONGEST_TURN_SECONDS))


def level_shift(foot: Foot, travel: FloatArray, leg_length: float, frame_seconds: float) -> FloatArray:
    """(F, 3) level displacement of the ankle under which what is planted does not slide; 0 in the air.

    So heel, sole and toes take over from each other without a jump. `standing_path` leaves one constant open for each
    plant; it keeps the foot near its own path, and plants in quick succession near each other.
    `travel` (F, 3): how far the floor has moved back under a motion in place; zeros otherwise.
    """
    path = standing_path(foot, travel, leg_length, frame_seconds)
    plants = runs(foot.planted)
    shift = np.zeros_like(path)
    if plants:
        for (begin, end), constant in zip(plants, _constants(path, plants, frame_seconds), strict=True):
            shift[begin:end] = path[begin:end] + constant
    return shift


def standing_path(foot: Foot, travel: FloatArray, leg_length: float, frame_seconds: float) -> FloatArray:
    """(F, 3) the level way on which a foot would have to be moved not to slide; it changes only while planted.

    From frame to frame it undoes the step of the ankle, of the toe joint, or of a point between them while both are
    planted.
    """
    masks = np.stack([foot.ankle_planted, foot.toe_planted])
    points = np.stack([foot.ankle, foot.ankle + foot.toe]) + travel
    steps = np.diff(points, axis=1)
    climbs = steps @ foot.up
    steps = steps - climbs[..., None] * foot.up
    held = _held(masks, climbs, STILL_SPEED * leg_length * frame_seconds, foot.has_toes)
    return np.concatenate([np.zeros((1, 3)), -np.cumsum(np.sum(held[..., None] * steps, axis=0), axis=0)])


def _held(masks: BoolArray, climbs: FloatArray, still_step: float, has_toes: bool) -> FloatArray:
    """(2, F-1) the share of the ankle's and of the toes' step from each frame to the next that is to be undone.

    `climbs` (2, F-1): what each of them rises. While both are planted, the foot turns about the one that rises less
    and stays planted for longer; where there is no toe joint to be seen, about the ankle.
    """
    firm = masks[:, 1:] & masks[:, :-1]
    if not has_toes:
        firm[1] &= ~firm[0]
    still = firm * _lasting(masks)[:, 1:] ** 2 / (climbs**2 + still_step**2)
    return np.asarray(still / np.maximum(still.sum(axis=0), 1e-30))


def _lasting(masks: BoolArray) -> FloatArray:
    """(2, F) how many frames the plant lasts that a joint is in; 0 in the air."""
    frames = np.zeros(masks.shape)
    for row, mask in zip(frames, masks, strict=True):
        for begin, end in runs(mask):
            row[begin:end] = end - begin
    return frames


def _constants(path: FloatArray, plants: list[tuple[int, int]], frame_seconds: float) -> FloatArray:
    """For each plant the constant (3,) to add to the path: least squares of all shifts and of jumps between plants."""
    matrix, right = np.zeros((len(plants), len(plants))), np.zeros((len(plants), 3))
    for k, (begin, end) in enumerate(plants):
        matrix[k, k] += end - begin
        right[k] -= path[begin:end].sum(axis=0)
    for k, ((_, end), (begin, _)) in enumerate(pairwise(plants)):
        gap = (begin - end + 1) * frame_seconds
        pull = COUPLING_SECONDS**3 / (gap**2 * frame_seconds)
        jump = path[end - 1] - path[begin]
        matrix[k : k + 2, k : k + 2] += [[pull, -pull], [-pull, pull]]
        right[k] -= pull * jump
        right[k + 1] += pull * jump
    return np.asarray(np.linalg.solve(matrix, right))


def settle(foot: Foot, raised_limit: float, frame_seconds: float) -> FloatArray:
    """(F,) height to be added to a planted foot so that it stands on the floor, varying slowly.

    Slowly, because a heel that rises at the end of a plant does so in the motion. Toes below the floor do not count:
    `toes_up` takes care of them. A foot planted further than `raised_limit` from the floor stands on something else
    and keeps its height.
    """
    ankle = foot.ankle @ foot.up - foot.ankle_height
    height = np.minimum(ankle, np.maximum(ankle + foot.toe @ foot.up + foot.toe_drop, 0.0))
    trust = 1.0 - smoothstep(np.abs(height) / raised_limit - 1.0)
    trusted = blur(np.where(foot.planted, trust * height, 0.0), SETTLE_SECONDS, frame_seconds)
    weight = blur(np.where(foot.planted, 1.0, 0.0), SETTLE_SECONDS, frame_seconds)
    return np.asarray(-trusted / np.maximum(weight, 1e-6))


def toes_up(foot: Foot, ankle: FloatArray, tolerance: float) -> FloatArray:
    """(F,) by how much the foot pitches up [rad] to take its toes out of the floor, ankle at heights (F,).

    On a character with long feet a heel that rises as in the motion would push the toes through the floor; turning the
    foot leaves the leg as it is, lifting it would bend the knee. Toes that point down and back come up behind, which is
    a negative pitch. Between the two, where they point straight down, no pitch helps and none is made.
    """
    sunk = out_of_floor(clearance(foot, ankle), tolerance)
    upright, forward = np.sin(foot.toe_angle), np.cos(foot.toe_angle)
    pitch = np.arcsin(np.clip(upright + sunk / foot.toe_span, -1.0, 1.0)) - np.arcsin(upright)
    return np.asarray(pitch * 0.5 * forward * (3.0 - forward**2))


def clearance(foot: Foot, ankle: FloatArray, pitch: FloatArray | float = 0.0) -> FloatArray:
    """(F,) how high the toe joint is above where it is in a flat foot, with the ankle at the heights `ankle` (F,).

    `pitch` (F,) [rad]: by how much the foot is pitched up besides.
    """
    return np.asarray(ankle + foot.toe_span * np.sin(foot.toe_angle + pitch) - foot.ankle_height + foot.toe_drop)


def out_of_floor(heights: FloatArray, tolerance: float) -> FloatArray:
    """(F,) how far to lift what has these heights so that it sinks by `tolerance` at most; without kinks."""
    sunk = -heights - 0.5 * tolerance
    return np.asarray(
        np.where(sunk > 0.5 * tolerance, sunk, np.maximum(sunk + 0.5 * tolerance, 0.0) ** 2 / (2 * tolerance))
    )
