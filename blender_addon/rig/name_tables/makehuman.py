# SPDX-License-Identifier: GPL-3.0-or-later
"""MakeHuman's and MPFB's default rig: limbs in two bones each, spine counted from above."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="MakeHuman / MPFB",
    bones={
        "pelvis": "root",
        "spine3": ("spine01", "spine02"),
        "neck": "neck01",
        "head": "head",
        **both_sides(
            "L",
            "R",
            collar=("clavicle.{}", "shoulder01.{}"),
            shoulder="upperarm01.{}",
            elbow="lowerarm01.{}",
            wrist="wrist.{}",
            hip="upperleg01.{}",
            knee="lowerleg01.{}",
            ankle="foot.{}",
            foot="toe1-1.{}",
        ),
    },
)
