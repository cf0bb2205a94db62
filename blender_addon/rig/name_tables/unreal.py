# SPDX-License-Identifier: GPL-3.0-or-later
"""Unreal Engine 4 and 5 mannequins and MetaHumans, and MPFB's game engine rig."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Unreal Engine",
    bones={
        "pelvis": "pelvis",
        "spine3": ("spine_05", "spine_04", "spine_03", "spine_02", "spine_01"),
        "neck": "neck_01",
        "head": "head",
        **both_sides(
            "l",
            "r",
            collar="clavicle_{}",
            shoulder="upperarm_{}",
            elbow="lowerarm_{}",
            wrist="hand_{}",
            hip="thigh_{}",
            knee="calf_{}",
            ankle="foot_{}",
            foot="ball_{}",
        ),
    },
)
