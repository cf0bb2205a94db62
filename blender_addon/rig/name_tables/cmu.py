# SPDX-License-Identifier: GPL-3.0-or-later
"""BVH files of the CMU motion capture library, as converted for MotionBuilder."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="CMU / MotionBuilder BVH",
    bones={
        "pelvis": "Hips",
        "spine3": ("Spine3", "Spine2", "Spine1", "Spine", "Chest"),
        "neck": ("Neck", "Neck1"),
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
            foot="{}ToeBase",
        ),
    },
    signature=("LHipJoint", "RHipJoint", "LowerBack"),
)
