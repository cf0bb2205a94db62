# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH files and rigs that name bones by their joints (`LHip`, `LKnee`, `LShoulder`)."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="BVH, joint names",
    bones={
        "pelvis": ("Hips", "Hip", "Root"),
        "spine3": ("Chest4", "Chest3", "Chest2", "Chest", "Spine2", "Spine1", "Spine"),
        "neck": "Neck",
        "head": "Head",
        **both_sides(
            "L",
            "R",
            collar=("{}Collar", "{}Clavicle"),
            shoulder="{}Shoulder",
            elbow="{}Elbow",
            wrist="{}Wrist",
            hip="{}Hip",
            knee="{}Knee",
            ankle="{}Ankle",
            foot=("{}Toe", "{}Foot"),
        ),
    },
)
