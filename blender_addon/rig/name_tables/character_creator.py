# SPDX-License-Identifier: GPL-3.0-or-later
"""Reallusion's Character Creator, ActorCore and AccuRIG."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Character Creator / ActorCore",
    bones={
        "pelvis": ("CC_Base_Hip", "CC_Base_Pelvis"),
        "spine3": ("CC_Base_Spine02", "CC_Base_Spine01", "CC_Base_Waist"),
        "neck": "CC_Base_NeckTwist01",
        "head": "CC_Base_Head",
        **both_sides(
            "L",
            "R",
            collar="CC_Base_{}_Clavicle",
            shoulder="CC_Base_{}_Upperarm",
            elbow="CC_Base_{}_Forearm",
            wrist="CC_Base_{}_Hand",
            hip="CC_Base_{}_Thigh",
            knee="CC_Base_{}_Calf",
            ankle="CC_Base_{}_Foot",
            foot="CC_Base_{}_ToeBase",
        ),
    },
)
