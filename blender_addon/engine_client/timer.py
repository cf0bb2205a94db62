# SPDX-License-Identifier: GPL-3.0-or-later
"""Joins the runtime to Blender's main loop: a timer while there is something to wait for, and file handlers."""

from __future__ import annotations

import atexit

import bpy
from bpy.app.handlers import persistent

from .. import preferences, runtime
from .session import State

ACTIVE_SECONDS = 0.05
IDLE_SECONDS = 1.0


def ensure_running() -> None:
    """Start the timer unless it runs. In background mode there is no main loop, and operators wait themselves."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=ACTIVE_SECONDS, persistent=True)


def redraw() -> None:
    """Draw the sidebars of all 3D Views again."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def register() -> None:
    bpy.app.handlers.load_pre.append(_load_pre)
    atexit.register(runtime.destroy)


def unregister() -> None:
    atexit.unregister(runtime.destroy)
    if _load_pre in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.remove(_load_pre)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)


def _tick() -> float | None:
    """Returns the seconds to the next call, None when there is nothing left to wait for."""
    live = runtime.current()
    live.update()
    idle_minutes = preferences.settings().idle_minutes
    if idle_minutes and live.session.idle_seconds > 60.0 * idle_minutes:
        live.session.stop()
    if live.wants_redraw():
        redraw()
    if live.busy or live.installing or live.session.state in (State.STARTING, State.BUSY):
        return ACTIVE_SECONDS
    return IDLE_SECONDS if live.session.state is State.READY else None


@persistent
def _load_pre(*_arguments: object) -> None:
    runtime.current().forget_file()
