# SPDX-License-Identifier: GPL-3.0-or-later
"""The root bone of any rig: a control rig's root control, or the bone above the hips of a plain skeleton."""

from __future__ import annotations

from ..rig.bone_map import BoneMap
from ..rig.root_bone import find_root_bone
from ..rig.snapshot import RigSnapshot
from .fit import find_family


def root_bone(rig: RigSnapshot, bone_map: BoneMap) -> str | None:
    """None for a rig without one."""
    family = find_family(rig, bone_map)
    if family is None:
        return find_root_bone(rig, bone_map)
    return family.root if family.root in rig else None
