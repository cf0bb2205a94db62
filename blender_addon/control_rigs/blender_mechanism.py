# SPDX-License-Identifier: GPL-3.0-or-later
"""The custom properties of an armature's pose bones, among which are a control rig's switches."""

from __future__ import annotations

import bpy


def read_properties(armature: bpy.types.Object) -> frozenset[tuple[str, str]]:
    """(bone, name) of every custom property on the pose bones."""
    return frozenset((bone.name, name) for bone in armature.pose.bones for name in bone.keys())  # noqa: SIM118
