# SPDX-License-Identifier: GPL-3.0-or-later
"""What several panels draw: wrapped text, a progress bar, the line under a disabled button."""

from __future__ import annotations

import textwrap

import bpy

CATEGORY = "MLD"
_CHARACTER_PIXELS = 6.6
"""Mean width of a character of Blender's font at the default resolution scale."""
_MARGIN_PIXELS = 44.0
"""The panel's borders and the box around a message."""
_ICON_PIXELS = 20.0


class MldPanel:
    """Where all panels of the tab live."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY


def wrapped(
    layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE", taken_pixels: float = 0.0
) -> None:
    """The text in as many lines as the sidebar's width asks for, the icon before the first.

    `taken_pixels`: width that something beside the text needs, at the default resolution scale.
    """
    scale = context.preferences.system.ui_scale
    taken_pixels += _MARGIN_PIXELS + (_ICON_PIXELS if icon != "NONE" else 0.0)
    columns = int((context.region.width / scale - taken_pixels) / _CHARACTER_PIXELS)
    column = layout.column(align=True)
    column.scale_y = 0.75
    for index, line in enumerate(textwrap.wrap(text, max(columns, 16), break_on_hyphens=False)):
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
