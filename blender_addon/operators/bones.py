# SPDX-License-Identifier: GPL-3.0-or-later
"""Detect the bones of the selected armature; add an armature to try things on."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import targets
from ..rig.blender_mannequin import add_mannequin
from ..rig.blender_snapshot import read_rig
from ..rig.bone_map import detect
from ..rig.snapshot import RigError
from .availability import allowed


class MLD_OT_detect_bones(bpy.types.Operator):
    """Find out which bones are the hips, the spine and the limbs, and write them down under Bones"""

    bl_idname = "mld.detect_bones"
    bl_label = "Detect Bones"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, targets.target_problem(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = targets.target_armature(context)
        try:
            rig = read_rig(armature)
        except RigError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        detection = detect(rig, targets.known_presets())
        message, hint = targets.bone_map_problem(armature, detection)
        targets.store_bone_map(armature, detection)
        if message:
            # Finished all the same: the bones that were found are a start for choosing the others.
            self.report({"ERROR"}, f"{message} {hint}")
        else:
            self.report({"INFO"}, targets.mapped_line(detection))
        return {"FINISHED"}


class MLD_OT_add_mannequin(bpy.types.Operator):
    """Add a figure of average build at the 3D cursor, for a first try"""

    bl_idname = "mld.add_mannequin"
    bl_label = "Add Mannequin"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, "" if context.mode == "OBJECT" else "Switch to Object Mode first.")

    def execute(self, context: bpy.types.Context) -> set[str]:
        add_mannequin(context)
        return {"FINISHED"}


CLASSES = (MLD_OT_detect_bones, MLD_OT_add_mannequin)
