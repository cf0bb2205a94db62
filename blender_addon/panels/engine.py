# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, stop and repair the engine; where it runs; the way to its preferences and its log."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import preferences, runtime
from ..engine_client.locate import EngineMissing
from ..engine_client.session import State
from .layout import MldPanel, wrapped

_SOURCES = {
    "environment": "Python: from MLD_ENGINE_PYTHON",
    "preference": "Python: from the preferences",
    "install": "Python: installed by this add-on",
}


class MLD_PT_engine(MldPanel, bpy.types.Panel):
    bl_idname = "MLD_PT_engine"
    bl_label = "Engine"
    bl_parent_id = "MLD_PT_main"
    bl_options: ClassVar = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        live = runtime.current()
        layout = self.layout
        row = layout.row(align=True)
        if live.session.state in (State.STOPPED, State.FAILED):
            row.operator("mld.engine_start", icon="PLAY")
        else:
            row.operator("mld.engine_stop", icon="SNAP_FACE")
        location = live.location()
        wrapped(layout, context, location.message if isinstance(location, EngineMissing) else _SOURCES[location.source])
        if not isinstance(location, EngineMissing) and location.source == "install":
            layout.operator("mld.engine_install", text="Repair Engine")
        layout.operator("mld.show_log", icon="FILE_TEXT")
        show = layout.operator("preferences.addon_show", text="Preferences", icon="PREFERENCES")
        show.module = preferences.MLD_AP_preferences.bl_idname


CLASSES = (MLD_PT_engine,)
