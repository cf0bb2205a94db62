# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the character goes and faces during the take, and from which side one sees that best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import bpy
from mathutils import Matrix, Vector

from .character import Character

TRAVEL_METRES: Final = 0.7
"""From here on a motion counts as going somewhere."""
WALKING_DEGREES: Final = 32.0
"""Between the picture's right and the way of a travelling character: seen from the side, a little from the front."""
STANDING_DEGREES: Final = 62.0
"""The same for a character that stays: seen from the front, a little from the side."""


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


def sample_path(character: Character, scene: bpy.types.Scene, count: int) -> CharacterPath:
    """The path at `count` frames spread evenly over the take, the first and the last among them."""
    span = character.last_frame - character.first_frame
    frames = tuple(round(character.first_frame + span * index / (count - 1)) for index in range(count))
    hips, facings = [], []
    for frame in frames:
        scene.frame_set(frame)
        hips.append((character.head_of("left_hip") + character.head_of("right_hip")) / 2.0)
        facings.append(character.forward())
    return CharacterPath(frames, tuple(hips), tuple(facings))


def _turned(vector: Vector, degrees: float) -> Vector:
    turned: Vector = Matrix.Rotation(math.radians(degrees), 3, "Z") @ vector
    return turned
