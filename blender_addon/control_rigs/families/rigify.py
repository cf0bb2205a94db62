# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs that Rigify generates from its human metarigs, Blender 2.80 and later.

The lower spine hangs upside down: `spine_fk` turns about the top of its bone and carries the hips. The skin follows
the ORG- bones, so these tell where the joints of the spine are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..description import ControlRig, Limb, Segment, Switch, both_carried, both_limbs, both_sides

_SIDES: Final = ("L", "R")
_SUFFIXES: Final = ("", ".001", ".002", ".003", ".004", ".005", ".006")
_ROOT: Final = 1.0
"""Place of the root in the lists of parents that Rigify's parent switches choose from."""

RIG: Final = ControlRig(
    name="Rigify",
    root="root",
    torso="torso",
    spine=tuple(Segment(f"ORG-spine{suffix}", f"spine_fk{suffix}") for suffix in _SUFFIXES),
    controls={
        "neck": "neck",
        "head": "head",
        **both_sides(
            _SIDES,
            {
                "collar": "shoulder.{}",
                "shoulder": "upper_arm_fk.{}",
                "elbow": "forearm_fk.{}",
                "wrist": "hand_fk.{}",
                "hip": "thigh_fk.{}",
                "knee": "shin_fk.{}",
                "ankle": "foot_fk.{}",
                "foot": "toe_fk.{}",
            },
        ),
    },
    limbs=both_limbs(
        _SIDES,
        (
            Limb(
                side="",
                kind="arm",
                mode_switch=Switch("upper_arm_parent.{}", "IK_FK", fk=1.0, ik=0.0),
                switches=(
                    Switch("upper_arm_parent.{}", "FK_limb_follow", fk=0.0, ik=0.0, gradual=True),
                    Switch("upper_arm_parent.{}", "pole_vector", fk=None, ik=1.0),
                    Switch("upper_arm_parent.{}", "IK_parent", fk=None, ik=_ROOT),
                    Switch("upper_arm_parent.{}", "pole_parent", fk=None, ik=_ROOT),
                ),
                goal="hand_ik.{}",
                pole="upper_arm_ik_target.{}",
                neutral=("hand_ik_wrist.{}", "hand_ik_pivot.{}"),
                rigid=("upper_arm_ik.{}", "MCH-forearm_ik.{}"),
                shown=("ORG-upper_arm.{}", "ORG-forearm.{}", "ORG-hand.{}"),
            ),
            Limb(
                side="",
                kind="leg",
                mode_switch=Switch("thigh_parent.{}", "IK_FK", fk=1.0, ik=0.0),
                switches=(
                    Switch("thigh_parent.{}", "FK_limb_follow", fk=0.0, ik=0.0, gradual=True),
                    Switch("thigh_parent.{}", "pole_vector", fk=None, ik=1.0),
                    Switch("thigh_parent.{}", "IK_parent", fk=None, ik=_ROOT),
                    Switch("thigh_parent.{}", "pole_parent", fk=None, ik=_ROOT),
                ),
                goal="foot_ik.{}",
                pole="thigh_ik_target.{}",
                tip="toe_ik.{}",
                neutral=("foot_spin_ik.{}", "foot_heel_ik.{}", "foot_ik_pivot.{}"),
                rigid=("thigh_ik.{}", "MCH-shin_ik.{}"),
                shown=("ORG-thigh.{}", "ORG-shin.{}", "ORG-foot.{}", "ORG-toe.{}"),
            ),
        ),
    ),
    switches=(
        Switch("torso", "neck_follow", fk=1.0, ik=1.0, gradual=True),
        Switch("torso", "head_follow", fk=1.0, ik=1.0, gradual=True),
        Switch("torso", "torso_parent", fk=_ROOT, ik=_ROOT),
    ),
    neutral=("hips", "chest", "torso_pivot"),
    carried_by=both_carried(
        _SIDES,
        {
            "upper_arm_fk.{}": "shoulder.{}",
            "hand_ik.{}": "root",
            "foot_ik.{}": "root",
            "upper_arm_ik_target.{}": "root",
            "thigh_ik_target.{}": "root",
        },
    ),
    driven_prefixes=("DEF-", "ORG-", "MCH-"),
)

WITHOUT_SPINE_FK: Final = replace(
    RIG,
    spine=(Segment("ORG-spine", "hips"), Segment("ORG-spine.003", "chest")),
    limbs=tuple(replace(limb, goal="") if limb.kind == "arm" else limb for limb in RIG.limbs),
    neutral=("torso_pivot",),
    carried_by={
        **RIG.carried_by,
        **both_carried(_SIDES, {"neck": "chest", "shoulder.{}": "chest", "thigh_fk.{}": "hips"}),
    },
)
"""Generated with the option “FK Controls” of the spine off: hips and chest then turn all that is between them.

The chest comes to lie a little beside the place that its turn alone would give it, so arms are on FK only: they then
keep their directions.
"""
