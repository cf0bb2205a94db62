# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the character goes and faces during the take, and from which side one sees that best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..retarget.source_motion import SourceMotion
from .character import Character

TRAVEL_METRES: Final = 0.7
"""From here on a motion counts as going somewhere."""
WALKING_DEGREES: Final = 32.0
"""Between the picture's right and the way of a travelling character: seen from the side, a little from the front."""
STANDING_DEGREES: Final = 62.0
"""The same for a character that stays: seen from the front, a little from the side."""
REACH: Final = 0.4
"""How far a chosen frame may lie from its even place, in shares of the even spacing."""


@dataclass(frozen=True)
class CharacterPath:
    """One entry a sampled frame: position of the hips and horizontal facing, in the world."""

    frames: tuple[int, ...]
    hips: tuple[Vector, ...]
    facings: tuple[Vector, ...]

    @property
    def travel(self) -> Vector:
        """Horizontal way from the first to the last frame."""
        way = self.hips[-1] - self.hips[0]
        return Vector((way.x, way.y, 0.0))

    def view_right(self) -> Vector:
        """Horizontal unit vector that should point to the right in the picture.

        A travelling character moves to the right and shows its front, also when it walks backwards.
        """
        facing = sum(self.facings, Vector((0.0, 0.0, 0.0)))
        facing = facing.normalized() if facing.length > 0.1 else self.facings[0]
        if self.travel.length < TRAVEL_METRES:
            return _turned(facing, STANDING_DEGREES)
        towards_viewer = 1.0 if self.travel.dot(facing) >= 0.0 else -1.0
        return _turned(self.travel.normalized(), towards_viewer * WALKING_DEGREES)


def telling_frames(motion: SourceMotion, count: int) -> list[int]:
    """`count` rising frame numbers of the motion, spread over it, in poses as different as can be.

    Evenly spaced ones could hit the same phase of a wave or a stride each time. So each is taken from
    the neighbourhood of its even place, where it differs most from the poses chosen before it.
    """
    poses = motion.joints_world() - motion.root[:, None]
    spacing = (motion.frames - 1) / (count - 1)
    chosen = [0]
    for index in range(1, count):
        first = max(chosen[-1] + 1, math.ceil((index - REACH) * spacing))
        last = min(motion.frames - 1, math.floor((index + REACH) * spacing))
        candidates = np.arange(first, max(last, first) + 1)
        apart = np.linalg.norm(poses[candidates, None] - poses[chosen], axis=-1).mean(axis=-1).min(axis=-1)
        chosen.append(int(candidates[np.argmax(apart)]))
    return chosen


def follow(character: Character, scene: bpy.types.Scene, frames: Sequence[int]) -> CharacterPath:
    """Where the character is and faces at those frames of the scene."""
    hips, facings = [], []
    for frame in frames:
        scene.frame_set(frame)
        hips.append((character.head_of("left_hip") + character.head_of("right_hip")) / 2.0)
        facings.append(character.forward())
    return CharacterPath(tuple(frames), tuple(hips), tuple(facings))


def _turned(vector: Vector, degrees: float) -> Vector:
    turned: Vector = Matrix.Rotation(math.radians(degrees), 3, "Z") @ vector
    return turned
