# SPDX-License-Identifier: GPL-3.0-or-later
"""Acclaim (ASF) skeletons of the CMU motion capture library."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="CMU / Acclaim",
    bones={
        "pelvis": "root",
        "spine3": ("thorax", "upperback", "lowerback"),
        "neck": "lowerneck",
        "head": "head",
        **both_sides(
            "l",
            "r",
            collar="{}clavicle",
            shoulder="{}humerus",
            elbow="{}radius",
            wrist=("{}wrist", "{}hand"),
            hip="{}femur",
            knee="{}tibia",
            ankle="{}foot",
            foot="{}toes",
        ),
    },
)
