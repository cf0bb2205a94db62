# SPDX-License-Identifier: GPL-3.0-or-later
"""Ready Player Me avatars: Mixamo's names without a prefix, with eye bones."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Ready Player Me",
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
            foot="{}ToeBase",
        ),
    },
    signature=("HeadTop_End", "LeftEye", "RightEye"),
)
