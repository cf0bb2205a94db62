# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench.six_rigs --take FILE.npz --out FILE.png`: one take on six rigs side by side.

Run it from the repository root in an environment with bpy. The take is a file of `python -m mld_engine generate`;
three of the characters come from the test data.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import bpy
import numpy as np
from mathutils import Matrix, Vector

from blender_addon.animation.metadata import TakeMetadata
from blender_addon.animation.take import write_take
from blender_addon.demo.character import Character
from blender_addon.demo.path import follow, telling_frames
from blender_addon.demo.picture import LOOK_DOWN_DEGREES, PictureFrame, add_camera, add_letters, in_picture
from blender_addon.demo.strip import render_still
from blender_addon.demo.studio import aim_sun, build_studio, empty_scene, ink_material
from blender_addon.motion_files.files import MotionFile, read_motion_file
from blender_addon.rig.blender_mannequin import add_mannequin
from tests.bench import figures
from tests.bench.figures import Draw, Figure, freeze
from tests.bench.measures import Loaded, read
from tests.bench.rigs import character_files, characters_folder, imported_character, leave, scratch_folder
from tests.blender import generated_rigs
from tests.blender.armatures import rigify_enabled

WIDTH: Final = 1600
HEIGHT: Final = 700
TALL_METRES: Final = 1.75
"""All characters are shown at this height."""
START_FRAME: Final = 1
ROW_METRES: Final = 2.0
"""Of the picture's height for one moment."""
BELOW_METRES: Final = 0.40
TITLE_METRES: Final = 0.39
SIDE_METRES: Final = 0.5
"""For the lettering below, above and at the left."""
LETTERS_METRES: Final = 10.0
"""In front of the figures."""
TITLE_SIZE: Final = 0.052
LABEL_SIZE: Final = 0.034
"""Shares of the picture's height."""
NAMES: Final = {"human-male": "Unreal names", "human-kenney": "Unity names", "knight": "KayKit, no neck"}


@dataclass(eq=False)
class Cast:
    """One of the six: what moves it and how it is drawn."""

    label: str
    character: Loaded
    draw: Draw
    figures: list[Figure] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 1 where the characters are missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.six_rigs", description=__doc__)
    parser.add_argument("--take", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    parser.add_argument("--seconds", type=float, nargs="+", help="the moments to show; by default telling ones")
    parser.add_argument(
        "--view", type=float, default=50.0, metavar="DEGREES", help="between the picture's right and the way they face"
    )
    options = parser.parse_args(arguments)
    if not character_files():
        sys.stderr.write(f"No characters in {characters_folder()}; set MLD_TEST_DATA to their folder.\n")
        return 1
    take = read_motion_file(options.take)
    moments = [round(second * take.motion.fps) for second in options.seconds or ()]
    with scratch_folder() as folder:
        scene = empty_scene()
        scene.render.fps = round(take.motion.fps)
        cast = list(_cast(Path(folder)))
    moments = moments or telling_frames(take.motion, 3)[1:]
    right = Matrix.Rotation(math.radians(options.view), 3, "Z") @ Vector((0.0, -1.0, 0.0))
    _pose(cast, scene, take, moments)
    for item in scene.objects:
        item.hide_render = not item.name.startswith("Figure")
    _picture(scene, cast, take, moments, right, options.out)
    return 0


def _cast(folder: Path) -> Iterator[Cast]:
    with rigify_enabled():
        generated_rigs.generate("human", folder / "generated.blend")
    metarig, rig = bpy.data.objects["metarig"], bpy.data.objects[generated_rigs.NAME]
    yield Cast("Mannequin", read(add_mannequin(bpy.context)), figures.skin)
    for file in character_files():
        yield Cast(NAMES.get(file.stem, file.stem), read(imported_character(file)), figures.skin)
    yield Cast("Rigify metarig", read(metarig), figures.octahedra)
    yield Cast("Rigify controls", read(rig), figures.capsules_and_controls)


def _pose(cast: Sequence[Cast], scene: bpy.types.Scene, take: MotionFile, moments: Sequence[int]) -> None:
    """Key the take on everyone and freeze them at the moments."""
    metadata = TakeMetadata.from_engine(take.meta, take.motion.fps)
    for member in cast:
        heights = figures.vertices(member.draw(member.character, ()))[:, 2]
        scale = TALL_METRES / float(heights.max() - heights.min())
        driven = member.character.drive(take.motion, True)
        armature = member.character.armature
        write_take(armature, driven.track, start_frame=START_FRAME, metadata=metadata, rig=driven.rig)
        last = START_FRAME + driven.track.frame_count - 1
        character = Character(armature, driven.bone_map, START_FRAME, last, metadata)
        path = follow(character, scene, [START_FRAME + moment for moment in moments])
        for frame, hips in zip(path.frames, path.hips, strict=True):
            scene.frame_set(frame)
            meshes = member.draw(member.character, driven.track.bones)
            member.figures.append(freeze(scene, meshes, hips, scale))


def _picture(
    scene: bpy.types.Scene, cast: Sequence[Cast], take: MotionFile, moments: Sequence[int], right: Vector, file: Path
) -> None:
    """One row a moment, the first one at the back of the floor and so on top of the picture."""
    rows = len(moments)
    extents = [_extent(member, right) for member in cast]
    height = BELOW_METRES + ROW_METRES * rows + TITLE_METRES
    width = height * WIDTH / HEIGHT
    gap = (width - SIDE_METRES - sum(high - low for low, high in extents)) / (len(cast) + 0.5)
    bottom = -BELOW_METRES
    frame = PictureFrame(width, height, width / 2.0, bottom + height / 2.0)
    build_studio(scene)
    aim_sun(scene, right)
    add_camera(scene, frame, right)
    ink = ink_material()

    def write(text: str, size: float, across: float, upwards: float, align: str = "LEFT") -> None:
        letters = add_letters(scene, text, size * height, ink)
        letters.data.align_x = align
        letters.matrix_world = in_picture(right, across, upwards, LETTERS_METRES)

    away = Vector((0.0, 0.0, 1.0)).cross(right)
    step = away * (ROW_METRES / math.sin(math.radians(LOOK_DOWN_DEGREES)))
    place = SIDE_METRES + gap / 2.0
    for member, (low, high) in zip(cast, extents, strict=True):
        for row, figure in enumerate(member.figures):
            figure.move(right * (place - low) + step * (rows - 1 - row))
        write(member.label, LABEL_SIZE, place - low, bottom + 0.5 * BELOW_METRES, "CENTER")
        place += high - low + gap
    for row, moment in enumerate(moments):
        seconds = f"{moment / take.motion.fps:.1f} s"
        write(seconds, LABEL_SIZE, 0.03 * width, (rows - 1 - row) * ROW_METRES + 0.02)
    write(f"“{take.meta['text']}”", TITLE_SIZE, 0.03 * width, bottom + height - TITLE_METRES)
    # A smooth floor without dither makes the file half as large.
    scene.render.dither_intensity, scene.render.image_settings.compression = 0.0, 100
    render_still(scene, file, WIDTH, HEIGHT)


def _extent(member: Cast, right: Vector) -> tuple[float, float]:
    """Lowest and highest place along the picture of all the character's figures."""
    along = np.concatenate([figure.vertices for figure in member.figures]) @ np.array(right)
    return float(along.min()), float(along.max())


if __name__ == "__main__":
    leave(main())
