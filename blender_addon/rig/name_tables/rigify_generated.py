# SPDX-License-Identifier: GPL-3.0-or-later
"""A generated Rigify rig: its FK controls. Deform, mechanism and original bones are never used.

`torso` carries legs and chest; the hips and the lower spine follow it.
"""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Rigify",
    bones={
        "pelvis": "torso",
        "spine3": ("spine_fk.003", "spine_fk.002", "chest"),
        "neck": "neck",
        "head": "head",
        **both_sides(
            "L",
            "R",
            collar="shoulder.{}",
            shoulder=("upper_arm_fk.{}", "upper_arm.fk.{}"),
            elbow=("forearm_fk.{}", "forearm.fk.{}"),
            wrist=("hand_fk.{}", "hand.fk.{}"),
            hip=("thigh_fk.{}", "thigh.fk.{}"),
            knee=("shin_fk.{}", "shin.fk.{}"),
            ankle=("foot_fk.{}", "foot.fk.{}"),
            foot=("toe_fk.{}", "toe.{}"),
        ),
    },
)
