# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the model, and find those that were added."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import preferences, runtime
from ..engine_client import timer
from .folders import open_folder


class MLD_OT_use_pack(bpy.types.Operator):
    """Make motion with this model. Steps and guidance scale become the ones that suit it"""

    bl_idname = "mld.use_pack"
    bl_label = "Use Model"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    pack: bpy.props.StringProperty(name="Model")

    def execute(self, context: bpy.types.Context) -> set[str]:
        live, settings = runtime.current(), context.scene.mld
        vocabulary = live.packs.get(self.pack)
        if vocabulary is None:
            self.report({"ERROR"}, f"There is no model “{self.pack}” here. Models here: {', '.join(live.packs)}.")
            return {"CANCELLED"}
        settings.pack = vocabulary.pack
        settings.steps, settings.guidance_scale = vocabulary.steps, vocabulary.guidance_scale
        if vocabulary.lacks(settings.condition):
            settings.condition = vocabulary.conditions[0]
        if settings.action_label not in vocabulary.actions:
            settings.action_label = ""
        if settings.style_label not in vocabulary.styles:
            settings.style_label = ""
        return {"FINISHED"}


class MLD_OT_find_packs(bpy.types.Operator):
    """Look again for models in the folders that may have some"""

    bl_idname = "mld.find_packs"
    bl_label = "Look for Models"
    bl_options: ClassVar = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        live = runtime.current()
        live.find_packs()
        self.report({"INFO"}, f"Models here: {', '.join(live.packs)}")
        timer.redraw()
        return {"FINISHED"}


class MLD_OT_open_packs_folder(bpy.types.Operator):
    """Open the folder for models of your own; each one lies in a folder there"""

    bl_idname = "mld.open_packs_folder"
    bl_label = "Open Folder of Models"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return open_folder(self, preferences.own_packs_folder(), "Models of your own go into")


CLASSES = (MLD_OT_use_pack, MLD_OT_find_packs, MLD_OT_open_packs_folder)
