# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way a character stands and faces, told from its bones at rest and not from their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .snapshot import RigSnapshot

Vector = NDArray[np.float64]

_LEAST_OFFSET: Final = 0.015
"""A knee, elbow or toe further forward than this share of its limb tells the facing."""
_LEAST_CERTAINTY: Final = 0.35
_SIDES: Final = ("left", "right")


@dataclass(frozen=True)
class Facing:
    """World direction the character faces, and how much its bones agree about it."""

    forward: Vector
    """(3,) unit, level with respect to `up`; zero when no bone tells."""
    certainty: float
    """0 nothing tells, 1 every clue agrees."""

    @property
    def known(self) -> bool:
        return self.certainty >= _LEAST_CERTAINTY


def upright(rig: RigSnapshot, low: Vector, high: Vector) -> Vector:
    """The character's up: world Z when low -> high is within 45 degrees of it, else the nearest axis of the object."""
    direction = unit(high - low)
    if direction[2] > np.cos(np.pi / 4):
        return np.array([0.0, 0.0, 1.0])
    axes = (rig.world[:3, :3] / rig.world_scale).T
    candidates = np.concatenate([axes, -axes])
    nearest: Vector = candidates[int(np.argmax(candidates @ direction))]
    return nearest


def facing(rig: RigSnapshot, bones: Mapping[str, int], up: Vector, sagittal: Vector) -> Facing:
    """Where toes, feet, knees and elbows point to.

    `bones` role -> index; left and right may be exchanged, every clue is taken on both sides.
    `sagittal` is the (3,) unit normal of the plane that divides left from right.
    """
    heads = rig.rest_world[:, :3, 3]
    votes: list[tuple[Vector, float]] = []
    for side in _SIDES:
        at = {part: heads[bones[f"{side}_{part}"]] for part in _PARTS if f"{side}_{part}" in bones}
        if {"hip", "knee", "ankle"} <= at.keys():
            leg = max(float(np.linalg.norm(at["hip"] - at["ankle"])), 1e-9)
            votes.append((_bend(at["hip"], at["knee"], at["ankle"]) / leg, 0.6))
            if "foot" in at:
                votes.append(((at["foot"] - at["ankle"]) / leg, 1.0))
        if {"shoulder", "elbow", "wrist"} <= at.keys():
            arm = float(np.linalg.norm(at["shoulder"] - at["elbow"]) + np.linalg.norm(at["elbow"] - at["wrist"]))
            votes.append((-_bend(at["shoulder"], at["elbow"], at["wrist"]) / max(arm, 1e-9), 0.4))
    votes += _foot_tails(rig, bones, sagittal)
    return _decide(votes, up, sagittal)


def unit(vector: Vector) -> Vector:
    """The vector with length 1; zero stays zero."""
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-12 else np.zeros(3)


_PARTS: Final = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist")


def _bend(start: Vector, joint: Vector, end: Vector) -> Vector:
    """From the straight line start-end to the joint: forward for a knee, backward for an elbow."""
    line = end - start
    share = float(np.dot(joint - start, line) / max(float(np.dot(line, line)), 1e-12))
    offset: Vector = joint - (start + line * share)
    return offset


def _foot_tails(rig: RigSnapshot, bones: Mapping[str, int], sagittal: Vector) -> list[tuple[Vector, float]]:
    """The feet's own direction, where it is mirrored: importers that invent bone axes invent them per bone."""
    feet = [bones[f"{side}_ankle"] for side in _SIDES if f"{side}_ankle" in bones]
    if len(feet) < 2:
        return []
    left, right = (rig.rest_world[foot, :3, 1] / rig.world_scale for foot in feet)
    mirrored = right - 2.0 * np.dot(right, sagittal) * sagittal
    if np.dot(left, mirrored) < 0.98:
        return []
    return [(left * 0.3, 0.8), (right * 0.3, 0.8)]


def _decide(votes: list[tuple[Vector, float]], up: Vector, sagittal: Vector) -> Facing:
    """Every clue says forward or backward along the one level axis of the sagittal plane."""
    axis = unit(np.cross(sagittal, up))
    total, weights = 0.0, 0.0
    for vector, weight in votes:
        amount = float(np.dot(vector, axis))
        if abs(amount) > _LEAST_OFFSET:
            total += weight * np.sign(amount)
            weights += weight
    if weights == 0.0 or total == 0.0:
        return Facing(np.zeros(3), 0.0)
    certainty = abs(total) / weights * min(1.0, weights / 1.2)
    return Facing(axis * np.sign(total), certainty)
