# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate, regenerate and cancel.

In a window the request is sent and the operator returns; the timer keys the takes as they arrive. In
background mode there is no main loop, so the operators return when the keys are there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import bpy

from .. import generation, runtime, targets
from ..animation import takes
from ..animation.errors import AnimationError
from ..engine_client import timer
from ..engine_client.locate import EngineMissing
from ..generation import Job, NotPossible, Placement
from ..notices import Notice
from .availability import allowed, generate_blocked, regenerate_blocked


def _run(operator: bpy.types.Operator, job: Job) -> set[str]:
    live = runtime.current()
    live.submit(job)
    timer.ensure_running()
    if bpy.app.background:
        live.finish(job)
        operator.report({"INFO"}, f"Made {', '.join(f'“{name}”' for name in job.takes)}")
    return {"FINISHED"}


def _refuse(operator: bpy.types.Operator, refusal: NotPossible | EngineMissing | AnimationError) -> set[str]:
    if isinstance(refusal, NotPossible):
        notice = refusal.notice
    else:
        notice = Notice("ERROR", refusal.message, refusal.hint)
    runtime.current().notice = notice
    operator.report({"ERROR"}, notice.text)
    return {"CANCELLED"}


class MLD_OT_generate(bpy.types.Operator):
    """Make motion from the settings above and key it on the armature as a new take"""

    bl_idname = "mld.generate"
    bl_label = "Generate"
    bl_options: ClassVar = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, generate_blocked(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.scene.mld
        try:
            armature = targets.target_armature(context)
            own_guidance = runtime.current().vocabulary(context.scene).few_step
            request = generation.request_from_scene(context.scene, own_guidance=own_guidance)
            job = generation.new_job(armature, request, Placement.of(context.scene))
            if settings.use_random_seed:
                settings.seed = request["seed"] = generation.random_seed()
            return _run(self, job)
        except (NotPossible, EngineMissing, AnimationError) as refusal:
            return _refuse(self, refusal)


class MLD_OT_regenerate(bpy.types.Operator):
    """Make the active take's request again with a new seed; the old take stays in the list"""

    bl_idname = "mld.regenerate"
    bl_label = "Regenerate"
    bl_options: ClassVar = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, regenerate_blocked(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            armature = targets.target_armature(context)
            action = takes.active_take(armature)
            if action is not None:
                request, start_frame = takes.make_request(action, drawn_style=False), takes.read_start_frame(action)
                made_by = takes.read_metadata(action).pack_sha256
            else:
                request, start_frame, made_by = dict(runtime.current().last_request), None, ""
            request = generation.with_new_seed(request)
            job = generation.new_job(armature, request, Placement.of(context.scene, start_frame))
            return _run(self, replace(job, again_of=made_by))
        except (NotPossible, EngineMissing, AnimationError) as refusal:
            return _refuse(self, refusal)


class MLD_OT_cancel(bpy.types.Operator):
    """Stop making the takes under way; takes that have arrived stay"""

    bl_idname = "mld.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, "" if runtime.current().busy else "Nothing is being generated.")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        runtime.current().cancel()
        timer.redraw()
        return {"FINISHED"}


CLASSES = (MLD_OT_generate, MLD_OT_regenerate, MLD_OT_cancel)
