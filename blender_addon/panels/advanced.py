# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that a first take does not need."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import runtime, targets
from ..operators.availability import rekey_blocked, take_blocked
from .layout import MldPanel, reason


class MLD_PT_advanced(MldPanel, bpy.types.Panel):
    bl_idname = "MLD_PT_advanced"
    bl_label = "Advanced"
    bl_parent_id = "MLD_PT_main"
    bl_options: ClassVar = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.mld
        # No split into labels and fields: half of a narrow sidebar is too little for either.
        column = self.layout.column()
        _draw_sampling(settings, column, context)
        column.separator()
        status = _rig_status(context)
        column.prop(settings, "start_at_playhead")
        column.prop(settings, "in_place")
        if settings.in_place:
            column.row(align=True).prop(settings, "in_place_axes", expand=True)
        for name in ("foot_lock", "scale_root"):
            column.prop(settings, name)
        _draw_root(settings, column, status)
        _draw_drive(settings, column, status)
        if status is not None and status.has_fingers:
            column.prop(settings, "relax_fingers")
        column.separator()
        column.prop(settings, "blend_in_frames")
        column.prop(settings, "blend_out_frames")
        column.separator()
        _draw_keys(settings, column)
        self.layout.operator("mld.rekey_take", icon="FILE_REFRESH")
        if not take_blocked(context) and (blocked := rekey_blocked(context)):
            reason(self.layout, context, blocked)


def _draw_sampling(settings: bpy.types.PropertyGroup, column: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """A few-step model takes certain numbers of steps only, and has its own guidance scale for each."""
    vocabulary = runtime.current().vocabulary(context.scene)
    guidance = column.row()
    guidance.enabled = not vocabulary.few_step
    guidance.prop(settings, "guidance_scale")
    column.prop(settings, "steps")
    if vocabulary.few_step:
        counts = ", ".join(str(count) for count in vocabulary.step_counts)
        reason(column, context, f"“{vocabulary.pack}” works with {counts} steps, each with its own guidance scale.")
    column.prop(settings, "variations")


def _rig_status(context: bpy.types.Context) -> targets.RigStatus | None:
    """What is known of the armature's bones; None without an armature that can be keyed."""
    armature = targets.target_armature(context)
    if armature is None or targets.target_problem(context):
        return None
    return runtime.current().rig_status.status(armature)


def _draw_root(settings: bpy.types.PropertyGroup, column: bpy.types.UILayout, status: targets.RigStatus | None) -> None:
    """The root bone is offered where there is one, and shown where it is chosen and missing."""
    column.label(text="Travel is keyed on:")
    row = column.row(align=True)
    row.prop_enum(settings, "root_target", "HIPS")
    if (status is not None and status.root_bone) or settings.root_target == "ROOT_BONE":
        row.prop_enum(settings, "root_target", "ROOT_BONE")
    row.prop_enum(settings, "root_target", "OBJECT")


def _draw_drive(
    settings: bpy.types.PropertyGroup, column: bpy.types.UILayout, status: targets.RigStatus | None
) -> None:
    """FK or IK, for armatures that have such controls."""
    if status is not None and status.control_modes:
        column.label(text="Arms and legs are driven by:")
        row = column.row(align=True)
        row.enabled = len(status.control_modes) > 1
        row.prop(settings, "control_mode", expand=True)


def _draw_keys(settings: bpy.types.PropertyGroup, column: bpy.types.UILayout) -> None:
    """How many keys, and for reduced ones how they are made."""
    column.label(text="Keys:")
    column.prop(settings, "key_reduction", text="")
    if settings.key_reduction == "BEZIER":
        column.label(text="Handles:")
        column.prop(settings, "key_handles", text="")
    if settings.key_reduction != "NONE":
        column.prop(settings, "key_error_degrees")


CLASSES = (MLD_PT_advanced,)
