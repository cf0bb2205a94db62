# SPDX-License-Identifier: GPL-3.0-or-later
"""Save the armature's bone map as a preset, use one, delete one.

Saving and deleting change files, which Blender's undo does not take back; so only loading offers undo.
"""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import bone_presets, runtime, targets
from ..rig.blender_snapshot import read_rig
from ..rig.bone_map import from_preset
from ..rig.presets import Preset, PresetError, fingerprint
from ..rig.snapshot import RigError
from .availability import OnArmature

_DIALOG_PIXELS = 380
"""Wide enough for its longest label."""


class MLD_OT_save_bone_preset(OnArmature, bpy.types.Operator):
    """Keep these bones as a preset: every armature with the same bone names gets them, in other files too"""

    bl_idname = "mld.save_bone_preset"
    bl_label = "Save Bone Preset"

    name: bpy.props.StringProperty(
        name="Name", description="Name in the list of presets; one of the same name is replaced", options={"SKIP_SAVE"}
    )
    any_rig: bpy.props.BoolProperty(
        name="Also for Rigs with More Bones",
        description="Use it for every armature that has the chosen bones, whatever other bones it has",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self.name = self.name or targets.target_armature(context).name
        return context.window_manager.invoke_props_dialog(self, width=_DIALOG_PIXELS, confirm_text="Save")

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.use_property_decorate = False
        self.layout.prop(self, "name")
        self.layout.prop(self, "any_rig")

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = targets.target_armature(context)
        status = runtime.current().rig_status.status(armature)
        name = self.name.strip()
        problem = ""
        if not name:
            problem = "The preset needs a name. Type one."
        elif not status.bones:
            problem = f"“{armature.name}” has no bones chosen yet. Choose them in the list first."
        if problem:
            self.report({"ERROR"}, problem)
            return {"CANCELLED"}
        try:
            rig = read_rig(armature)
            bone_presets.save_own(Preset(name, dict(status.bones), "" if self.any_rig else fingerprint(rig)))
        except (RigError, PresetError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if status.usable:
            self.report({"INFO"}, f"Saved “{name}”: rigs with these bone names are now mapped by it")
        else:
            self.report({"WARNING"}, f"Saved “{name}”, which can be loaded but is not used by itself: {status.text}")
        return {"FINISHED"}


class MLD_OT_load_bone_preset(OnArmature, bpy.types.Operator):
    """Use the bones of this preset for the armature"""

    bl_idname = "mld.load_bone_preset"
    bl_label = "Load Bone Preset"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    preset: bpy.props.StringProperty(name="Preset", description="Name of the preset", options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = targets.target_armature(context)
        preset = bone_presets.library().find(self.preset)
        if preset is None:
            self.report({"ERROR"}, f"There is no bone preset “{self.preset}”. Choose one in the list of presets.")
            return {"CANCELLED"}
        try:
            detection = from_preset(read_rig(armature), preset)
        except RigError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if not detection.bone_map.bones:
            self.report(
                {"ERROR"},
                f"“{armature.name}” has none of the bones of “{preset.name}”: it belongs to another rig. "
                "Nothing was changed.",
            )
            return {"CANCELLED"}
        targets.store_bone_map(armature, detection)
        message, hint = targets.bone_map_problem(armature, detection)
        if message:
            self.report({"WARNING"}, f"{message} {hint}")
        else:
            self.report({"INFO"}, targets.mapped_line(detection))
        return {"FINISHED"}


class MLD_OT_delete_bone_preset(bpy.types.Operator):
    """Delete this preset's file. Armatures that already have its bones keep them"""

    bl_idname = "mld.delete_bone_preset"
    bl_label = "Delete Bone Preset"

    preset: bpy.props.StringProperty(name="Preset", description="Name of the preset", options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(
            self, event, title=self.bl_label, message=f"Delete “{self.preset}”?", confirm_text="Delete"
        )

    def execute(self, _context: bpy.types.Context) -> set[str]:
        known = bone_presets.library()
        if any(preset.name == self.preset for preset in known.shipped):
            self.report({"ERROR"}, f"“{self.preset}” comes with the add-on and stays. Your own presets can be deleted.")
            return {"CANCELLED"}
        try:
            bone_presets.delete_own(self.preset)
        except PresetError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Deleted the bone preset “{self.preset}”")
        return {"FINISHED"}


CLASSES = (MLD_OT_save_bone_preset, MLD_OT_load_bone_preset, MLD_OT_delete_bone_preset)
