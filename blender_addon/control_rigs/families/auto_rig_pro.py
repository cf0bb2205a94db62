# SPDX-License-Identifier: GPL-3.0-or-later
"""The humanoid control rig of Auto-Rig Pro.

`c_root_master.x` carries the whole body, `c_root.x` only the hips and legs. IK hands, feet and poles have no parent:
Child Of constraints carry them. A limb's switch and stretching are properties of its IK control.
"""

from __future__ import annotations

from typing import Final

from ..description import ControlRig, Limb, Segment, Switch, both_limbs, both_sides

_SIDES: Final = ("l", "r")

RIG: Final = ControlRig(
    name="Auto-Rig Pro",
    root="c_traj",
    torso="c_root_master.x",
    spine=tuple(
        Segment(bone, bone) for bone in ("c_root_master.x", *(f"c_spine_{number:02}.x" for number in range(1, 7)))
    ),
    controls={
        "neck": "c_neck.x",
        "head": "c_head.x",
        **both_sides(
            _SIDES,
            {
                "collar": "c_shoulder.{}",
                "shoulder": "c_arm_fk.{}",
                "elbow": "c_forearm_fk.{}",
                "wrist": "c_hand_fk.{}",
                "hip": "c_thigh_fk.{}",
                "knee": "c_leg_fk.{}",
                "ankle": "c_foot_fk.{}",
                "foot": "c_toes_fk.{}",
            },
        ),
    },
    limbs=both_limbs(
        _SIDES,
        (
            Limb(
                side="",
                kind="arm",
                mode_switch=Switch("c_hand_ik.{}", "ik_fk_switch", fk=1.0, ik=0.0),
                switches=(
                    Switch("c_hand_ik.{}", "auto_stretch", fk=None, ik=0.0),
                    Switch("c_hand_ik.{}", "stretch_length", fk=None, ik=1.0),
                ),
                goal="c_hand_ik.{}",
                pole="c_arms_pole.{}",
                neutral=("c_hand_ik_offset.{}", "c_hand_ik_pivot.{}", "c_arm_ik.{}"),
                shown=("arm_ik.{}", "forearm_ik.{}", "c_hand_ik.{}"),
            ),
            Limb(
                side="",
                kind="leg",
                mode_switch=Switch("c_foot_ik.{}", "ik_fk_switch", fk=1.0, ik=0.0),
                switches=(
                    Switch("c_foot_ik.{}", "auto_stretch", fk=None, ik=0.0),
                    Switch("c_foot_ik.{}", "stretch_length", fk=None, ik=1.0),
                ),
                goal="c_foot_ik.{}",
                pole="c_leg_pole.{}",
                tip="c_toes_ik.{}",
                neutral=(
                    "c_foot_ik_offset.{}",
                    "c_foot_ik_pivot.{}",
                    "c_foot_01.{}",
                    "c_foot_roll_cursor.{}",
                    "c_toes_pivot.{}",
                    "c_thigh_ik.{}",
                ),
                shown=("thigh_ik.{}", "leg_ik.{}", "foot_snap_fk.{}", "c_toes_ik.{}"),
            ),
        ),
    ),
    neutral=("c_root.x", "c_thigh_b.l", "c_thigh_b.r"),
    driven_prefixes=("arm", "forearm", "hand", "thigh", "leg", "foot"),
)
