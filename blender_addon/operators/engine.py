# SPDX-License-Identifier: GPL-3.0-or-later
"""Install, start and stop the engine."""

from __future__ import annotations

import time

import bpy

from .. import runtime
from ..engine_client import timer
from ..engine_client.install import InstallState
from ..engine_client.locate import EngineMissing
from ..engine_client.session import State
from ..notices import Notice
from .availability import allowed

OFFLINE_HINT = "Turn on Preferences > System > Network > Allow Online Access, then press Install Engine again."
OFFLINE_MODE_HINT = "Start Blender without --offline-mode, then press Install Engine again."


class MLD_OT_engine_install(bpy.types.Operator):
    """Download and set up what the engine needs, in a folder of its own. Run it again to repair or to go on"""

    bl_idname = "mld.engine_install"
    bl_label = "Install Engine"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        live = runtime.current()
        if live.installing:
            return allowed(cls, "The engine is being installed.")
        return allowed(cls, "A take is being generated. Wait for it, or press Cancel." if live.busy else "")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        live = runtime.current()
        if not bpy.app.online_access:
            hint = OFFLINE_MODE_HINT if bpy.app.online_access_override else OFFLINE_HINT
            return self._fail(Notice("ERROR", "Blender may not go online, so nothing was downloaded.", hint))
        live.install()
        timer.ensure_running()
        if bpy.app.background:
            while live.installing:
                time.sleep(0.1)
                live.update()
            if live.installer.state is not InstallState.DONE:
                return self._fail(live.notice)
        return {"FINISHED"}

    def _fail(self, notice: Notice) -> set[str]:
        runtime.current().notice = notice
        self.report({"ERROR"}, notice.text)
        return {"CANCELLED"}


class MLD_OT_engine_install_cancel(bpy.types.Operator):
    """Stop the installation; pressing Install Engine later goes on with it"""

    bl_idname = "mld.engine_install_cancel"
    bl_label = "Cancel Installation"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, "" if runtime.current().installing else "Nothing is being installed.")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        runtime.current().installer.cancel()
        return {"FINISHED"}


class MLD_OT_engine_start(bpy.types.Operator):
    """Load the engine now, so that the first take comes at once"""

    bl_idname = "mld.engine_start"
    bl_label = "Start Engine"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        live = runtime.current()
        if live.installing:
            return allowed(cls, "The engine is being installed. Wait until that has finished.")
        location = live.location()
        if isinstance(location, EngineMissing):
            return allowed(cls, f"{location.message} {location.hint}")
        running = live.session.state in (State.STARTING, State.READY, State.BUSY)
        return allowed(cls, "The engine is running." if running else "")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        live = runtime.current()
        try:
            live.session.start()
        except EngineMissing as missing:
            live.notice = Notice("ERROR", missing.message, missing.hint)
            self.report({"ERROR"}, str(missing))
            return {"CANCELLED"}
        timer.ensure_running()
        if bpy.app.background and not live.wait_until_ready():
            self.report({"ERROR"}, live.notice.text)
            return {"CANCELLED"}
        return {"FINISHED"}


class MLD_OT_engine_stop(bpy.types.Operator):
    """End the engine and free its memory; what it was making is given up"""

    bl_idname = "mld.engine_stop"
    bl_label = "Stop Engine"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        live = runtime.current()
        stopped = live.session.state in (State.STOPPED, State.FAILED)
        return allowed(cls, "The engine is not running." if stopped else "")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        live = runtime.current()
        if bpy.app.background:
            live.session.close()
        else:
            live.session.stop()
        live.update()
        timer.redraw()
        return {"FINISHED"}


CLASSES = (MLD_OT_engine_install, MLD_OT_engine_install_cancel, MLD_OT_engine_start, MLD_OT_engine_stop)
