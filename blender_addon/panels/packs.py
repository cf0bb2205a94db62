# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of the model, with what each one's licence allows."""

from __future__ import annotations

import bpy

from .. import runtime


class MLD_MT_packs(bpy.types.Menu):
    bl_idname = "MLD_MT_packs"
    bl_label = "Model"

    def draw(self, context: bpy.types.Context) -> None:
        layout, chosen = self.layout, context.scene.mld.pack
        for vocabulary in runtime.current().packs.values():
            text = f"{vocabulary.pack} ({vocabulary.licence})" if vocabulary.licence else vocabulary.pack
            icon = "CHECKMARK" if vocabulary.pack == chosen else "BLANK1"
            layout.operator("mld.use_pack", text=text, icon=icon).pack = vocabulary.pack
        layout.separator()
        layout.operator("mld.find_packs", icon="FILE_REFRESH")
        layout.operator("mld.open_packs_folder", icon="FILE_FOLDER")


CLASSES = (MLD_MT_packs,)
