# SPDX-License-Identifier: GPL-3.0-or-later
"""3ds Max Biped (`Bip01 L Thigh`, `Bip001 L Thigh`), Source engine's ValveBiped and Rocketbox."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Biped",
    bones={
        "pelvis": "Pelvis",
        "spine3": ("Spine4", "Spine3", "Spine2", "Spine1", "Spine"),
        "neck": ("Neck", "Neck1"),
        "head": ("Head", "Head1"),
        **both_sides(
            "L",
            "R",
            collar="{} Clavicle",
            shoulder="{} UpperArm",
            elbow="{} Forearm",
            wrist="{} Hand",
            hip="{} Thigh",
            knee="{} Calf",
            ankle="{} Foot",
            foot=("{} Toe0", "{} Toe"),
        ),
    },
    prefix=r"(valvebiped)?bip\d*",
)
