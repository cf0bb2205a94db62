# SPDX-License-Identifier: GPL-3.0-or-later
"""VRM 0 and 1 humanoid bone names, and VRoid Studio's (`J_Bip_C_Hips`)."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="VRM / VRoid",
    bones={
        "pelvis": ("J_Bip_C_Hips", "hips"),
        "spine3": ("J_Bip_C_UpperChest", "J_Bip_C_Chest", "upperChest", "chest", "spine"),
        "neck": ("J_Bip_C_Neck", "neck"),
        "head": ("J_Bip_C_Head", "head"),
        **both_sides(
            "L",
            "R",
            collar=("J_Bip_{}_Shoulder", "shoulder.{}"),
            shoulder=("J_Bip_{}_UpperArm", "upper_arm.{}"),
            elbow=("J_Bip_{}_LowerArm", "lower_arm.{}"),
            wrist=("J_Bip_{}_Hand", "hand.{}"),
            hip=("J_Bip_{}_UpperLeg", "upper_leg.{}"),
            knee=("J_Bip_{}_LowerLeg", "lower_leg.{}"),
            ankle=("J_Bip_{}_Foot", "foot.{}"),
            foot=("J_Bip_{}_ToeBase", "toes.{}"),
        ),
    },
)
