# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons. Each operator checks, then calls the module that does the work."""

from __future__ import annotations

from . import bones, engine, generate, helpers, rekey, takes

CLASSES = (
    *generate.CLASSES,
    *takes.CLASSES,
    *rekey.CLASSES,
    *bones.CLASSES,
    *engine.CLASSES,
    *helpers.CLASSES,
)
