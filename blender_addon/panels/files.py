# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes from files and goes into them: motion in AMASS's layout, bodies of the user's own SMPL file."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import targets
from ..operators.availability import export_blocked
from ..operators.smpl_body import add_body_blocked
from ..smpl_body.blender_shape import body_mesh, bones_fit, is_body, sliders
from .layout import MldPanel, reason


class MLD_PT_files(MldPanel, bpy.types.Panel):
    bl_idname = "MLD_PT_files"
    bl_label = "Files and Bodies"
    bl_parent_id = "MLD_PT_main"
    bl_options: ClassVar = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        column = layout.column(align=True)
        column.operator("mld.import_motion", icon="IMPORT")
        column.operator("mld.export_motion", icon="EXPORT")
        if blocked := targets.target_problem(context):
            reason(layout, context, blocked)
        elif blocked := export_blocked(context):
            reason(layout, context, f"Export: {blocked}")
        layout.separator()
        layout.operator("mld.add_smpl_body", icon="OUTLINER_OB_ARMATURE")
        if blocked := add_body_blocked(context):
            reason(layout, context, blocked)
        armature = targets.target_armature(context)
        if armature is not None and is_body(armature):
            _draw_shape(layout, context, armature)


def _draw_shape(layout: bpy.types.UILayout, context: bpy.types.Context, armature: bpy.types.Object) -> None:
    item = body_mesh(armature)
    if item is not None:
        column = layout.column(align=True)
        for key in sliders(item):
            column.prop(key, "value", text=key.name, slider=True)
    layout.operator("mld.fit_body_bones", icon="BONE_DATA")
    if item is not None and not bones_fit(armature, item):
        reason(layout, context, "The bones do not fit this shape yet.")


CLASSES = (MLD_PT_files,)
