# SPDX-License-Identifier: GPL-3.0-or-later
"""Models fixed by the CATS add-on for VRChat."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="CATS",
    bones={
        "pelvis": "Hips",
        "spine3": ("Upper Chest", "Chest", "Spine"),
        "neck": "Neck",
        "head": "Head",
        **both_sides(
            "Left",
            "Right",
            collar="{} shoulder",
            shoulder="{} arm",
            elbow="{} elbow",
            wrist="{} wrist",
            hip="{} leg",
            knee="{} knee",
            ankle="{} ankle",
            foot="{} toe",
        ),
    },
)
