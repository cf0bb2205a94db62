# SPDX-License-Identifier: GPL-3.0-or-later
"""Models, long takes, motion files and SMPL bodies in a real window. Run inside Blender as `click_generate.py`.

It chooses another model in the menu, which greys what that one cannot do; asks for more seconds than the model
makes and chains segments; exports the take and imports it as AMASS has it; adds a body from a made-up model file
through the file browser, moves a shape slider and fits the bones. `DIR/result.json` tells what was found; screenshots
lie beside it. Exit status 0 when all of it held.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import window_session
from window_driver import Heartbeat, Window

MODEL = "labels"
SECONDS = 14.0
ROW_PIXELS = 22
ENGINE_SECONDS = 90.0
MODEL_FILE = "smpl.pkl"


class FilesAndModels(window_session.Session):
    def steps(self) -> Iterator[float]:
        os.environ["MLD_PACKS_DIR"] = str(self.options.shots / "packs")
        self.write_pack(self.options.shots / "packs" / MODEL)
        window_session.load_addon(self.options.zip)
        self.armature = window_session.character(self.options.character).name
        window = Window(self.options.shots)
        yield from window.open_tab("MLD")
        yield from self.choose_model(window)
        yield from self.chain(window)
        yield from self.exchange_files(window)
        yield from self.add_body(window)
        yield from self.shape(window)

    def write_pack(self, folder: Path) -> None:
        """The shipped model under another name, which knows action labels only and takes few steps."""
        shipped = window_session.REPOSITORY / "mld_engine" / "packs" / "research"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(shipped, folder, ignore=shutil.ignore_patterns("hashes.json"))
        config = folder / "config.json"
        values = json.loads(config.read_text(encoding="utf-8")) | {"name": MODEL, "conditions": ["action"]}
        values["schedule"]["steps"] = 8
        config.write_text(json.dumps(values), encoding="utf-8")

    def choose_model(self, window: Window) -> Iterator[float]:
        """The menu is the row above the three conditions, and its second entry the second row below it."""
        settings = bpy.context.scene.mld
        yield from window.find("mld.condition")
        text_button = window.pointer
        yield from window.move_by(0, ROW_PIXELS)
        yield from window.click()
        window.screenshot("1_models")
        yield from window.move_by(0, -2 * ROW_PIXELS)
        yield from window.click()
        yield from self.wait_for(lambda: settings.pack == MODEL, "the other model to be chosen")
        assert (settings.condition, settings.steps) == ("ACTION", 8)
        yield from window.move_by(text_button[0] - window.pointer[0], text_button[1] - window.pointer[1])
        yield from window.click()
        window.screenshot("2_text_greyed")
        self.result |= {"model": settings.pack, "condition": settings.condition}
        assert settings.condition == "ACTION", "a greyed condition was chosen"

    def chain(self, window: Window) -> Iterator[float]:
        settings = bpy.context.scene.mld
        settings.action_label = "walk"
        yield from window.find("mld.seconds")
        yield from window.type_text(f"{SECONDS:g}")
        assert settings.seconds == SECONDS, settings.seconds
        yield from window.find("ops.mld.generate")
        yield from window.click()
        yield from self.wait_for(lambda: self.live().notice is not None, "the refusal of 14 s", ENGINE_SECONDS)
        yield 0.5
        window.screenshot("3_refused")
        self.result["offered"] = [self.live().notice.offered_seconds, self.live().notice.offered_segments]
        assert self.result["offered"] == [10.0, 2]
        yield from window.find("ops.mld.use_limit_seconds")
        yield from window.find("ops.mld.chain_segments")
        yield from window.click()
        yield from self.wait_for(lambda: self.take() is not None, "the chained take", ENGINE_SECONDS)
        yield 0.5
        window.screenshot("4_chained")
        first, last = self.take().frame_range
        fps = bpy.context.scene.render.fps / bpy.context.scene.render.fps_base
        self.result["chained_seconds"] = round(float(last - first) / fps, 3)
        assert self.take()["mld_pack"] == MODEL

    def exchange_files(self, window: Window) -> Iterator[float]:
        """The exported motion comes back without what only this add-on writes, as a clip of AMASS would."""
        yield from window.find("mld.bake_to_nla")
        yield from window.open_panel("mld.import_motion")
        window.screenshot("5_files")
        made = self.take()
        own, foreign = (self.options.shots / name for name in ("own.npz", "foreign.npz"))
        with self.in_sidebar(window):
            bpy.ops.mld.export_motion(filepath=str(own))
            with np.load(own, allow_pickle=False) as file:
                arrays = {name: file[name] for name in ("poses", "trans", "betas", "gender", "mocap_framerate")}
            np.savez(foreign, **arrays)
            bpy.ops.mld.import_motion(filepath=str(foreign))
        self.result["imported"] = self.take().name
        assert self.take() != made
        assert self.take().frame_range == made.frame_range
        yield 0.5
        window.screenshot("6_imported")

    def add_body(self, window: Window) -> Iterator[float]:
        """From the button through the file browser, while the window goes on."""
        sys.path.insert(0, str(window_session.REPOSITORY))
        from tests import body_files

        body_files.write_pickle(self.options.shots / MODEL_FILE, "SMPL")
        bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
        yield from window.find("mld.add_smpl_body", from_below=True)
        yield from window.click()
        yield from self.wait_for(lambda: self.browser(window) is not None, "the file browser")
        window.screenshot("7_browser")
        browser = self.browser(window)
        parameters = browser.spaces.active.params
        parameters.directory, parameters.filename = os.fsencode(self.options.shots), MODEL_FILE
        yield 0.5
        beat, clicked = Heartbeat(), time.perf_counter()
        with bpy.context.temp_override(window=window.window, area=browser, region=browser.regions[-1]):
            bpy.ops.file.execute()
        yield from self.wait_for(lambda: self.live().body_file, "the reading to begin")
        window.find_area()
        yield from window.move_by(-window.sidebar.width, 0)
        yield 0.5
        window.screenshot("8_reading")
        yield from self.wait_for(lambda: not self.live().body_file, "the body", ENGINE_SECONDS)
        self.result["body_seconds"] = round(time.perf_counter() - clicked, 3)
        yield 0.5
        self.result["largest_pause_seconds"] = round(beat.largest_gap_seconds, 3)
        beat.stop()
        window.screenshot("9_body")
        body = bpy.context.view_layer.objects.active
        self.result["body"] = [len(body.data.bones), len(body.children[0].data.vertices)]
        assert self.result["body"] == [24, 6890]

    def shape(self, window: Window) -> Iterator[float]:
        body = bpy.context.view_layer.objects.active
        key = body.children[0].data.shape_keys.key_blocks["Beta 1"]
        before = body.data.bones["head"].head_local.copy()
        yield from window.find("mld.generate")
        yield from window.scroll_down(20)
        yield from window.find('key_blocks["Beta 1"]')
        yield from window.type_text("3")
        assert key.value == 3.0, key.value
        window.screenshot("10_slider")
        yield from window.find("mld.fit_body_bones")
        yield from window.click()
        body = bpy.context.view_layer.objects.active

        def moved_metres() -> float:
            return float((body.data.bones["head"].head_local - before).length)

        yield from self.wait_for(lambda: moved_metres() > 0.01, "the bones to follow the shape")
        yield 0.3
        window.screenshot("11_fitted")
        self.result["head_moved_metres"] = round(moved_metres(), 3)

    def live(self) -> Any:
        return window_session.module("runtime").current()

    def take(self) -> bpy.types.Action | None:
        data = bpy.data.objects[self.armature].animation_data
        action = data.action if data else None
        return action if action and "mld_version" in action else None

    def in_sidebar(self, window: Window) -> Any:
        return bpy.context.temp_override(window=window.window, area=window.area, region=window.sidebar)

    def browser(self, window: Window) -> bpy.types.Area | None:
        return next((area for area in window.window.screen.areas if area.type == "FILE_BROWSER"), None)


if __name__ == "__main__":
    FilesAndModels(window_session.arguments("click_files")).run()
