# SPDX-License-Identifier: GPL-3.0-or-later
"""Small helps beside the fields: another seed, the nearest possible length, the log."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import generation, preferences, runtime
from .availability import allowed, generate_blocked
from .folders import open_folder


class MLD_OT_random_seed(bpy.types.Operator):
    """Put another seed into the field and keep it for the next requests"""

    bl_idname = "mld.random_seed"
    bl_label = "New Seed"
    bl_options: ClassVar = {"REGISTER", "UNDO", "INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.mld
        settings.seed = generation.random_seed(other_than=settings.seed)
        settings.use_random_seed = False
        return {"FINISHED"}


class MLD_OT_use_limit_seconds(bpy.types.Operator):
    """Set the length to the nearest one that the model can make"""

    bl_idname = "mld.use_limit_seconds"
    bl_label = "Use Possible Length"
    bl_options: ClassVar = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        notice = runtime.current().notice
        offered = notice is not None and notice.offered_seconds is not None
        return allowed(cls, "" if offered else "The last request's length was possible.")

    def execute(self, context: bpy.types.Context) -> set[str]:
        live = runtime.current()
        context.scene.mld.seconds = live.notice.offered_seconds
        live.notice = None
        return {"FINISHED"}


class MLD_OT_chain_segments(bpy.types.Operator):
    """Make this length from segments that fade into each other"""

    bl_idname = "mld.chain_segments"
    bl_label = "Chain Segments"
    bl_options: ClassVar = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        notice = runtime.current().notice
        offered = notice is not None and notice.offered_segments > 0
        return allowed(cls, generate_blocked(context) if offered else "The last request's length was possible.")

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.scene.mld.chain_segments = True
        runtime.current().notice = None
        try:
            return bpy.ops.mld.generate()
        except RuntimeError as refused:
            # Generate has told the panel already.
            self.report({"ERROR"}, str(refused).removeprefix("Error: ").strip())
            return {"CANCELLED"}


class MLD_OT_dismiss(bpy.types.Operator):
    """Clear the message"""

    bl_idname = "mld.dismiss"
    bl_label = "Clear Message"
    bl_options: ClassVar = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        runtime.current().notice = None
        return {"FINISHED"}


class MLD_OT_show_log(bpy.types.Operator):
    """Open the folder with the logs of the engine and of the installation"""

    bl_idname = "mld.show_log"
    bl_label = "Open Log Folder"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return open_folder(self, preferences.log_dir(), "The logs are in")


CLASSES = (MLD_OT_random_seed, MLD_OT_use_limit_seconds, MLD_OT_chain_segments, MLD_OT_dismiss, MLD_OT_show_log)
