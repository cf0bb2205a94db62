# SPDX-License-Identifier: GPL-3.0-or-later
"""The takes of the armature: one click plays another one."""

from __future__ import annotations

import bpy

from .. import targets
from ..animation import takes
from ..operators.availability import take_blocked
from .layout import MldPanel, reason


class MLD_UL_takes(bpy.types.UIList):
    """The Actions of the file, of which only the armature's takes are shown"""

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        armature: bpy.types.Object,
        action: bpy.types.Action,
        _icon: int,
        _active_data: object,
        _active_property: str,
        _index: int = 0,
    ) -> None:
        row = layout.row(align=True)
        row.prop(action, "name", text="", emboss=False)
        remove = row.operator("mld.delete_take", text="", icon="TRASH", emboss=False)
        remove.take = action.name

    def filter_items(
        self, context: bpy.types.Context, data: bpy.types.BlendData, collection: str
    ) -> tuple[list[int], list[int]]:
        """Newest take first; all other Actions hidden."""
        actions = list(getattr(data, collection))
        places = {action.name: place for place, action in enumerate(takes.list_takes(targets.target_armature(context)))}
        typed = self.filter_name.casefold()
        flags = [
            self.bitflag_filter_item if action.name in places and typed in action.name.casefold() else 0
            for action in actions
        ]
        by_age = sorted(range(len(actions)), key=lambda index: places.get(actions[index].name, len(actions)))
        order = [0] * len(actions)
        for place, index in enumerate(by_age):
            order[index] = place
        return flags, order


class MLD_PT_takes(MldPanel, bpy.types.Panel):
    bl_idname = "MLD_PT_takes"
    bl_label = "Takes"
    bl_parent_id = "MLD_PT_main"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = targets.target_armature(context)
        return armature is not None and bool(takes.list_takes(armature))

    def draw(self, context: bpy.types.Context) -> None:
        armature = targets.target_armature(context)
        self.layout.template_list("MLD_UL_takes", "", bpy.data, "actions", armature.mld, "take_index", rows=3)
        self.layout.operator("mld.bake_to_nla", icon="NLA_PUSHDOWN")
        blocked = take_blocked(context)
        if blocked:
            reason(self.layout, context, blocked)


CLASSES = (MLD_UL_takes, MLD_PT_takes)
