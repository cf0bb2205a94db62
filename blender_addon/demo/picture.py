# SPDX-License-Identifier: GPL-3.0-or-later
"""The strip's frame: an orthographic camera over the row of figures, and lettering that faces it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import bpy
from mathutils import Matrix, Vector

from ..animation.metadata import TakeMetadata
from .studio import add_to_scene, ink_material, view_rotation

WIDTH: Final = 1600
HEIGHT: Final = 500
LOOK_DOWN_DEGREES: Final = 9.0
FEET_AT: Final = 0.15
HEADS_AT: Final = 0.80
MARGIN: Final = 0.03
"""Shares of the picture's height, from below; the margin of its width."""
TITLE_SIZE: Final = 0.075
LABEL_SIZE: Final = 0.045
CAMERA_METRES: Final = 20.0


@dataclass(frozen=True)
class Extent:
    """A box in the picture's plane: along its right and upwards, metres."""

    left: float
    right: float
    low: float
    high: float

    @property
    def height(self) -> float:
        return self.high - self.low

    @staticmethod
    def around(parts: Sequence[Extent]) -> Extent:
        return Extent(
            min(part.left for part in parts),
            max(part.right for part in parts),
            min(part.low for part in parts),
            max(part.high for part in parts),
        )


@dataclass(frozen=True)
class PictureFrame:
    """The picture's size in metres, and its middle along its right and its own up."""

    width: float
    height: float
    across: float = 0.0
    upwards: float = 0.0

    def centred_on(self, row: Extent) -> PictureFrame:
        """The frame with the row in its middle and the ground where feet belong."""
        ground = row.low * math.cos(math.radians(LOOK_DOWN_DEGREES))
        return replace(self, across=(row.left + row.right) / 2.0, upwards=ground + (0.5 - FEET_AT) * self.height)


def fit(figure_height: float, row_width: float = 0.0) -> PictureFrame:
    """The smallest frame for figures of that height in a row of that width."""
    needed = figure_height * math.cos(math.radians(LOOK_DOWN_DEGREES)) / (HEADS_AT - FEET_AT)
    height = max(needed, row_width / (1.0 - 2.0 * MARGIN) * HEIGHT / WIDTH)
    return PictureFrame(height * WIDTH / HEIGHT, height)


def add_camera(scene: bpy.types.Scene, frame: PictureFrame, right: Vector) -> None:
    """The orthographic camera of the frame becomes the scene's camera."""
    camera = bpy.data.cameras.new("Strip camera")
    camera.type = "ORTHO"
    camera.ortho_scale = frame.width
    camera.clip_end = 10.0 * CAMERA_METRES
    item = add_to_scene("Strip camera", camera, scene)
    item.matrix_world = in_picture(right, frame.across, frame.upwards, CAMERA_METRES)
    scene.camera = item


def add_lettering(
    scene: bpy.types.Scene,
    frame: PictureFrame,
    right: Vector,
    metadata: TakeMetadata,
    labels: Sequence[tuple[float, float]],
) -> None:
    """The request on top, and below each figure its time. `labels`: (place along the picture, seconds)."""
    ink = ink_material()
    bottom = frame.upwards - frame.height / 2.0
    margin = frame.across - frame.width / 2.0 + MARGIN * frame.width
    request = f"“{metadata.prompt}”" if metadata.prompt else metadata.name()
    title = add_letters(scene, request, TITLE_SIZE * frame.height, ink)
    room = frame.width * (1.0 - 2.0 * MARGIN)
    title.data.size *= min(1.0, room / max(title.dimensions.x, 1e-6))
    title.matrix_world = in_picture(right, margin, bottom + 0.885 * frame.height, CAMERA_METRES / 2.0)
    for place, seconds in labels:
        label = add_letters(scene, f"{seconds:.1f} s", LABEL_SIZE * frame.height, ink)
        label.data.align_x = "CENTER"
        label.matrix_world = in_picture(right, place, bottom + 0.05 * frame.height, CAMERA_METRES / 2.0)


def in_picture(right: Vector, across: float, upwards: float, towards_viewer: float) -> Matrix:
    """World matrix of something that faces the viewer at that place of the picture."""
    rotation = view_rotation(right, LOOK_DOWN_DEGREES)
    place: Matrix = Matrix.Translation(rotation @ Vector((across, upwards, towards_viewer))) @ rotation.to_4x4()
    return place


def add_letters(scene: bpy.types.Scene, text: str, size: float, ink: bpy.types.Material) -> bpy.types.Object:
    """Text of that size in metres at the origin, which throws no shadow."""
    curve = bpy.data.curves.new("Lettering", "FONT")
    curve.body, curve.size = text, size
    curve.materials.append(ink)
    item = add_to_scene("Lettering", curve, scene)
    item.visible_shadow = item.visible_diffuse = item.visible_glossy = False
    bpy.context.view_layer.update()
    return item
