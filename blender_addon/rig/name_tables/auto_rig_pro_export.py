# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons exported by Auto-Rig Pro for game engines."""

from __future__ import annotations

from typing import Final

from .family import Family, both_sides

FAMILY: Final = Family(
    name="Auto-Rig Pro export",
    bones={
        "pelvis": "root.x",
        "spine3": ("spine_05.x", "spine_04.x", "spine_03.x", "spine_02.x", "spine_01.x"),
        "neck": "neck.x",
        "head": "head.x",
        **both_sides(
            "l",
            "r",
            collar="shoulder.{}",
            shoulder=("arm_stretch.{}", "arm.{}"),
            elbow=("forearm_stretch.{}", "forearm.{}"),
            wrist="hand.{}",
            hip=("thigh_stretch.{}", "thigh.{}"),
            knee=("leg_stretch.{}", "leg.{}"),
            ankle="foot.{}",
            foot=("toes_01.{}", "toes.{}"),
        ),
    },
)
