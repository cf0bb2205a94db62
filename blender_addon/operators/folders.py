# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a folder of the add-on's own in the system's file manager."""

from __future__ import annotations

from pathlib import Path

import bpy


def open_folder(operator: bpy.types.Operator, folder: Path, about: str) -> set[str]:
    """Make the folder where it is missing, report what is `about` it, and open it; an operator's result."""
    folder.mkdir(parents=True, exist_ok=True)
    operator.report({"INFO"}, f"{about} {folder}")
    if not bpy.app.background:
        bpy.ops.wm.path_open(filepath=str(folder))
    return {"FINISHED"}
