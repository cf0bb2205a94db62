# SPDX-License-Identifier: GPL-3.0-or-later
"""From a motion file to an animated character in a .blend file and a picture of it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import bpy
from mathutils import Vector

from ..motion_files.files import read_motion_file
from .character import Character, make_character
from .path import CharacterPath, follow, telling_frames
from .strip import render_strip
from .studio import add_film_camera, aim_sun, build_studio, empty_scene, look_through_camera

TOLD: Final = "mld: "
"""Begins the lines that install_deps.py shows; Blender's own output is only kept for errors."""
POSES: Final = 7
BODY_METRES: Final = 0.8
"""Room around the hips that the camera of the .blend file keeps in view."""


def main(arguments: Sequence[str]) -> int:
    """`--take FILE.npz --blend FILE.blend --picture FILE.png`; 0, or 1 after saying what went wrong."""
    parser = argparse.ArgumentParser(prog="demo")
    for name in ("--take", "--blend", "--picture"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        _show(options.take, options.blend, options.picture)
    except Exception as error:
        # The errors of every layer carry a message for the animator and, most of them, a hint.
        message = getattr(error, "message", None)
        if message is None:
            raise
        sys.stderr.write(f"{message} {getattr(error, 'hint', '')}\n")
        return 1
    return 0


def _show(take_file: Path, blend: Path, picture: Path) -> None:
    begun = time.perf_counter()
    scene = empty_scene()
    take = read_motion_file(take_file)
    character = make_character(take, scene)
    _tell(f"{take.motion.frames} frames keyed on {len(character.bone_map.bones)} bones", begun)

    begun = time.perf_counter()
    path = follow(character, scene, [character.first_frame + frame for frame in telling_frames(take.motion, POSES)])
    _dress(scene, path)
    scene.frame_set(character.first_frame)
    look_through_camera()
    _select_only(character)
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), check_existing=False)
    _tell(f"saved {blend.name}", begun)

    begun = time.perf_counter()
    render_strip(scene, character, path, picture)
    _tell(f"rendered {picture.name}", begun)


def _dress(scene: bpy.types.Scene, path: CharacterPath) -> None:
    """Floor, light and a camera that sees the character from the first to the last frame."""
    build_studio(scene)
    right = path.view_right()
    aim_sun(scene, right)
    reach = Vector((BODY_METRES, BODY_METRES, 0.0))
    low = Vector([min(hips[axis] for hips in path.hips) for axis in range(3)]) - reach
    high = Vector([max(hips[axis] for hips in path.hips) for axis in range(3)]) + reach
    low.z, high.z = 0.0, high.z + BODY_METRES
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    add_film_camera(scene, right, low, high)


def _select_only(character: Character) -> None:
    for item in bpy.context.view_layer.objects:
        item.select_set(item is character.armature)
    bpy.context.view_layer.objects.active = character.armature


def _tell(text: str, begun: float) -> None:
    sys.stdout.write(f"{TOLD}{text} ({time.perf_counter() - begun:.1f} s)\n")
    sys.stdout.flush()
