# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons. Each operator checks, then calls the module that does the work."""

from __future__ import annotations

from . import bone_presets, bones, engine, generate, motion_files, packs, panel_buttons, rekey, smpl_body, takes

CLASSES = (
    *generate.CLASSES,
    *takes.CLASSES,
    *rekey.CLASSES,
    *bones.CLASSES,
    *bone_presets.CLASSES,
    *engine.CLASSES,
    *packs.CLASSES,
    *motion_files.CLASSES,
    *smpl_body.CLASSES,
    *panel_buttons.CLASSES,
)
