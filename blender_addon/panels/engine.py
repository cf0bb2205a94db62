# SPDX-License-Identifier: GPL-3.0-or-later
"""Install, start and stop the engine; where it runs; the model's licence."""

from __future__ import annotations

from typing import ClassVar

import bpy

from .. import runtime
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
        column = layout.column(align=True)
        wrapped(column, context, live.state_line())
        if isinstance(location, EngineMissing):
            wrapped(column, context, location.message)
        else:
            wrapped(column, context, _SOURCES[location.source])
        wrapped(column, context, live.vocabulary(context.scene).licence_line)
        if not isinstance(location, EngineMissing) and location.source == "install":
            layout.operator("mld.engine_install", text="Repair Engine")
        layout.operator("mld.show_log", icon="FILE_TEXT")


CLASSES = (MLD_PT_engine,)
