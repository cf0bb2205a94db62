# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone plays which role, as detected, and by hand where that is wanted."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import bone_presets, hand_map, runtime, targets
from ..rig import roles
from ..targets import RigStatus
from .layout import MldPanel, reason, wrapped

_PLACES = {role: place for place, role in enumerate(roles.PANEL_ORDER)}
_SHOWN_PROBLEMS = 4


class MLD_UL_bones(bpy.types.UIList):
    """The roles, each with its bone. The rows are the properties of `Object.mld.bones`"""

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _properties: object,
        item: bpy.types.Property,
        _icon: int,
        _active_data: object,
        _active_property: str,
        _index: int = 0,
    ) -> None:
        status = runtime.current().rig_status.last
        role = item.identifier
        bone = status.bones.get(role, "")
        doubtful = any(problem.role == role for problem in status.problems)
        row = layout.split(factor=0.5, align=True)
        row.alert = doubtful
        row.label(text=roles.LABELS[role])
        # The icon is on the bone's side: role names take all the width that a narrow sidebar has for them.
        row.label(text=bone or ("missing" if doubtful else "none"), icon="ERROR" if doubtful else "NONE")

    def filter_items(
        self, _context: bpy.types.Context, data: bpy.types.Struct, collection: str
    ) -> tuple[list[int], list[int]]:
        """The roles from the hips upwards; what else a group of properties has is hidden."""
        names = [item.identifier for item in getattr(data, collection)]
        bones = runtime.current().rig_status.last.bones
        typed = self.filter_name.casefold()
        flags = []
        for name in names:
            text = f"{roles.LABELS.get(name, '')} {bones.get(name, '')}".casefold()
            flags.append(self.bitflag_filter_item if name in _PLACES and typed in text else 0)
        by_place = sorted(range(len(names)), key=lambda index: _PLACES.get(names[index], len(names)))
        order = [0] * len(names)
        for place, index in enumerate(by_place):
            order[index] = place
        return flags, order


class MLD_MT_delete_bone_preset(bpy.types.Menu):
    bl_idname = "MLD_MT_delete_bone_preset"
    bl_label = "Delete Preset"

    def draw(self, _context: bpy.types.Context) -> None:
        for preset in bone_presets.library().own:
            self.layout.operator("mld.delete_bone_preset", text=preset.name, icon="TRASH").preset = preset.name


class MLD_MT_bone_presets(bpy.types.Menu):
    bl_idname = "MLD_MT_bone_presets"
    bl_label = "Presets"

    def draw(self, _context: bpy.types.Context) -> None:
        known = bone_presets.library()
        for title, listed in (("Yours", known.own), ("From the Add-on", known.shipped)):
            if listed:
                self.layout.label(text=title)
            for preset in listed:
                self.layout.operator("mld.load_bone_preset", text=preset.name).preset = preset.name
        if known.own:
            self.layout.separator()
            self.layout.menu(MLD_MT_delete_bone_preset.bl_idname, icon="TRASH")


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
        if status.bones and status.source != targets.BY_HAND:
            self.layout.label(text=f"Confidence {status.confidence:.0%}", icon="BLANK1")
        properties = armature.mld.bones.bl_rna
        self.layout.template_list("MLD_UL_bones", "", properties, "properties", armature.mld, "role_index", rows=8)
        self._draw_selected(context, armature, status)
        self._draw_problems(context, status)
        row = self.layout.row(align=True)
        row.operator("mld.mirror_bones", text="Mirror L to R", icon="MOD_MIRROR").side = "left"
        row.operator("mld.mirror_bones", text="R to L").side = "right"
        row = self.layout.row(align=True)
        row.menu(MLD_MT_bone_presets.bl_idname, icon="PRESET")
        row.operator("mld.save_bone_preset", text="", icon="ADD")
        for message in bone_presets.library().messages:
            wrapped(self.layout, context, f"Left out: {message}", "ERROR")

    def _draw_selected(self, context: bpy.types.Context, armature: bpy.types.Object, status: RigStatus) -> None:
        role = hand_map.selected_role(armature)
        column = self.layout.column(align=True)
        column.label(text=roles.LABELS[role])
        row = column.row(align=True)
        if status.bones and targets.stored_bone_map(armature) is None:
            # The stored properties are still empty, and setting one of them would drop the bones that are shown.
            row.label(text=status.bones.get(role, "none"))
            row.operator("mld.clear_bone", text="", icon="X")
        else:
            row.prop_search(armature.mld.bones, role, armature.data, "bones", text="")
        row.operator("mld.bone_from_selection", text="", icon="EYEDROPPER")
        if status.usable and targets.stored_bone_map(armature) is None:
            wrapped(self.layout, context, "Found anew for each take. Detect Bones writes them down, to be changed.")

    def _draw_problems(self, context: bpy.types.Context, status: RigStatus) -> None:
        """What the line at the top does not say already: the other odd things about single roles."""
        messages = [problem.message for problem in status.problems if problem.message not in status.text]
        messages = [message for message in messages if not message.endswith("has no bone.")]
        for message in messages[:_SHOWN_PROBLEMS]:
            wrapped(self.layout, context, message, "ERROR")
        if len(messages) > _SHOWN_PROBLEMS:
            self.layout.label(text=f"… and {len(messages) - _SHOWN_PROBLEMS} more", icon="BLANK1")


CLASSES = (MLD_UL_bones, MLD_MT_delete_bone_preset, MLD_MT_bone_presets, MLD_PT_bones)
