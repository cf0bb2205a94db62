# SPDX-License-Identifier: GPL-3.0-or-later
"""Registers classes, properties, handlers and the runtime, and takes all of them down again."""

from __future__ import annotations

import bpy

from . import bone_presets, operators, panels, preferences, properties, runtime
from .engine_client import timer

CLASSES = (preferences.MLD_AP_preferences, *operators.CLASSES, *panels.CLASSES)


def register() -> None:
    bone_presets.reload()
    runtime.create()
    properties.register()
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    runtime.current().find_packs()
    timer.register()


def unregister() -> None:
    """Ends the engine too: an add-on that is switched off leaves no process behind."""
    timer.unregister()
    runtime.destroy()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
    properties.unregister()
