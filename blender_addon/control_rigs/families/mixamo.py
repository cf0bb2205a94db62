# SPDX-License-Identifier: GPL-3.0-or-later
"""The control rig that Adobe's Mixamo add-on for Blender makes.

`Ctrl_Hips` carries the whole body, `Ctrl_Hips_Free` only the hips and legs. The switches of a limb stand on its IK
control, which Child Of constraints hang from `Ctrl_Master`, arm poles from `Ctrl_Hips`, leg poles from the IK foot.
"""

from __future__ import annotations

from typing import Final

from ..description import ControlRig, Limb, Segment, Switch, both_limbs, both_sides

_SIDES: Final = ("Left", "Right")

RIG: Final = ControlRig(
    name="Mixamo control rig",
    root="Ctrl_Master",
    torso="Ctrl_Hips",
    spine=tuple(Segment(bone, bone) for bone in ("Ctrl_Hips", "Ctrl_Spine", "Ctrl_Spine1", "Ctrl_Spine2")),
    controls={
        "neck": "Ctrl_Neck",
        "head": "Ctrl_Head",
        **both_sides(
            _SIDES,
            {
                "collar": "Ctrl_Shoulder_{}",
                "shoulder": "Ctrl_Arm_FK_{}",
                "elbow": "Ctrl_ForeArm_FK_{}",
                "wrist": "Ctrl_Hand_FK_{}",
                "hip": "Ctrl_UpLeg_FK_{}",
                "knee": "Ctrl_Leg_FK_{}",
                "ankle": "Ctrl_Foot_FK_{}",
                "foot": "Ctrl_Toe_FK_{}",
            },
        ),
    },
    limbs=both_limbs(
        _SIDES,
        (
            Limb(
                side="",
                kind="arm",
                mode_switch=Switch("Ctrl_Hand_IK_{}", "ik_fk_switch", fk=1.0, ik=0.0),
                goal="Ctrl_Hand_IK_{}",
                pole="Ctrl_ArmPole_IK_{}",
                shown=("Arm_IK_{}", "ForeArm_IK_{}", "Ctrl_Hand_IK_{}"),
            ),
            Limb(
                side="",
                kind="leg",
                mode_switch=Switch("Ctrl_Foot_IK_{}", "ik_fk_switch", fk=1.0, ik=0.0),
                goal="Ctrl_Foot_IK_{}",
                pole="Ctrl_LegPole_IK_{}",
                tip="Ctrl_Toe_IK_{}",
                neutral=("Ctrl_Foot_01_{}", "Ctrl_FootRoll_Cursor_{}"),
                shown=("UpLeg_IK_{}", "Leg_IK_{}", "Foot_Snap_{}", "Ctrl_Toe_IK_{}"),
            ),
        ),
    ),
    neutral=("Ctrl_Hips_Free",),
    driven_prefixes=("mixamorig",),
)
