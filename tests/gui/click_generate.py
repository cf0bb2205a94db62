# SPDX-License-Identifier: GPL-3.0-or-later
"""A first session with the add-on in a real window, by mouse and keyboard. Run inside Blender:

    blender --factory-startup --window-geometry 0 0 1600 900 --python tests/gui/click_generate.py -- \\
        --shots DIR --engine-python PATH [--zip EXTENSION.zip] [--character FILE.glb]

It installs the extension's zip (or uses this checkout), adds the mannequin (or imports a character), types a
prompt, clicks Generate, waits for the keys, asks for another take, switches back, bakes to an NLA strip.
`DIR/result.json` tells what was found; screenshots lie beside it. Exit status 0 when all of it held.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
import window_session
from window_driver import Heartbeat, Window

PROMPT = "an old man walks slowly"
ENGINE_SECONDS = 90.0


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


class FirstTakes(window_session.Session):
    def steps(self) -> Iterator[float]:
        window_session.load_addon(self.options.zip)
        armature_name = window_session.character(self.options.character).name
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


if __name__ == "__main__":
    FirstTakes(window_session.arguments("click_generate")).run()
