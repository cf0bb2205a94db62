# SPDX-License-Identifier: GPL-3.0-or-later
"""What several panels draw: wrapped text, a progress bar, the line under a disabled button."""

from __future__ import annotations

import textwrap

import bpy

CATEGORY = "MLD"
_CHARACTER_PIXELS = 6.6
"""Mean width of a character of Blender's font at the default resolution scale."""
_MARGIN_PIXELS = 62.0
"""The panel's borders, the icon and the box around a message."""


class MldPanel:
    """Where all panels of the tab live."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY


def wrapped(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """The text in as many lines as the sidebar's width asks for, the icon before the first."""
    scale = context.preferences.system.ui_scale
    columns = int((context.region.width / scale - _MARGIN_PIXELS) / _CHARACTER_PIXELS)
    column = layout.column(align=True)
    column.scale_y = 0.75
    for index, line in enumerate(textwrap.wrap(text, max(columns, 16))):
        column.label(text=line, icon=icon if index == 0 else ("BLANK1" if icon != "NONE" else "NONE"))


def progress_bar(layout: bpy.types.UILayout, fraction: float | None, text: str) -> None:
    """A bar, or only the text where the length is unknown."""
    if fraction is None:
        layout.label(text=text, icon="SORTTIME")
    else:
        layout.progress(factor=fraction, type="BAR", text=text)


def reason(layout: bpy.types.UILayout, context: bpy.types.Context, text: str) -> None:
    """Why the button above cannot be pressed."""
    column = layout.column()
    column.active = False
    wrapped(column, context, text, "INFO")
