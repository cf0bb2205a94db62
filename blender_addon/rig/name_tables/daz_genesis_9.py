# SPDX-License-Identifier: GPL-3.0-or-later
"""Daz Genesis 9."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Daz Genesis 9",
    bones={
        "pelvis": ("hip", "pelvis"),
        "spine3": ("spine4", "spine3"),
        "neck": "neck1",
        "head": "head",
        **both_sides(
            "l",
            "r",
            collar="{}_shoulder",
            shoulder="{}_upperarm",
            elbow="{}_forearm",
            wrist="{}_hand",
            hip="{}_thigh",
            knee="{}_shin",
            ankle="{}_foot",
            foot="{}_toes",
        ),
    },
)
