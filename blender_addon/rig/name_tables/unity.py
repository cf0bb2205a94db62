# SPDX-License-Identifier: GPL-3.0-or-later
"""Unity's humanoid names and their variants, as in Kenney's and Synty's characters."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Unity humanoid",
    bones={
        "pelvis": "Hips",
        "spine3": ("UpperChest", "Chest", "Spine"),
        "neck": "Neck",
        "head": "Head",
        **both_sides(
            "Left",
            "Right",
            collar=("{}Shoulder", "{}Collar"),
            shoulder=("{}UpperArm", "{}Arm"),
            elbow=("{}LowerArm", "{}ForeArm"),
            wrist="{}Hand",
            hip=("{}UpperLeg", "{}UpLeg"),
            knee=("{}LowerLeg", "{}Leg"),
            ankle="{}Foot",
            foot=("{}Toes", "{}ToeBase", "{}Toe"),
        ),
    },
)
