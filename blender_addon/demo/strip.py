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

SAMPLES: Final = 12
SMALLEST_GAP: Final = 0.14
LARGEST_GAP: Final = 0.55
"""Metres between two figures."""
CROWDED: Final = 1.4
"""How many times too wide for the picture a row of figures must be to lose every other one."""


def render_strip(scene: bpy.types.Scene, character: Character, path: CharacterPath, file: Path) -> None:
    """Render frozen copies of the character to `file` (PNG).

    The moving character is hidden and the render settings are changed: save the scene before.
    """
    right = path.view_right()
    poses = []
    for frame, hips in zip(path.frames, path.hips, strict=True):
        scene.frame_set(frame)
        seconds = (frame - character.first_frame) / scene.render.fps
        poses.append(_FrozenPose(scene, character, hips, right, seconds))
    for mesh in character.meshes:
        mesh.hide_render = True
    poses = _uncrowded(poses)
    room = fit(Extent.around([pose.extent for pose in poses]).height)
    places, row = _side_by_side([pose.extent for pose in poses], room.width)
    picture = fit(row.height, row.right - row.left).centred_on(row)
    for pose, place in zip(poses, places, strict=True):
        pose.move(right * place)
    add_camera(scene, picture, right)
    labels = [(place, pose.seconds) for place, pose in zip(places, poses, strict=True)]
    add_lettering(scene, picture, right, character.metadata, labels)
    render_still(scene, file, WIDTH, HEIGHT)


class _FrozenPose:
    """Copies of the character's meshes as posed at the scene's frame, the hips above the origin."""

    def __init__(
        self, scene: bpy.types.Scene, character: Character, hips: Vector, right: Vector, seconds: float
    ) -> None:
        self.seconds = seconds
        depsgraph = bpy.context.evaluated_depsgraph_get()
        self._objects = []
        points = []
        for source in character.meshes:
            evaluated = source.evaluated_get(depsgraph)
            mesh = bpy.data.meshes.new_from_object(evaluated, depsgraph=depsgraph)
            mesh.transform(Matrix.Translation((-hips.x, -hips.y, 0.0)) @ evaluated.matrix_world)
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

    def remove(self) -> None:
        for item in self._objects:
            bpy.data.objects.remove(item)


def _uncrowded(poses: list[_FrozenPose]) -> list[_FrozenPose]:
    """Every other pose where bodies are so wide, as in crawling, that all of them would become small."""
    extents = [pose.extent for pose in poses]
    bodies = sum(extent.right - extent.left + SMALLEST_GAP for extent in extents)
    if bodies < CROWDED * fit(Extent.around(extents).height).width:
        return poses
    for pose in poses[1::2]:
        pose.remove()
    return poses[::2]


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


def render_still(scene: bpy.types.Scene, file: Path, width: int, height: int) -> None:
    """A PNG of that many pixels, seen by the scene's camera.

    Cycles on the CPU, which also works without a display. Few samples: the denoiser smooths the rest.
    """
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode = "RGB"
    render.filepath = str(file)
    cycles.device = "CPU"
    cycles.samples = SAMPLES
    cycles.max_bounces = 3
    # One sun and an even sky: sampling them cleverly costs more than it gains.
    cycles.use_light_tree = False
    scene.world.cycles.sampling_method = "NONE"
    cycles.use_denoising = True
    # Cleaning the denoiser's own inputs first takes it three times as long, for no visible difference here.
    cycles.denoising_prefilter = "NONE"
    cycles.denoising_quality = "FAST"
    bpy.ops.render.render(write_still=True)
