# SPDX-License-Identifier: GPL-3.0-or-later
"""Bone map and control rigs in a real window, by mouse and keyboard. Run inside Blender as `click_generate.py`.

It opens the panel of the bones, chooses a role in the list, saves the map under a name typed in the dialog, empties a
role, loads the preset from its menu, deletes it and confirms; then it generates a Rigify rig and chooses between FK
and IK. `DIR/result.json` tells what was found; screenshots lie beside it. Exit status 0 when all of it held.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import addon_utils
import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
import window_session
from window_driver import Window

PRESET = "Hand made"
ROW_PIXELS = 22


class BonesByHand(window_session.Session):
    def steps(self) -> Iterator[float]:
        window_session.load_addon(self.options.zip)
        mannequin = window_session.character(self.options.character).name
        window = Window(self.options.shots)
        yield from window.open_tab("MLD")
        yield from window.find("mld.regenerate")
        yield from window.open_panel("mld.detect_bones")
        window.screenshot("1_bones")
        yield from window.find("mld.detect_bones")
        yield from window.click()
        bones = bpy.data.objects[mannequin].mld.bones
        chosen = bones.left_elbow
        assert chosen, "Detect Bones has written nothing down"
        yield from self.choose_row(window, mannequin)
        yield from self.save(window)
        yield from self.empty_role(window, mannequin)
        yield from self.load(window, mannequin)
        yield from self.delete(window)
        yield from self.drive(window)

    def choose_row(self, window: Window, armature: str) -> Iterator[float]:
        before = bpy.data.objects[armature].mld.role_index
        yield from window.find("role_index")
        yield from window.move_by(0, -3 * ROW_PIXELS)
        yield from window.click()
        self.result["role_index"] = bpy.data.objects[armature].mld.role_index
        assert self.result["role_index"] != before, "no other role was chosen by a click in the list"
        window.screenshot("2_role_chosen")

    def save(self, window: Window) -> Iterator[float]:
        yield from window.find("mld.save_bone_preset", from_below=True)
        yield from window.click()
        yield 0.5
        window.screenshot("3_save_dialog")
        # The dialog opens with its first field below the pointer.
        yield from window.type_text(PRESET)
        window.screenshot("4_name_typed")
        yield from window.press("Return")
        yield 0.5
        self.result["saved"] = self.own_presets()
        assert self.result["saved"] == [PRESET], self.result["saved"]

    def empty_role(self, window: Window, armature: str) -> Iterator[float]:
        bones = bpy.data.objects[armature].mld.bones
        before = {role: getattr(bones, role) for role in bones.bl_rna.properties.keys()}  # noqa: SIM118
        yield from window.find("mld.bones.", from_below=True)
        yield from window.press("BackSpace")
        self.emptied = [role for role, bone in before.items() if getattr(bones, role) != bone]
        assert len(self.emptied) == 1, self.emptied
        self.result["emptied"] = self.emptied[0]
        window.screenshot("5_role_emptied")

    def load(self, window: Window, armature: str) -> Iterator[float]:
        yield from self.open_menu(window)
        window.screenshot("6_presets")
        yield from window.press("Down", "Return")
        bones = bpy.data.objects[armature].mld.bones
        yield from self.wait_for(lambda: getattr(bones, self.emptied[0]), "the preset to give the role its bone back")
        self.result["loaded"] = getattr(bones, self.emptied[0])
        window.screenshot("7_loaded")

    def delete(self, window: Window) -> Iterator[float]:
        yield from self.open_menu(window)
        yield from window.press("Up", "Right")
        window.screenshot("8_delete_menu")
        yield from window.press("Return")
        yield 0.5
        window.screenshot("9_confirm")
        assert self.own_presets() == [PRESET], "deleted before it was confirmed"
        yield from window.press("Return")
        yield from self.wait_for(lambda: not self.own_presets(), "the preset to be deleted")

    def drive(self, window: Window) -> Iterator[float]:
        """A generated Rigify rig shows the choice between FK and IK."""
        sys.path.insert(0, str(window_session.REPOSITORY))
        from tests.blender import generated_rigs

        addon_utils.enable("rigify", default_set=True)
        for thing in list(bpy.data.objects):
            bpy.data.objects.remove(thing)
        generated_rigs.generate("basic", self.options.shots / "rigify.blend")
        window_session.select(bpy.data.objects[generated_rigs.NAME])
        yield 1.0
        settings = bpy.context.scene.mld
        yield from window.find("mld.regenerate")
        yield from window.open_panel("guidance_scale")
        yield from window.find("control_mode")
        window.screenshot("10_drive")
        assert settings.control_mode == "FK"
        yield from window.move_by(int(0.25 * window.sidebar.width), 0)
        yield from window.click()
        window.screenshot("11_drive_ik")
        self.result["control_mode"] = settings.control_mode
        assert settings.control_mode == "IK"

    def open_menu(self, window: Window) -> Iterator[float]:
        yield from window.find("mld.mirror_bones", from_below=True)
        yield from window.scroll_down(8)
        yield from window.find("mld.save_bone_preset", from_below=True)
        yield from window.move_by(int(-0.3 * window.sidebar.width), 0)
        yield from window.click()
        yield 0.3

    def own_presets(self) -> list[str]:
        return [preset.name for preset in window_session.module("bone_presets").library().own]


if __name__ == "__main__":
    BonesByHand(window_session.arguments("click_bones")).run()
