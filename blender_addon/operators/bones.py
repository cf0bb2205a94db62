# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones play which roles: detected, taken from the selection, mirrored. And an armature to try things on."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import bone_presets, hand_map, runtime, targets
from ..rig import roles
from ..rig.blender_mannequin import add_mannequin
from ..rig.blender_snapshot import read_rig
from ..rig.bone_map import detect
from ..rig.snapshot import RigError
from .availability import OnArmature, allowed


class MLD_OT_detect_bones(OnArmature, bpy.types.Operator):
    """Find out which bones are the hips, the spine and the limbs, and write them over those chosen by hand"""

    bl_idname = "mld.detect_bones"
    bl_label = "Detect Bones"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = targets.target_armature(context)
        try:
            rig = read_rig(armature)
        except RigError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        presets = bone_presets.reload()
        for unread in presets.messages:
            self.report({"WARNING"}, f"Bone map left out: {unread}")
        detection = detect(rig, presets.for_detection)
        message, hint = targets.bone_map_problem(armature, detection)
        targets.store_bone_map(armature, detection)
        if message:
            # Finished all the same: the bones that were found are a start for choosing the others.
            self.report({"ERROR"}, f"{message} {hint}")
        else:
            self.report({"INFO"}, targets.mapped_line(detection))
        return {"FINISHED"}


class _RoleOperator(OnArmature):
    """An operator on the bone of one role of the target armature."""

    role: bpy.props.StringProperty(
        name="Role", description="Role, such as left_elbow; empty: the one selected in the list", options={"SKIP_SAVE"}
    )

    def chosen(self, armature: bpy.types.Object) -> str | None:
        """Reports and returns None when there is no such role."""
        role = self.role or hand_map.selected_role(armature)
        if role not in roles.LABELS:
            self.report({"ERROR"}, f"There is no role “{role}”. Roles are: {', '.join(roles.ROLES)}.")
            return None
        return role


class MLD_OT_bone_from_selection(_RoleOperator, bpy.types.Operator):
    """Take the armature's active bone, the one clicked last in Pose Mode, for this role"""

    bl_idname = "mld.bone_from_selection"
    bl_label = "Use Active Bone"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        blocked = targets.target_problem(context)
        if not blocked and targets.target_armature(context).data.bones.active is None:
            blocked = "No bone is active. Click the bone in Pose Mode first."
        return allowed(cls, blocked)

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = targets.target_armature(context)
        role = self.chosen(armature)
        if role is None:
            return {"CANCELLED"}
        bone = armature.data.bones.active.name
        hand_map.choose_bone(armature, role, bone)
        self.report({"INFO"}, f"{roles.LABELS[role]}: {bone}")
        return {"FINISHED"}


class MLD_OT_clear_bone(_RoleOperator, bpy.types.Operator):
    """Leave this role without a bone"""

    bl_idname = "mld.clear_bone"
    bl_label = "Clear Bone"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = targets.target_armature(context)
        role = self.chosen(armature)
        if role is None:
            return {"CANCELLED"}
        hand_map.choose_bone(armature, role, "")
        return {"FINISHED"}


class MLD_OT_mirror_bones(OnArmature, bpy.types.Operator):
    """Give the roles of the other side the counterparts of this side's bones, by their names, else by their place"""

    bl_idname = "mld.mirror_bones"
    bl_label = "Mirror Bones"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    side: bpy.props.EnumProperty(
        name="From",
        description="The side whose bones are right",
        items=(
            ("left", "Left to Right", "Set the right side from the left one"),
            ("right", "Right to Left", "Set the left side from the right one"),
        ),
        default="left",
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = targets.target_armature(context)
        try:
            found = hand_map.mirrored(armature, self.side)
        except RigError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        bones = {**found.by_name, **found.by_place}
        if not bones:
            self.report({"ERROR"}, self._nothing(armature, found))
            return {"CANCELLED"}
        for role, bone in bones.items():
            hand_map.choose_bone(armature, role, bone)
        text = f"Mirrored {len(bones)} bones"
        if found.by_place:
            text += f", {len(found.by_place)} of them by their place: check {', '.join(found.by_place.values())}"
        if found.without:
            text += f". No counterpart for {', '.join(roles.LABELS[role] for role in found.without)}"
        self.report({"WARNING" if found.without else "INFO"}, text)
        return {"FINISHED"}

    def _nothing(self, armature: bpy.types.Object, found: hand_map.Mirrored) -> str:
        if not found.without:
            return f"No bones are chosen on the {self.side} side. Choose them first, then mirror them."
        bone = runtime.current().rig_status.status(armature).bones[found.without[0]]
        return (
            f"Nothing can be mirrored: bones such as “{bone}” have no counterpart, by name or by place. "
            "Choose the bones of the other side in the list."
        )


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


CLASSES = (
    MLD_OT_detect_bones,
    MLD_OT_bone_from_selection,
    MLD_OT_clear_bone,
    MLD_OT_mirror_bones,
    MLD_OT_add_mannequin,
)
