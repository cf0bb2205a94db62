# SPDX-License-Identifier: GPL-3.0-or-later
"""The bone that carries a whole character: above the hips, the legs and the spine."""

from __future__ import annotations

from typing import Final

from .bone_map import BoneMap
from .bone_names import parse
from .snapshot import RigSnapshot

ROOT_WORDS: Final = frozenset({"root", "master", "main", "origin", "trajectory", "全ての親", "全", "親"})


def find_root_bone(rig: RigSnapshot, bone_map: BoneMap) -> str | None:
    """The topmost bone with a name such as `root` or `Master` above the hips, else the topmost one; None without any.

    It carries both legs and the chest, plays no role itself, and nothing constrains, locks or connects it. Where
    legs and spine hang from a bone of their own above the hips, that bone is the hips' and not the root.
    """
    roles = ("pelvis", "left_hip", "right_hip", "spine3")
    body = [rig.index(bone) for role in roles if (bone := bone_map.get(role)) is not None and bone in rig]
    if len(body) < len(roles):
        return None
    carriers = [
        index
        for index in (body[0], *rig.ancestors(body[0]))
        if all(index == part or rig.is_below(part, index) for part in body)
    ]
    above = [
        index
        for index in carriers[1:]
        if not (rig.constrained[index] or rig.connected[index] or rig.lock_location[index].any())
    ][::-1]
    named = [index for index in above if ROOT_WORDS & set(parse(rig.bone_names[index]).words)]
    found = next(iter((*named, *above)), None)
    return None if found is None else rig.bone_names[found]
