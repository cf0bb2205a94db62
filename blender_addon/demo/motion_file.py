# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the engine's motion file inside Blender, with the engine's own reader, which needs numpy only."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contract import source_root
from ..retarget.source_motion import SourceMotion


@dataclass(frozen=True)
class TakeFile:
    """A motion and what it was made from."""

    motion: SourceMotion
    meta: dict[str, Any]


def read_take(path: Path) -> TakeFile:
    """A file of `python -m mld_engine generate`. Raises the engine's RequestError for any other file."""
    root = str(source_root())
    if root not in sys.path:
        sys.path.append(root)
    from mld_engine.export.amass import read_amass

    motion = read_amass(path)
    source = SourceMotion(motion.rotations, motion.root, motion.contacts, motion.offsets, motion.fps)
    return TakeFile(source, dict(motion.meta))
