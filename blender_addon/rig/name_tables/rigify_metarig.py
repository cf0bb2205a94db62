# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigify's human metarig, and skeletons exported from its deform bones (`DEF-`)."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Rigify metarig",
    bones={
        "pelvis": "spine",
        "spine3": ("spine.003", "spine.002", "spine.001"),
        "neck": ("spine.004", "neck"),
        "head": ("spine.006", "spine.005", "head"),
        **both_sides(
            "L",
            "R",
            collar="shoulder.{}",
            shoulder="upper_arm.{}",
            elbow="forearm.{}",
            wrist="hand.{}",
            hip="thigh.{}",
            knee="shin.{}",
            ankle="foot.{}",
            foot="toe.{}",
        ),
    },
    prefix="def",
)
