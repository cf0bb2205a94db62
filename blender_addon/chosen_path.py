# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths as people give them: in a field of Blender's, in a file browser, in an environment variable."""

from __future__ import annotations

import contextlib
from pathlib import Path

import bpy


def chosen_path(text: str) -> Path:
    """`//` is the folder of the .blend file, and `~` the user's. A `~` that names no user begins a file's name."""
    path = Path(bpy.path.abspath(text))
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    return path
