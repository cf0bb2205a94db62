# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab's main panel: the armature, the request, Generate, what is going on and what went wrong."""

from __future__ import annotations

import bpy

from .. import runtime, targets
from ..engine_client.locate import EngineMissing
from ..notices import Notice
from ..operators.availability import generate_blocked
from ..runtime import Runtime
from .layout import MldPanel, progress_bar, reason, wrapped

_BUTTON_PIXELS = 28.0
_WHAT_INSTALL_DOES = (
    "Install downloads Python packages, above all PyTorch: about 0.4 GB for the CPU, 3 GB with an NVIDIA card. "
    "They stay in a folder of their own."
)
_ICONS = {"INFO": "INFO", "WARNING": "ERROR", "ERROR": "CANCEL"}


class MLD_PT_main(MldPanel, bpy.types.Panel):
    bl_idname = "MLD_PT_main"
    bl_label = "Motion Latent Diffusion"

    def draw(self, context: bpy.types.Context) -> None:
        live = runtime.current()
        if live.installing:
            _draw_installation(self.layout, context, live)
        elif isinstance(missing := live.location(), EngineMissing):
            _draw_first_run(self.layout, context, missing)
        _draw_armature(self.layout, context, live)
        _draw_request(self.layout, context, live)
        _draw_buttons(self.layout, context, live)
        if live.notice:
            _draw_notice(self.layout, context, live.notice)
        _draw_status(self.layout, context, live)


def _draw_first_run(layout: bpy.types.UILayout, context: bpy.types.Context, missing: EngineMissing) -> None:
    """Nothing is installed, or the place where the engine should be is wrong: then installing would not help."""
    box = layout.box()
    if not missing.install_helps:
        wrapped(box, context, missing.message, "ERROR")
        wrapped(box, context, missing.hint, "BLANK1")
        return
    wrapped(box, context, missing.message, "IMPORT")
    wrapped(box, context, _WHAT_INSTALL_DOES)
    if not bpy.app.online_access:
        wrapped(box, context, "Blender may not go online yet.", "ERROR")
        if not bpy.app.online_access_override:
            box.prop(context.preferences.system, "use_online_access")
    row = box.row()
    row.scale_y = 1.4
    row.operator("mld.engine_install", icon="IMPORT")


def _draw_installation(layout: bpy.types.UILayout, context: bpy.types.Context, live: Runtime) -> None:
    box = layout.box()
    progress = live.installer.progress
    wrapped(box, context, progress.message or "Installing the engine", "IMPORT")
    if progress.fraction is not None:
        progress_bar(box, progress.fraction, f"{progress.fraction:.0%}")
    box.operator("mld.engine_install_cancel", icon="X")


def _draw_armature(layout: bpy.types.UILayout, context: bpy.types.Context, live: Runtime) -> None:
    armature = targets.target_armature(context)
    if armature is None:
        layout.operator("mld.add_mannequin", icon="OUTLINER_OB_ARMATURE")
        return
    column = layout.column(align=True)
    column.label(text=armature.name, icon="ARMATURE_DATA")
    if not targets.target_problem(context):
        status = live.rig_status.status(armature)
        wrapped(column, context, status.short, "CHECKMARK" if status.usable else "ERROR")


def _draw_request(layout: bpy.types.UILayout, context: bpy.types.Context, live: Runtime) -> None:
    settings, vocabulary = context.scene.mld, live.vocabulary(context.scene)
    column = layout.column()
    column.menu("MLD_MT_packs", text=f"Model: {settings.pack}", icon="PACKAGE")
    row = column.row(align=True)
    for condition in ("TEXT", "ACTION", "UNCONDITIONAL"):
        choice = row.row(align=True)
        choice.enabled = not vocabulary.lacks(condition)
        choice.prop_enum(settings, "condition", condition)
    # Of a greyed choice that is still the chosen one, the line below Generate tells.
    if vocabulary.only and not vocabulary.lacks(settings.condition):
        reason(column, context, vocabulary.only)
    if settings.condition == "TEXT":
        column.prop(settings, "prompt", text="", icon="TEXT", placeholder="What the character does")
    elif settings.condition == "ACTION":
        column.prop(settings, "action_label", icon="VIEWZOOM", placeholder="Click to choose")
        if vocabulary.styles:
            column.prop(settings, "style_label", icon="VIEWZOOM", placeholder="Any")
    column.prop(settings, "seconds")
    if settings.chain_segments or settings.seconds > vocabulary.max_seconds:
        column.prop(settings, "chain_segments")
    row = column.row(align=True)
    seed = row.row(align=True)
    seed.active = not settings.use_random_seed
    seed.prop(settings, "seed")
    row.operator("mld.random_seed", text="", icon="FILE_REFRESH")
    row.prop(settings, "use_random_seed", text="Random", toggle=True)


def _draw_buttons(layout: bpy.types.UILayout, context: bpy.types.Context, live: Runtime) -> None:
    column = layout.column(align=True)
    row = column.row()
    row.scale_y = 1.6
    row.operator("mld.generate", icon="ARMATURE_DATA")
    if live.busy:
        _draw_progress(column, live)
        return
    column.operator("mld.regenerate", icon="FILE_REFRESH")
    # Of a missing engine the box at the top has told.
    if not isinstance(live.location(), EngineMissing) and (blocked := generate_blocked(context)):
        reason(column, context, blocked)


def _draw_progress(layout: bpy.types.UILayout, live: Runtime) -> None:
    progress = live.progress
    if live.waits_for_user:
        layout.label(text="Ready; waits until you finish your edit", icon="PAUSE")
    elif progress is None:
        layout.label(text=live.session.status or "Waiting for the engine", icon="SORTTIME")
    else:
        text = f"Step {progress.step}/{progress.total}"
        if progress.count > 1:
            text = f"Take {progress.take + 1}/{progress.count}, {text.lower()}"
        whole = (progress.take + progress.step / max(progress.total, 1)) / max(progress.count, 1)
        progress_bar(layout, whole, text)
    layout.operator("mld.cancel", icon="X")


def _draw_notice(layout: bpy.types.UILayout, context: bpy.types.Context, notice: Notice) -> None:
    box = layout.box()
    row = box.row()
    text = row.column()
    text.alert = notice.level == "ERROR"
    wrapped(text, context, notice.message, _ICONS[notice.level], taken_pixels=_BUTTON_PIXELS)
    row.operator("mld.dismiss", text="", icon="X", emboss=False)
    if notice.hint:
        wrapped(box, context, notice.hint, "BLANK1")
    if notice.offered_seconds is not None:
        box.operator("mld.use_limit_seconds", text=f"Use {notice.offered_seconds:g} s")
    if notice.offered_segments:
        box.operator("mld.chain_segments", text=f"Chain {notice.offered_segments} Segments")
    if notice.show_log:
        box.operator("mld.show_log", icon="FILE_TEXT")


def _draw_status(layout: bpy.types.UILayout, context: bpy.types.Context, live: Runtime) -> None:
    column = layout.column(align=True)
    column.active = False
    # Of a starting engine the line below Generate tells while a take waits for it.
    if not live.busy or live.progress is not None:
        wrapped(column, context, live.state_line())
    if live.click_to_keys_seconds is not None:
        wrapped(column, context, f"Last take: {live.click_to_keys_seconds:.2f} s")
    wrapped(column, context, live.vocabulary(context.scene).licence_line)


CLASSES = (MLD_PT_main,)
