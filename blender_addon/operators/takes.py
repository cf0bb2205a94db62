# SPDX-License-Identifier: GPL-3.0-or-later
"""Switch to a take, delete one, push one down to an NLA strip."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import targets
from ..animation import nla, takes
from ..animation.errors import AnimationError
from ..targets import target_armature
from .availability import allowed, take_blocked


class _NamedTake:
    """An operator on one take of the target armature: the named one, else the active one."""

    take: bpy.props.StringProperty(
        name="Take", description="Name of the take's Action; empty: the active take", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, targets.target_problem(context))

    def chosen(self, armature: bpy.types.Object) -> bpy.types.Action | None:
        """Reports and returns None when there is no such take."""
        if not self.take:
            action = takes.active_take(armature)
            if action is None:
                self.report({"ERROR"}, f"“{armature.name}” plays no take. Choose one in the list.")
            return action
        action = next((item for item in takes.list_takes(armature) if item.name == self.take), None)
        if action is None:
            self.report({"ERROR"}, f"“{armature.name}” has no take “{self.take}”. Choose one in the list.")
        return action


class MLD_OT_use_take(_NamedTake, bpy.types.Operator):
    """Play this take on the armature"""

    bl_idname = "mld.use_take"
    bl_label = "Use Take"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = target_armature(context)
        action = self.chosen(armature)
        if action is None:
            return {"CANCELLED"}
        try:
            takes.activate_take(armature, action)
        except AnimationError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class MLD_OT_delete_take(_NamedTake, bpy.types.Operator):
    """Delete the take and its keys. A take that an NLA strip plays cannot be deleted"""

    bl_idname = "mld.delete_take"
    bl_label = "Delete Take"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = target_armature(context)
        action = self.chosen(armature)
        if action is None:
            return {"CANCELLED"}
        name = action.name
        try:
            takes.delete_take(action)
        except AnimationError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Deleted “{name}”")
        return {"FINISHED"}


class MLD_OT_bake_to_nla(bpy.types.Operator):
    """Push the active take to an NLA strip on a new track above the others"""

    bl_idname = "mld.bake_to_nla"
    bl_label = "Bake to NLA Strip"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, take_blocked(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            strip = nla.bake_to_nla(target_armature(context))
        except AnimationError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"“{strip.name}” is now an NLA strip; the armature is ready for the next take")
        return {"FINISHED"}


CLASSES = (MLD_OT_use_take, MLD_OT_delete_take, MLD_OT_bake_to_nla)
