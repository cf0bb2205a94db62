# SPDX-License-Identifier: GPL-3.0-or-later
"""Add a body of the user's own SMPL file, and fit its bones to its shape.

The engine reads the file in a process of its own. In a window the operator stays modal until that has ended, with
everything else going on; in background mode it waits.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import bpy
from bpy_extras.io_utils import ImportHelper

from .. import runtime
from ..animation import undo
from ..chosen_path import chosen_path
from ..contract import source_root
from ..engine_client import timer
from ..engine_client.locate import EngineMissing
from ..smpl_body.blender_body import add_body
from ..smpl_body.blender_shape import body_mesh, fit_bones, is_body
from ..smpl_body.conversion import BodyError, Conversion
from ..targets import target_armature, target_problem
from .availability import allowed

_LOOK_SECONDS = 0.1


class MLD_OT_add_smpl_body(ImportHelper, bpy.types.Operator):
    """Add a skinned body from the user's own model file."""

    bl_idname = "mld.add_smpl_body"
    bl_label = "Add SMPL Body"
    bl_description = (
        "Add a skinned body from your own SMPL, SMPL-H or SMPL-X file (.npz or .pkl), which smpl.is.tue.mpg.de "
        "gives to those who accept its licence. What is made of the file stays under that licence"
    )
    # Without UNDO: the file browser would record a step when the engine starts, before there is a body.
    bl_options: ClassVar = {"REGISTER"}

    filter_glob: bpy.props.StringProperty(default="*.npz;*.pkl", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, add_body_blocked(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        location = runtime.current().location(fresh=True)
        if isinstance(location, EngineMissing):
            return self._fail(f"{location.message} {location.hint}")
        if not self.filepath:
            return self._fail("No file is chosen. Choose your own SMPL, SMPL-H or SMPL-X file.")
        path = chosen_path(self.filepath)
        try:
            self._conversion = Conversion(
                location.python, path, source_root=Path(source_root()), environment=os.environ
            )
            if bpy.app.background:
                self._conversion.wait()
                return self._finish(context)
        except BodyError as error:
            return self._fail(str(error))
        manager = context.window_manager
        self._timer = manager.event_timer_add(_LOOK_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        self._show(context, path.name)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" and event.value == "PRESS" and self._conversion.running:
            self.cancel(context)
            self.report({"INFO"}, "The body was not added.")
            return {"CANCELLED"}
        # Adding objects needs Object Mode: an edit of the animator's is waited for.
        if event.type != "TIMER" or self._conversion.running or context.mode != "OBJECT":
            return {"PASS_THROUGH"}
        self._end_waiting(context)
        return self._finish(context)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender closes, opens another file, or Esc was pressed."""
        self._end_waiting(context)
        self._conversion.close()

    def _finish(self, context: bpy.types.Context) -> set[str]:
        try:
            made = self._conversion.result()
            with undo.step(self.bl_label):
                armature = add_body(context, made, made.model)
        except BodyError as error:
            return self._fail(str(error))
        finally:
            self._conversion.close()
        self.report({"INFO"}, f"Added “{armature.name}”: {len(made.joints)} bones, {len(made.betas)} shape sliders")
        return {"FINISHED"}

    def _end_waiting(self, context: bpy.types.Context) -> None:
        context.window_manager.event_timer_remove(self._timer)
        self._show(context, "")

    def _show(self, context: bpy.types.Context, file_name: str) -> None:
        """In the panel and in the status bar which file is being read; nothing for an empty name."""
        runtime.current().body_file = file_name
        if context.workspace is not None:
            context.workspace.status_text_set(_reading(file_name) if file_name else None)
        timer.redraw()

    def _fail(self, text: str) -> set[str]:
        self.report({"ERROR"}, text)
        return {"CANCELLED"}


class MLD_OT_fit_body_bones(bpy.types.Operator):
    """Move the bones of a body onto the joints of its shape."""

    bl_idname = "mld.fit_body_bones"
    bl_label = "Fit Bones to Shape"
    bl_description = (
        "Move the bones onto the joints of the shape that the sliders show, and the soles onto the floor. Pose and "
        "takes are kept; Apply to Take then fits a take's travel to the new legs"
    )
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, fit_bones_blocked(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        armature = target_armature(context)
        before = context.view_layer.objects.active
        context.view_layer.objects.active = armature
        try:
            fit_bones(context, armature)
        except BodyError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        finally:
            context.view_layer.objects.active = before
        return {"FINISHED"}


def _reading(file_name: str) -> str:
    return f"Reading {file_name}. Esc stops it."


def add_body_blocked(context: bpy.types.Context) -> str:
    if file_name := runtime.current().body_file:
        return _reading(file_name)
    location = runtime.current().location()
    if isinstance(location, EngineMissing):
        return f"{location.message} {location.hint}"
    return "" if context.mode == "OBJECT" else "Switch to Object Mode first."


def fit_bones_blocked(context: bpy.types.Context) -> str:
    blocked = target_problem(context)
    if blocked:
        return blocked
    armature = target_armature(context)
    if not is_body(armature):
        return f"“{armature.name}” is no body of an SMPL file. Add one with Add SMPL Body."
    if body_mesh(armature) is None:
        return f"The mesh of “{armature.name}”, which has the sliders, is gone. Add the body again from its file."
    if armature.data.library is not None:
        return f"The bones of “{armature.name}” are linked from another file. Open that file to move them."
    if not armature.visible_get():
        return f"“{armature.name}” is hidden. Show it first."
    return "" if context.mode in ("OBJECT", "POSE") else "Switch to Object Mode or Pose Mode first."


CLASSES = (MLD_OT_add_smpl_body, MLD_OT_fit_body_bones)
