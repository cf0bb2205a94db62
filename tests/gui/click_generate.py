# SPDX-License-Identifier: GPL-3.0-or-later
"""A first session with the add-on in a real window, by mouse and keyboard. Run inside Blender:

    blender --factory-startup --window-geometry 0 0 1600 900 --python tests/gui/click_generate.py -- \\
        --shots DIR --engine-python PATH [--zip EXTENSION.zip] [--character FILE.glb]

It installs the extension's zip (or uses this checkout), adds the mannequin (or imports a character), types a
prompt, clicks Generate, waits for the keys, asks for another take, switches back, bakes to an NLA strip.
`DIR/result.json` tells what was found; screenshots lie beside it. Exit status 0 when all of it held.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
from window_driver import Heartbeat, Window, play

REPOSITORY = Path(__file__).resolve().parents[2]
PROMPT = "an old man walks slowly"
ENGINE_SECONDS = 90.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="click_generate")
    parser.add_argument("--shots", type=Path, required=True)
    parser.add_argument("--engine-python", required=True)
    parser.add_argument("--zip", type=Path)
    parser.add_argument("--character", type=Path)
    return parser.parse_args(sys.argv[sys.argv.index("--") + 1 :])


def load_addon(zip_file: Path | None) -> None:
    if zip_file:
        bpy.ops.extensions.package_install_files(
            filepath=str(zip_file.resolve()), repo="user_default", enable_on_install=True
        )
        return
    sys.path.insert(0, str(REPOSITORY))
    import blender_addon

    blender_addon.register()


def character(glb: Path | None) -> bpy.types.Object:
    """The armature to animate, active and selected, alone in the scene."""
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    if glb:
        bpy.ops.import_scene.gltf(filepath=str(glb))
    else:
        bpy.ops.mld.add_mannequin()
    armature = next(thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    for thing in bpy.context.selected_objects:
        thing.select_set(False)
    armature.select_set(True)
    bpy.context.view_layer.objects.active = armature
    return armature


def take_of(armature: bpy.types.Object) -> bpy.types.Action | None:
    action = armature.animation_data.action if armature.animation_data else None
    return action if action and "mld_version" in action else None


def pelvis_travel(armature: bpy.types.Object, action: bpy.types.Action) -> float:
    """How far the highest keyed bone moves over the take, in metres of the world."""
    scene = bpy.context.scene
    places = []
    for frame in (int(action.frame_range[0]), int(action.frame_range[1])):
        scene.frame_set(frame)
        bone = armature.pose.bones["pelvis"] if "pelvis" in armature.pose.bones else armature.pose.bones["Hips"]
        places.append((armature.matrix_world @ bone.matrix).translation.copy())
    return float((places[1] - places[0]).length)


class Session:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.result: dict[str, object] = {"blender": bpy.app.version_string}

    def steps(self) -> Iterator[float]:
        load_addon(self.options.zip)
        armature_name = character(self.options.character).name
        window = Window(self.options.shots)
        yield from window.open_tab("MLD")
        window.screenshot("1_panel")

        yield from window.find("mld.prompt")
        yield from window.type_text(PROMPT)
        self.result["prompt"] = bpy.context.scene.mld.prompt
        assert bpy.context.scene.mld.prompt == PROMPT, bpy.context.scene.mld.prompt

        beat = Heartbeat()
        yield from window.find("mld.generate")
        beat.restart()
        yield from window.click()
        window.screenshot("2_running")
        first = yield from self.wait_for_take(armature_name, other_than=None)
        self.result |= {
            "first_take": first,
            "largest_pause_seconds": round(beat.largest_gap_seconds, 3),
            "travel_metres": pelvis_travel(bpy.data.objects[armature_name], bpy.data.actions[first]),
        }
        assert self.result["travel_metres"] > 0.3, "an old man walks slowly, but he stays where he is"
        for part in (0.0, 0.33, 0.66):
            start, end = bpy.data.actions[first].frame_range
            bpy.context.scene.frame_set(int(start + part * (end - start)))
            yield 0.4
            window.screenshot(f"3_take_{int(part * 100):02d}")

        yield from window.find("mld.regenerate")
        yield from window.click()
        second = yield from self.wait_for_take(armature_name, other_than=first)
        self.result["second_take"] = second
        assert first in bpy.data.actions, "the first take was lost"
        seeds = [bpy.data.actions[name]["mld_seed"] for name in (first, second)]
        assert seeds[0] != seeds[1], "a new take needs a new seed"
        window.screenshot("4_second_take")

        yield from window.find("mld.bake_to_nla")
        yield from window.click()
        yield 0.5
        tracks = bpy.data.objects[armature_name].animation_data.nla_tracks
        self.result["nla_strips"] = [strip.name for track in tracks for strip in track.strips]
        assert len(self.result["nla_strips"]) == 1
        window.screenshot("5_baked")
        beat.stop()

    def wait_for_take(self, armature_name: str, other_than: str | None) -> Iterator[float]:
        """Pause until another take plays on the armature; returns its name."""
        clicked = time.perf_counter()
        shot = False
        while time.perf_counter() - clicked < ENGINE_SECONDS:
            action = take_of(bpy.data.objects[armature_name])
            if action and action.name != other_than:
                self.result[f"click_to_keys_seconds_{'again' if other_than else 'first'}"] = round(
                    time.perf_counter() - clicked, 3
                )
                yield 0.5
                return action.name
            if not shot and time.perf_counter() - clicked > 2.0:
                shot = True
                Window(self.options.shots).screenshot("2_waiting")
            yield 0.02
        raise TimeoutError(f"no take after {ENGINE_SECONDS:.0f} s")

    def finished(self, error: BaseException | None) -> None:
        self.result["error"] = "".join(traceback.format_exception(error)) if error else None
        if error:
            Window(self.options.shots).screenshot("failed")
        (self.options.shots / "result.json").write_text(json.dumps(self.result, indent=1), encoding="utf-8")
        print(json.dumps(self.result, indent=1), flush=True)
        sys.stdout.flush()
        # Blender would ask whether to save the file; the engine ends by itself when its pipe closes.
        os._exit(1 if error else 0)


if __name__ == "__main__":
    chosen = arguments()
    chosen.shots.mkdir(parents=True, exist_ok=True)
    os.environ["MLD_ENGINE_PYTHON"] = chosen.engine_python
    session = Session(chosen)
    play(session.steps(), session.finished)
