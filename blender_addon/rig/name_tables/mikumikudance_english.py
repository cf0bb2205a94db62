# SPDX-License-Identifier: GPL-3.0-or-later
"""MikuMikuDance models with the English names of the semi-standard skeleton."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="MikuMikuDance (English)",
    bones={
        "pelvis": ("waist", "groove", "center", "lower body"),
        "spine3": ("upper body3", "upper body2", "upper body"),
        "neck": "neck",
        "head": "head",
        **both_sides(
            "L",
            "R",
            collar="shoulder_{}",
            shoulder="arm_{}",
            elbow="elbow_{}",
            wrist="wrist_{}",
            hip="leg_{}",
            knee="knee_{}",
            ankle="ankle_{}",
            foot=("toe_{}", "toe ex_{}"),
        ),
    },
)
