# SPDX-License-Identifier: GPL-3.0-or-later
"""The control rig that Adobe's Mixamo add-on for Blender makes: its FK controls."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Mixamo control rig",
    bones={
        "pelvis": ("Ctrl_Hips", "Ctrl_Hips_Free"),
        "spine3": ("Ctrl_Spine2", "Ctrl_Spine1"),
        "neck": "Ctrl_Neck",
        "head": "Ctrl_Head",
        **both_sides(
            "Left",
            "Right",
            collar="Ctrl_Shoulder_{}",
            shoulder="Ctrl_Arm_FK_{}",
            elbow="Ctrl_ForeArm_FK_{}",
            wrist="Ctrl_Hand_FK_{}",
            hip="Ctrl_UpLeg_FK_{}",
            knee="Ctrl_Leg_FK_{}",
            ankle=("Ctrl_Foot_FK_{}", "Foot_FK_{}"),
            foot=("Ctrl_Toe_FK_{}", "Ctrl_ToeBase_FK_{}"),
        ),
    },
)
