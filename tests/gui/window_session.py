# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts for a real window have in common: arguments, the add-on, a character, and a result file."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import bpy
from window_driver import Window, play

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 8.0


def arguments(program: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--shots", type=Path, required=True)
    parser.add_argument("--engine-python", required=True)
    parser.add_argument("--zip", type=Path)
    parser.add_argument("--character", type=Path)
    return parser.parse_args(sys.argv[sys.argv.index("--") + 1 :])


def load_addon(zip_file: Path | None) -> None:
    """The extension's zip installed, or this checkout."""
    if zip_file:
        bpy.ops.extensions.package_install_files(
            filepath=str(zip_file.resolve()), repo="user_default", enable_on_install=True
        )
        return
    sys.path.insert(0, str(REPOSITORY))
    import blender_addon

    blender_addon.register()


def character(glb: Path | None) -> bpy.types.Object:
    """The armature to animate, alone in the scene: imported, or the mannequin."""
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    if glb:
        bpy.ops.import_scene.gltf(filepath=str(glb))
    else:
        bpy.ops.mld.add_mannequin()
    return select(next(thing for thing in bpy.data.objects if thing.type == "ARMATURE"))


def select(armature: bpy.types.Object) -> bpy.types.Object:
    """Alone, and active."""
    for thing in bpy.context.selected_objects:
        thing.select_set(False)
    armature.select_set(True)
    bpy.context.view_layer.objects.active = armature
    return armature


def module(name: str) -> ModuleType:
    """A module of the add-on, installed from the zip or registered from this checkout."""
    packages = ("bl_ext.user_default.motion_latent_diffusion", "blender_addon")
    return sys.modules[next(path for path in (f"{package}.{name}" for package in packages) if path in sys.modules)]


class Session:
    """Steps in a window, and what came of them in `result.json` beside the screenshots."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.result: dict[str, object] = {"blender": bpy.app.version_string}

    def steps(self) -> Iterator[float]:
        """Each value is a pause in seconds; an exception ends the session."""
        raise NotImplementedError

    def wait_for(self, happened: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> Iterator[float]:
        """Without a GPU the window may lag behind mouse and keyboard."""
        end = time.perf_counter() + seconds
        while not happened():
            if time.perf_counter() > end:
                raise TimeoutError(f"waited in vain for {what}")
            yield 0.1

    def run(self) -> None:
        self.options.shots.mkdir(parents=True, exist_ok=True)
        os.environ["MLD_ENGINE_PYTHON"] = self.options.engine_python
        play(self.steps(), self.finished)

    def finished(self, error: BaseException | None) -> None:
        self.result["error"] = "".join(traceback.format_exception(error)) if error else None
        if error:
            Window(self.options.shots).screenshot("failed")
        (self.options.shots / "result.json").write_text(json.dumps(self.result, indent=1), encoding="utf-8")
        print(json.dumps(self.result, indent=1), flush=True)
        sys.stdout.flush()
        # Blender would ask whether to save the file; the engine ends by itself when its pipe closes.
        os._exit(1 if error else 0)
