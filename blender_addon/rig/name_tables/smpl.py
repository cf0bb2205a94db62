# SPDX-License-Identifier: GPL-3.0-or-later
"""SMPL, SMPL-H and SMPL-X joint names, AMASS's and the SMPL add-on's; also this add-on's own mannequin."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="SMPL",
    bones={
        "pelvis": "pelvis",
        "spine3": "spine3",
        "neck": "neck",
        "head": "head",
        **both_sides(
            "left",
            "right",
            collar="{}_collar",
            shoulder="{}_shoulder",
            elbow="{}_elbow",
            wrist="{}_wrist",
            hip="{}_hip",
            knee="{}_knee",
            ankle="{}_ankle",
            foot="{}_foot",
        ),
    },
    prefix=r"[fm]avg|smplx?h?",
)
