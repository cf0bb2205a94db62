# SPDX-License-Identifier: GPL-3.0-or-later
"""Renderpeople's rigged people (`rp_eric_rigged_001_yup_t`)."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Renderpeople",
    bones={
        "pelvis": "hip",
        "spine3": ("spine_03", "spine_02", "spine_01"),
        "neck": "neck",
        "head": "head",
        **both_sides(
            "l",
            "r",
            collar="shoulder_{}",
            shoulder="upperarm_{}",
            elbow="lowerarm_{}",
            wrist="hand_{}",
            hip="upperleg_{}",
            knee="lowerleg_{}",
            ankle="foot_{}",
            foot="ball_{}",
        ),
    },
)
