# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that a first take does not need."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import runtime, targets
from .layout import MldPanel


class MLD_PT_advanced(MldPanel, bpy.types.Panel):
    bl_idname = "MLD_PT_advanced"
    bl_label = "Advanced"
    bl_parent_id = "MLD_PT_main"
    bl_options: ClassVar = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.mld
        column = self.layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        for name in ("guidance_scale", "steps", "variations"):
            column.prop(settings, name)
        column.separator()
        for name in ("start_at_playhead", "in_place", "foot_lock", "scale_root"):
            column.prop(settings, name)
        self._draw_drive(context, column)
        column.separator()
        column.prop(settings, "key_reduction")
        row = column.row()
        row.active = settings.key_reduction != "NONE"
        row.prop(settings, "key_error_degrees")

    def _draw_drive(self, context: bpy.types.Context, column: bpy.types.UILayout) -> None:
        """FK or IK, for armatures that have such controls."""
        armature = targets.target_armature(context)
        if armature is None or targets.target_problem(context):
            return
        modes = runtime.current().rig_status.status(armature).control_modes
        if modes:
            row = column.row()
            row.enabled = len(modes) > 1
            row.prop(context.scene.mld, "control_mode", expand=True)


CLASSES = (MLD_PT_advanced,)
