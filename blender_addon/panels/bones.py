# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone plays which role, as detected, and by hand where that is wanted."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import runtime, targets
from ..rig import roles
from .layout import MldPanel, reason, wrapped


class MLD_PT_bones(MldPanel, bpy.types.Panel):
    bl_idname = "MLD_PT_bones"
    bl_label = "Bones"
    bl_parent_id = "MLD_PT_main"
    bl_options: ClassVar = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return targets.target_armature(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        armature = targets.target_armature(context)
        self.layout.operator("mld.detect_bones", icon="VIEWZOOM")
        blocked = targets.target_problem(context)
        if blocked:
            reason(self.layout, context, blocked)
            return
        status = runtime.current().rig_status.status(armature)
        wrapped(self.layout, context, status.text, "CHECKMARK" if status.usable else "ERROR")
        if targets.stored_bone_map(armature) is None:
            wrapped(self.layout, context, "Found anew for each take. Detect Bones writes them down, to be changed.")
            return
        column = self.layout.column(align=True)
        for role in roles.PANEL_ORDER:
            row = column.split(factor=0.46, align=True)
            row.alert = role in roles.REQUIRED and not getattr(armature.mld.bones, role)
            row.label(text=roles.LABELS[role])
            row.prop_search(armature.mld.bones, role, armature.data, "bones", text="")


CLASSES = (MLD_PT_bones,)
