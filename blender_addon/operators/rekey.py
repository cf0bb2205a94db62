# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the panel's settings on the active take, from the motion that it keeps: the engine is not asked."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import targets
from ..animation import takes
from ..animation.errors import AnimationError
from ..animation.rekey import rekey_take
from ..animation.source import read_source_take
from ..keying import keyed_motion
from ..retarget.errors import RetargetError
from ..rig.snapshot import RigError
from ..take_options import TakeOptions
from .availability import allowed, rekey_blocked


class MLD_OT_rekey_take(bpy.types.Operator):
    """Key the active take anew with the settings above, from its stored motion. Its own keys are replaced"""

    bl_idname = "mld.rekey_take"
    bl_label = "Apply to Take"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, rekey_blocked(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = targets.target_armature(context)
        action = takes.active_take(armature)
        try:
            warnings = _rekey(context.scene, armature, action)
        except (RigError, RetargetError, AnimationError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if warnings:
            self.report({"WARNING"}, " ".join(warnings))
        else:
            self.report({"INFO"}, f"Keyed “{action.name}” anew")
        return {"FINISHED"}


def _rekey(scene: bpy.types.Scene, armature: bpy.types.Object, action: bpy.types.Action) -> tuple[str, ...]:
    """Returns what could not be followed."""
    options, fps = TakeOptions.of(scene.mld), scene.render.fps / scene.render.fps_base
    keyed = keyed_motion(
        armature,
        read_source_take(action),
        options,
        start_frame=takes.read_start_frame(action),
        scene_fps=fps,
        seconds=takes.read_metadata(action).seconds,
    )
    rekey_take(
        armature,
        action,
        keyed.track,
        rig=keyed.rig,
        bone_map=keyed.bone_map,
        before=keyed.before,
        options=options.to_properties(),
        fps=fps,
        key_reduction=options.key_reduction,
        key_handles=options.key_handles,
        key_error_degrees=options.key_error_degrees,
    )
    return keyed.track.warnings


CLASSES = (MLD_OT_rekey_take,)
