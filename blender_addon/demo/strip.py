# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture strip: the character's poses over time, side by side, with the prompt and the seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import bpy
import numpy as np
from mathutils import Matrix, Vector

from .character import Character
from .path import CharacterPath
from .picture import HEIGHT, WIDTH, Extent, add_camera, add_lettering, fit
from .studio import add_to_scene

SAMPLES: Final = 8
SMALLEST_GAP: Final = 0.14
LARGEST_GAP: Final = 0.55
"""Metres between two figures."""
EARLY_COLOR: Final = (0.20, 0.42, 0.72)
LATE_COLOR: Final = (0.88, 0.27, 0.09)
"""Linear RGB of the body at the first and at the last pose."""


def render_strip(scene: bpy.types.Scene, character: Character, path: CharacterPath, file: Path) -> None:
    """Render frozen copies of the character to `file` (PNG).

    The moving character is hidden and the render settings are changed: save the scene before.
    """
    right = path.view_right()
    poses = []
    for index, (frame, hips) in enumerate(zip(path.frames, path.hips, strict=True)):
        scene.frame_set(frame)
        poses.append(_FrozenPose(scene, character, hips, right, age=index / (len(path.frames) - 1)))
    for mesh in character.meshes:
        mesh.hide_render = True
    extent = Extent.around([pose.extent for pose in poses])
    places, row = _side_by_side([pose.extent for pose in poses], fit(extent.height).width)
    frame = fit(extent.height, row.right - row.left).centred_on(row)
    for pose, place in zip(poses, places, strict=True):
        pose.move(right * place)
    add_camera(scene, frame, right)
    seconds = [(number - character.first_frame) / scene.render.fps for number in path.frames]
    add_lettering(scene, frame, right, character.metadata, list(zip(places, seconds, strict=True)))
    _render(scene, file)


class _FrozenPose:
    """Copies of the character's meshes as posed at the scene's frame, the hips above the origin."""

    def __init__(
        self, scene: bpy.types.Scene, character: Character, hips: Vector, right: Vector, *, age: float
    ) -> None:
        depsgraph = bpy.context.evaluated_depsgraph_get()
        self._objects = []
        points = []
        for source in character.meshes:
            evaluated = source.evaluated_get(depsgraph)
            mesh = bpy.data.meshes.new_from_object(evaluated, depsgraph=depsgraph)
            mesh.transform(Matrix.Translation((-hips.x, -hips.y, 0.0)) @ evaluated.matrix_world)
            _tint(mesh, age)
            self._objects.append(add_to_scene(f"Pose at {scene.frame_current}", mesh, scene))
            flat = np.empty(3 * len(mesh.vertices), dtype=np.float32)
            mesh.vertices.foreach_get("co", flat)
            points.append(flat.reshape(-1, 3))
        vertices = np.concatenate(points)
        along, heights = vertices @ np.array(right, dtype=np.float32), vertices[:, 2]
        self.extent = Extent(float(along.min()), float(along.max()), float(heights.min()), float(heights.max()))

    def move(self, by: Vector) -> None:
        for item in self._objects:
            item.location += by


def _tint(mesh: bpy.types.Mesh, age: float) -> None:
    """Colour the body, its first material, by the time of the pose (0 .. 1); other materials stay."""
    if not mesh.materials or mesh.materials[0] is None:
        return
    body = mesh.materials[0].copy()
    color = [early + age * (late - early) for early, late in zip(EARLY_COLOR, LATE_COLOR, strict=True)]
    body.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (*color, 1.0)
    mesh.materials[0] = body


def _side_by_side(extents: Sequence[Extent], width: float) -> tuple[list[float], Extent]:
    """Where each figure stands along the picture so that none covers the next, and the extent of the row.

    The gaps grow until the row fills `width` metres, within limits.
    """
    bodies = sum(extent.right - extent.left for extent in extents)
    gap = min(max((0.94 * width - bodies) / len(extents), SMALLEST_GAP), LARGEST_GAP)
    places = [0.0]
    for before, after in pairwise(extents):
        places.append(places[-1] + before.right - after.left + gap)
    left, right = places[0] + extents[0].left, places[-1] + extents[-1].right
    return places, replace(Extent.around(extents), left=left, right=right)


def _render(scene: bpy.types.Scene, file: Path) -> None:
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode = "RGB"
    render.filepath = str(file)
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces = 4
    bpy.ops.render.render(write_still=True)
