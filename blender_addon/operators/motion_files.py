# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files in AMASS's layout: keyed on the armature as a take, and written from one."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import bpy
from bpy_extras.io_utils import ExportHelper, ImportHelper

from .. import generation, targets
from ..animation import takes
from ..animation.editable import playback_obstacles
from ..animation.errors import AnimationError
from ..animation.metadata import TakeMetadata
from ..animation.source import read_source_meta, read_source_take
from ..chosen_path import chosen_path
from ..generation import Placement
from ..motion_files.files import SUFFIX, MotionFileError, read_motion_file, write_motion_file
from ..retarget.errors import RetargetError
from ..rig.snapshot import RigError
from .availability import allowed, export_blocked


class MLD_OT_import_motion(ImportHelper, bpy.types.Operator):
    """Key a motion file (AMASS .npz with SMPL, SMPL-H or SMPL-X poses) on the armature as a new take"""

    bl_idname = "mld.import_motion"
    bl_label = "Import Motion"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    filename_ext = SUFFIX
    filter_glob: bpy.props.StringProperty(default=f"*{SUFFIX}", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, targets.target_problem(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature, placement = targets.target_armature(context), Placement.of(context.scene)
        try:
            file = read_motion_file(_chosen(self.filepath))
            seconds = len(file.take.rotations) / file.take.fps
            metadata = TakeMetadata.from_file(file.meta, placement.scene_fps, file=file.name, seconds=seconds)
            action, warnings = generation.key_take(armature, file.take, metadata, placement, meta=file.meta)
        except (MotionFileError, RigError, RetargetError, AnimationError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        sentences = [*warnings, *playback_obstacles(armature)]
        if sentences:
            self.report({"WARNING"}, " ".join(sentences))
        else:
            self.report({"INFO"}, f"Keyed “{action.name}”, {seconds:.1f} s, on “{armature.name}”")
        return {"FINISHED"}


class MLD_OT_export_motion(ExportHelper, bpy.types.Operator):
    """Write the active take's motion, as it was before it was put on this armature, as AMASS .npz (SMPL-H poses)"""

    bl_idname = "mld.export_motion"
    bl_label = "Export Motion"
    bl_options: ClassVar = {"REGISTER"}

    filename_ext = SUFFIX
    filter_glob: bpy.props.StringProperty(default=f"*{SUFFIX}", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, export_blocked(context))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            take = takes.active_take(targets.target_armature(context))
            self.filepath = bpy.path.clean_name(take.name) + SUFFIX
        return super().invoke(context, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        action = takes.active_take(targets.target_armature(context))
        try:
            path = write_motion_file(_chosen(self.filepath), read_source_take(action), read_source_meta(action))
        except (MotionFileError, AnimationError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Wrote {path}")
        return {"FINISHED"}


def _chosen(filepath: str) -> Path:
    """The path as the file browser or a script gives it: `//` is the folder of the .blend file."""
    if not filepath:
        raise MotionFileError("No file is chosen.", "Choose one, or give its path as “filepath”.")
    if filepath.startswith("//") and not bpy.data.filepath:
        raise MotionFileError(
            "“//” is the folder of the .blend file, which was not saved yet.", "Save it first, or give the whole path."
        )
    return chosen_path(filepath)


CLASSES = (MLD_OT_import_motion, MLD_OT_export_motion)
