# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixamo's auto-rigger, with any prefix (`mixamorig:`, `mixamorig1:`) or none."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Mixamo",
    bones={
        "pelvis": "Hips",
        "spine3": ("Spine2", "Spine1", "Spine"),
        "neck": "Neck",
        "head": "Head",
        **both_sides(
            "Left",
            "Right",
            collar="{}Shoulder",
            shoulder="{}Arm",
            elbow="{}ForeArm",
            wrist="{}Hand",
            hip="{}UpLeg",
            knee="{}Leg",
            ankle="{}Foot",
            foot=("{}ToeBase", "{}Toe"),
        ),
    },
    prefix=r"mixamorig\d*",
)
