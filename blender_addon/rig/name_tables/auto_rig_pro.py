# SPDX-License-Identifier: GPL-3.0-or-later
"""Auto-Rig Pro's control rig: its FK controls."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Auto-Rig Pro",
    bones={
        "pelvis": ("c_root_master.x", "c_root.x"),
        "spine3": ("c_spine_05.x", "c_spine_04.x", "c_spine_03.x", "c_spine_02.x", "c_spine_01.x"),
        "neck": "c_neck.x",
        "head": "c_head.x",
        **both_sides(
            "l",
            "r",
            collar="c_shoulder.{}",
            shoulder="c_arm_fk.{}",
            elbow="c_forearm_fk.{}",
            wrist="c_hand_fk.{}",
            hip="c_thigh_fk.{}",
            knee="c_leg_fk.{}",
            ankle="c_foot_fk.{}",
            foot="c_toes_fk.{}",
        ),
    },
)
