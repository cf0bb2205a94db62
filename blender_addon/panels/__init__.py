# SPDX-License-Identifier: GPL-3.0-or-later
"""The MLD tab. Drawing reads the runtime and the scene; it never touches files or processes."""

from __future__ import annotations

from . import advanced, bones, engine, files, main, packs, takes

CLASSES = (
    *packs.CLASSES,
    *main.CLASSES,
    *takes.CLASSES,
    *advanced.CLASSES,
    *bones.CLASSES,
    *files.CLASSES,
    *engine.CLASSES,
)
