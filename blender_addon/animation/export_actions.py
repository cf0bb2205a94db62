# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender runs this file: the Actions of a .blend's armatures as arrays, for the engine's `prepare blend`.

    python export_actions.py FILE.blend OUT        with the bpy wheel
    blender --python export_actions.py -- FILE.blend OUT

Writes OUT/<number>.npz for every armature and every Action that moves its bones: `pose` (T, N, 4, 4) world
matrices of the bones at each frame as Blender evaluates them, and `about`, JSON text with "rig" (a
RigSnapshot), "armature", "action" and "fps". NLA strips are muted: each Action is played alone. For an armature
that cannot be read there is one file with "armature" and "problem" only.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np

PACKAGE = "mld_action_export"
ADDON = Path(__file__).resolve().parent.parent


def export(blend: Path, out: Path) -> int:
    """Write the arrays; returns the number of files."""
    sys.modules[PACKAGE] = types.ModuleType(PACKAGE)
    sys.modules[PACKAGE].__path__ = [str(ADDON)]  # type: ignore[attr-defined]
    compat = importlib.import_module(f"{PACKAGE}.animation.compat")
    reader = importlib.import_module(f"{PACKAGE}.rig.blender_snapshot")
    # The file's own scripts stay unrun.
    bpy.ops.wm.open_mainfile(filepath=str(blend), use_scripts=False)
    scene = bpy.context.scene
    fps = scene.render.fps / scene.render.fps_base
    count = 0
    for armature in scene.objects:
        if armature.type != "ARMATURE":
            continue
        actions = [action for action in bpy.data.actions if _moves(compat, action, armature)]
        try:
            rig = reader.read_rig(armature, bpy.context.evaluated_depsgraph_get())
        except reader.RigError as error:
            _save(out, count, {"armature": armature.name, "problem": str(error)})
            count += 1
            continue
        for action in actions:
            compat.assign(armature, compat.Assignment(action, compat.slot_for(action, armature)))
            armature.animation_data.use_nla = False
            pose = np.array(list(_frames(scene, armature, action, rig.bone_names)), np.float32)
            about = {"rig": rig.to_dict(), "armature": armature.name, "action": action.name, "fps": fps}
            _save(out, count, about, pose=pose)
            count += 1
    return count


def _save(out: Path, number: int, about: dict[str, Any], **arrays: Any) -> None:
    np.savez(out / f"{number:04d}.npz", about=np.array(json.dumps(about)), **arrays)


def _moves(compat: Any, action: Any, armature: Any) -> bool:
    """Whether most bones that the Action's curves name are bones of this armature."""
    named = [path.split('"')[1] for curve in compat.fcurves(action) if (path := curve.data_path).count('"') >= 2]
    held = sum(name in armature.pose.bones for name in named)
    return held > len(named) / 2


def _frames(scene: Any, armature: Any, action: Any, bones: tuple[str, ...]) -> Iterator[list[list[list[float]]]]:
    start, end = action.frame_range
    for frame in range(math.floor(start), math.ceil(end) + 1):
        scene.frame_set(frame)
        evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        world = evaluated.matrix_world
        yield [[list(row) for row in world @ evaluated.pose.bones[bone].matrix] for bone in bones]


if __name__ == "__main__":
    given = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    print(f"mld: {export(Path(given[0]), Path(given[1]))} actions")  # noqa: T201
