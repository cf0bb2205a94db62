# SPDX-License-Identifier: GPL-3.0-or-later
"""The bone map of an armature object as the animator edits it: role by role, and one side after the other."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from . import runtime, targets
from .rig import roles
from .rig.blender_snapshot import read_rig
from .rig.symmetry import find_symmetry


def selected_role(armature: bpy.types.Object) -> str:
    """The role of the highlighted row in the list."""
    listed = armature.mld.bones.bl_rna.properties
    index = armature.mld.role_index
    role = listed[index].identifier if 0 <= index < len(listed) else ""
    return role if role in roles.LABELS else roles.PANEL_ORDER[0]


def choose_bone(armature: bpy.types.Object, role: str, bone: str) -> None:
    """Give the role this bone, or none for ""; the other roles keep what the list shows for them."""
    if targets.stored_bone_map(armature) is None:
        for other, shown in runtime.current().rig_status.status(armature).bones.items():
            setattr(armature.mld.bones, other, shown)
    setattr(armature.mld.bones, role, bone)


@dataclass(frozen=True)
class Mirrored:
    """What mirroring the bones of one side finds: role of the other side -> bone."""

    by_name: dict[str, str]
    by_place: dict[str, str]
    """Found by the rest pose, where the names of the bones do not tell the sides."""
    without: tuple[str, ...]
    """Roles of the given side whose bones have no counterpart."""


def mirrored(armature: bpy.types.Object, side: str) -> Mirrored:
    """The counterparts of the bones of a side, `left` or `right`. Raises RigError.

    Blender's rules for names decide (`.L` and `.R`, `left` and `right`), then the place of the bones at rest.
    """
    shown = runtime.current().rig_status.status(armature).bones
    rig = read_rig(armature)
    symmetry = find_symmetry(rig)
    by_name: dict[str, str] = {}
    by_place: dict[str, str] = {}
    without: list[str] = []
    for role, bone in shown.items():
        if not role.startswith(f"{side}_") or bone not in rig:
            continue
        other = bpy.utils.flip_name(bone)
        index = rig.index(bone)
        if other != bone and other in rig:
            by_name[roles.MIRRORED_ROLE[role]] = other
        elif symmetry is not None and symmetry.is_paired(index):
            by_place[roles.MIRRORED_ROLE[role]] = rig.bone_names[int(symmetry.partner[index])]
        else:
            without.append(role)
    return Mirrored(by_name, by_place, tuple(without))
