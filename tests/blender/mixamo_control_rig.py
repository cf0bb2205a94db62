# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the control rig that Adobe's Mixamo add-on makes: same names, parents, constraints and switches.

Feet have no roll mechanism and IK bones only stand at rest, so that a limb that is not switched to FK does not move.
"""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix, Vector

from tests.blender.armatures import CENTIMETRES, MIXAMO_BONES, new_armature

PREFIX = "mixamorig:"

_SPINE = {"Ctrl_Spine": "Spine", "Ctrl_Spine1": "Spine1", "Ctrl_Spine2": "Spine2", "Ctrl_Neck": "Neck",
          "Ctrl_Head": "Head"}  # fmt: skip
_SIDE = (
    # control, parent, the Mixamo bone at whose place it stands
    ("Ctrl_Shoulder_Left", "Ctrl_Spine2", "LeftShoulder"),
    ("Ctrl_Arm_FK_Left", "Ctrl_Shoulder_Left", "LeftArm"),
    ("Ctrl_ForeArm_FK_Left", "Ctrl_Arm_FK_Left", "LeftForeArm"),
    ("Ctrl_Hand_FK_Left", "Ctrl_ForeArm_FK_Left", "LeftHand"),
    ("Ctrl_Hand_IK_Left", "", "LeftHand"),
    ("Arm_IK_Left", "Ctrl_Shoulder_Left", "LeftArm"),
    ("ForeArm_IK_Left", "Arm_IK_Left", "LeftForeArm"),
    ("Ctrl_UpLeg_FK_Left", "Ctrl_Hips_Free", "LeftUpLeg"),
    ("Ctrl_Leg_FK_Left", "Ctrl_UpLeg_FK_Left", "LeftLeg"),
    ("Ctrl_Foot_FK_Left", "Ctrl_Leg_FK_Left", "LeftFoot"),
    ("Foot_FK_Left", "Ctrl_Foot_FK_Left", "LeftFoot"),
    ("Ctrl_Toe_FK_Left", "Foot_FK_Left", "LeftToeBase"),
    ("Ctrl_Foot_IK_Left", "", "LeftFoot"),
    ("UpLeg_IK_Left", "Ctrl_Hips_Free", "LeftUpLeg"),
    ("Leg_IK_Left", "UpLeg_IK_Left", "LeftLeg"),
)
_SWITCHED = (
    # Mixamo bone, what it follows on IK and on FK, the control with the switch
    ("LeftArm", "Arm_IK_Left", "Ctrl_Arm_FK_Left", "Ctrl_Hand_IK_Left"),
    ("LeftForeArm", "ForeArm_IK_Left", "Ctrl_ForeArm_FK_Left", "Ctrl_Hand_IK_Left"),
    ("LeftHand", "Ctrl_Hand_IK_Left", "Ctrl_Hand_FK_Left", "Ctrl_Hand_IK_Left"),
    ("LeftUpLeg", "UpLeg_IK_Left", "Ctrl_UpLeg_FK_Left", "Ctrl_Foot_IK_Left"),
    ("LeftLeg", "Leg_IK_Left", "Ctrl_Leg_FK_Left", "Ctrl_Foot_IK_Left"),
    ("LeftFoot", "Ctrl_Foot_IK_Left", "Foot_FK_Left", "Ctrl_Foot_IK_Left"),
    ("LeftToeBase", "Ctrl_Foot_IK_Left", "Ctrl_Toe_FK_Left", "Ctrl_Foot_IK_Left"),
)


def mixamo_control_rig() -> bpy.types.Object:
    """The rig with its limbs switched to IK, as the add-on leaves it."""
    places = {name: (Vector(head), Vector(tail)) for name, _, head, tail in MIXAMO_BONES}
    places |= {_right(name): tuple(Vector((-p.x, p.y, p.z)) for p in place) for name, place in places.items()}
    bones = [(PREFIX + name, PREFIX + parent if parent else "", *places[name]) for name, parent, _, _ in MIXAMO_BONES]
    bones += [
        (PREFIX + _right(name), PREFIX + _right(parent), *places[_right(name)])
        for name, parent, _, _ in MIXAMO_BONES
        if name.startswith("Left")
    ]
    hips = places["Hips"]
    bones += [
        ("Ctrl_Master", "", Vector((0, 0, 0)), Vector((0, 0, 20))),
        ("Ctrl_Hips", "Ctrl_Master", *hips),
        ("Ctrl_Hips_Free", "Ctrl_Hips", hips[1], hips[0]),
        ("Hips_Free_Helper", "Ctrl_Hips_Free", *hips),
    ]
    parent = "Ctrl_Hips"
    for control, bone in _SPINE.items():
        bones.append((control, parent, *places[bone]))
        parent = control
    for control, parent, bone in _SIDE:
        for mirrored in (str, _right):
            head, tail = places[mirrored(bone)]
            if control == "Ctrl_Foot_FK_Left":
                tail = Vector((tail.x, head.y, tail.z))
            bones.append((mirrored(control), mirrored(parent), head, tail))
    world = Matrix.Rotation(np.pi / 2, 4, "X") @ Matrix.Scale(CENTIMETRES, 4)
    rig = new_armature("Armature", bones, world)
    for name, control in {"Hips": "Hips_Free_Helper", **{bone: control for control, bone in _SPINE.items()}}.items():
        _follow(rig, name, control)
    for mirrored in (str, _right):
        _follow(rig, mirrored("LeftShoulder"), mirrored("Ctrl_Shoulder_Left"))
        for names in _SWITCHED:
            _switched(rig, *(mirrored(name) for name in names))
    bpy.context.view_layer.update()
    return rig


def _right(name: str) -> str:
    return name.replace("Left", "Right")


def _follow(rig: bpy.types.Object, bone: str, control: str) -> bpy.types.Constraint:
    constraint = rig.pose.bones[PREFIX + bone].constraints.new("COPY_TRANSFORMS")
    constraint.target, constraint.subtarget = rig, control
    rig.pose.bones[control].rotation_mode = "XYZ"
    return constraint


def _switched(rig: bpy.types.Object, bone: str, ik: str, fk: str, switch: str) -> None:
    rig.pose.bones[switch]["ik_fk_switch"] = 0.0
    _follow(rig, bone, ik)
    driver = _follow(rig, bone, fk).driver_add("influence").driver
    driver.type = "AVERAGE"
    target = driver.variables.new().targets[0]
    target.id, target.data_path = rig, f'pose.bones["{switch}"]["ik_fk_switch"]'
