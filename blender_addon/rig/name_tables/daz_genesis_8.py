# SPDX-License-Identifier: GPL-3.0-or-later
"""Daz Genesis 3, 8 and 8.1, whose limbs have bend and twist bones; and Genesis 1 and 2, which have none."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Daz Genesis 3 / 8",
    bones={
        "pelvis": ("hip", "pelvis"),
        "spine3": ("chestUpper", "chestLower", "chest", "abdomenUpper"),
        "neck": ("neckLower", "neck"),
        "head": "head",
        **both_sides(
            "l",
            "r",
            collar="{}Collar",
            shoulder=("{}ShldrBend", "{}Shldr"),
            elbow=("{}ForearmBend", "{}ForeArm"),
            wrist="{}Hand",
            hip=("{}ThighBend", "{}Thigh"),
            knee="{}Shin",
            ankle="{}Foot",
            foot="{}Toe",
        ),
    },
)
