# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for control rigs whose makers cannot be had here: the names, parents, constraints and switches of the real
ones, so far as they carry the body. Left limbs are written down, right ones mirrored.

Each limb has FK controls, an IK chain with goal and pole, and bones with the skin that follow the one or the other, by
a driver on the switch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix, Vector

from tests.blender.armatures import CENTIMETRES, new_armature

SWITCH = "ik_fk_switch"

Row = tuple[str, str, Vector, Vector]


@dataclass(frozen=True)
class Limb:
    """Names of one left limb; `skin`, `fk`: upper, middle and end, and toes for a leg."""

    skin: tuple[str, ...]
    fk: tuple[str, ...]
    ik: tuple[str, str]
    goal: str
    pole: str
    pole_carrier: str
    fk_parent: str
    ik_parent: str
    snap: str = ""
    """Bone that has the place of the foot's control on IK."""
    toes: str = ""
    roll: str = ""
    """Control between the goal and what the leg reaches for."""
    base: tuple[str, str] = ("", "")
    """Control that carries the whole limb, and its parent."""


@dataclass(frozen=True)
class Kind:
    trunk: tuple[tuple[str, str, str], ...]
    """Control, parent and the joint of the body at which it stands."""
    skin: dict[str, str]
    """Bone with skin -> what it follows."""
    collar: tuple[str, str, str]
    """Skin, control and its parent."""
    limbs: tuple[Limb, Limb]
    root: str
    mirrored: Callable[[str], str]
    joints: dict[str, str]
    """Role -> the bone with skin that begins there."""


PLACES = {
    # a body 1.8 m tall, Z up, facing -Y, in metres; elbows and knees a little bent
    "root": (0, 0, 0), "hips": (0, 0, 1.0), "spine": (0, 0.01, 1.1), "spine1": (0, 0.01, 1.21),
    "spine2": (0, 0.01, 1.33), "neck": (0, 0.02, 1.48), "head": (0, 0.0, 1.57), "top": (0, -0.02, 1.78),
    "collar": (0.06, 0.01, 1.43), "shoulder": (0.16, 0.03, 1.42), "elbow": (0.43, 0.05, 1.42),
    "wrist": (0.70, 0.03, 1.42), "fingers": (0.80, 0.03, 1.42),
    "hip": (0.09, 0, 0.95), "knee": (0.09, -0.03, 0.51), "ankle": (0.09, 0.02, 0.09), "ball": (0.09, -0.11, 0.02),
    "toes": (0.09, -0.18, 0.02),
}  # fmt: skip
_AFTER = {"hips": "spine", "spine": "spine1", "spine1": "spine2", "spine2": "neck", "neck": "head", "head": "top"}
_LIMB_JOINTS = (("shoulder", "elbow", "wrist", "fingers"), ("hip", "knee", "ankle", "ball", "toes"))


def place(joint: str) -> Vector:
    return Vector(PLACES[joint])


def build(kind: Kind, world: Matrix) -> bpy.types.Object:
    """The rig with its limbs on IK; `world` turns and scales its armature, whose bones then make up for that."""
    rows = [(kind.root, "", place("root"), Vector((0, 0.2, 0)))]
    rows += [(control, parent, place(joint), place(_AFTER[joint])) for control, parent, joint in kind.trunk]
    rows += [(skin, "", *_span(rows, control)) for skin, control in kind.skin.items()]
    for mirror in (str, kind.mirrored):
        flip = Vector((1 if mirror is str else -1, 1, 1))
        side = [(kind.collar[1], kind.collar[2], place("collar"), place("shoulder"))]
        side.append((kind.collar[0], "", place("collar"), place("shoulder")))
        for limb, joints in zip(kind.limbs, _LIMB_JOINTS, strict=True):
            side += _limb_rows(limb, [place(joint) for joint in joints])
        rows += [(mirror(name), mirror(parent), head * flip, tail * flip) for name, parent, head, tail in side]
    undo = world.inverted()
    rig = new_armature(
        "Armature", [(name, parent, undo @ head, undo @ tail) for name, parent, head, tail in rows], world
    )
    for bone in rig.pose.bones:
        bone.rotation_mode = "XYZ"
    for skin, control in kind.skin.items():
        follow(rig, skin, control)
    for mirror in (str, kind.mirrored):
        follow(rig, mirror(kind.collar[0]), mirror(kind.collar[1]))
        for limb in kind.limbs:
            _connect(rig, limb, kind, mirror)
    bpy.context.view_layer.update()
    return rig


def _span(rows: list[Row], control: str) -> tuple[Vector, Vector]:
    return next((head, tail) for name, _, head, tail in rows if name == control)


def _limb_rows(limb: Limb, at: list[Vector]) -> list[Row]:
    upper, middle, end, tip = at[:4]
    flat = Vector((tip.x, tip.y, end.z)) if limb.toes else tip
    ahead = (middle - 0.5 * (upper + end)).normalized()
    rows = [
        (limb.fk[0], limb.fk_parent, upper, middle),
        (limb.fk[1], limb.fk[0], middle, end),
        (limb.fk[2], limb.fk[1], end, flat),
        (limb.ik[0], limb.ik_parent, upper, middle),
        (limb.ik[1], limb.ik[0], middle, end),
        (limb.goal, "", end, flat),
        (limb.pole, "", middle + 0.5 * ahead, middle + 0.6 * ahead),
        *((skin, "", head, tail) for skin, head, tail in zip(limb.skin, at, at[1:], strict=False)),
    ]
    if limb.base[0]:
        rows.insert(0, (*limb.base, upper - 0.1 * (middle - upper), upper))
    if limb.toes:
        rows += [
            (limb.roll, limb.goal, tip, at[4]),
            (limb.snap, limb.roll, end, flat),
            (limb.fk[3], limb.fk[2], tip, at[4]),
            (limb.toes, limb.goal, tip, at[4]),
        ]
    return rows


def _connect(rig: bpy.types.Object, limb: Limb, kind: Kind, mirror: Callable[[str], str]) -> None:
    goal, pole = mirror(limb.goal), mirror(limb.pole)
    for name, value in ((SWITCH, 0.0), ("auto_stretch", 1.0), ("stretch_length", 1.0)):
        rig.pose.bones[goal][name] = value
    child_of(rig, goal, kind.root)
    child_of(rig, pole, mirror(limb.pole_carrier))
    target = mirror(limb.snap or limb.goal)
    ik_chain(rig, *(mirror(bone) for bone in limb.ik), target, pole)
    on_ik = (*limb.ik, limb.snap or limb.goal, limb.toes)
    for skin, ik, fk in zip(limb.skin, on_ik, limb.fk, strict=False):
        switched(rig, mirror(skin), mirror(ik), mirror(fk), goal)


def follow(rig: bpy.types.Object, bone: str, control: str) -> bpy.types.Constraint:
    constraint = rig.pose.bones[bone].constraints.new("COPY_TRANSFORMS")
    constraint.target, constraint.subtarget = rig, control
    return constraint


def switched(rig: bpy.types.Object, bone: str, ik: str, fk: str, switch: str) -> None:
    follow(rig, bone, ik)
    driver = follow(rig, bone, fk).driver_add("influence").driver
    driver.type = "AVERAGE"
    target = driver.variables.new().targets[0]
    target.id, target.data_path = rig, f'pose.bones["{switch}"]["{SWITCH}"]'


def child_of(rig: bpy.types.Object, bone: str, carrier: str) -> None:
    constraint = rig.pose.bones[bone].constraints.new("CHILD_OF")
    constraint.target, constraint.subtarget = rig, carrier
    constraint.inverse_matrix = rig.data.bones[carrier].matrix_local.inverted()


def ik_chain(rig: bpy.types.Object, upper: str, lower: str, target: str, pole: str) -> None:
    """IK of two bones that leaves them at rest while target and pole are."""
    constraint = rig.pose.bones[lower].constraints.new("IK")
    constraint.target, constraint.subtarget, constraint.chain_count = rig, target, 2
    constraint.pole_target, constraint.pole_subtarget = rig, pole
    constraint.use_stretch = False
    base, end, far = (rig.data.bones[name] for name in (upper, lower, pole))
    along = base.tail_local - base.head_local
    normal = (end.tail_local - base.head_local).cross(far.head_local - base.head_local)
    wanted, own = normal.cross(along).normalized(), base.matrix_local.col[0].to_3d()
    constraint.pole_angle = -np.arctan2(own.cross(wanted).dot(along.normalized()), own.dot(wanted))


def _left_to_right(name: str) -> str:
    return name.replace("Left", "Right")


MIXAMO = Kind(
    root="Ctrl_Master",
    trunk=(
        ("Ctrl_Hips", "Ctrl_Master", "hips"),
        ("Ctrl_Hips_Free", "Ctrl_Hips", "hips"),
        ("Ctrl_Spine", "Ctrl_Hips", "spine"),
        ("Ctrl_Spine1", "Ctrl_Spine", "spine1"),
        ("Ctrl_Spine2", "Ctrl_Spine1", "spine2"),
        ("Ctrl_Neck", "Ctrl_Spine2", "neck"),
        ("Ctrl_Head", "Ctrl_Neck", "head"),
    ),
    skin={
        "mixamorig:Hips": "Ctrl_Hips_Free",
        **{f"mixamorig:{part}": f"Ctrl_{part}" for part in ("Spine", "Spine1", "Spine2", "Neck", "Head")},
    },
    collar=("mixamorig:LeftShoulder", "Ctrl_Shoulder_Left", "Ctrl_Spine2"),
    limbs=(
        Limb(
            skin=("mixamorig:LeftArm", "mixamorig:LeftForeArm", "mixamorig:LeftHand"),
            fk=("Ctrl_Arm_FK_Left", "Ctrl_ForeArm_FK_Left", "Ctrl_Hand_FK_Left"),
            ik=("Arm_IK_Left", "ForeArm_IK_Left"),
            goal="Ctrl_Hand_IK_Left",
            pole="Ctrl_ArmPole_IK_Left",
            pole_carrier="Ctrl_Hips",
            fk_parent="Ctrl_Spine2",
            ik_parent="Ctrl_Shoulder_Left",
        ),
        Limb(
            skin=("mixamorig:LeftUpLeg", "mixamorig:LeftLeg", "mixamorig:LeftFoot", "mixamorig:LeftToeBase"),
            fk=("Ctrl_UpLeg_FK_Left", "Ctrl_Leg_FK_Left", "Ctrl_Foot_FK_Left", "Ctrl_Toe_FK_Left"),
            ik=("UpLeg_IK_Left", "Leg_IK_Left"),
            goal="Ctrl_Foot_IK_Left",
            pole="Ctrl_LegPole_IK_Left",
            pole_carrier="Ctrl_Foot_IK_Left",
            fk_parent="Ctrl_Hips_Free",
            ik_parent="Ctrl_Hips_Free",
            snap="Foot_Snap_Left",
            toes="Ctrl_Toe_IK_Left",
            roll="Ctrl_Foot_01_Left",
        ),
    ),
    mirrored=_left_to_right,
    joints={
        "pelvis": "mixamorig:Hips",
        "spine3": "mixamorig:Spine2",
        "head": "mixamorig:Head",
        **{
            f"{side.lower()}_{role}": f"mixamorig:{side}{part}"
            for side in ("Left", "Right")
            for role, part in (
                ("shoulder", "Arm"),
                ("elbow", "ForeArm"),
                ("wrist", "Hand"),
                ("hip", "UpLeg"),
                ("knee", "Leg"),
                ("ankle", "Foot"),
                ("foot", "ToeBase"),
            )
        },
    },
)

AUTO_RIG_PRO = Kind(
    root="c_traj",
    trunk=(
        ("c_root_master.x", "c_traj", "hips"),
        ("c_root.x", "c_root_master.x", "hips"),
        ("c_spine_01.x", "c_root_master.x", "spine"),
        ("c_spine_02.x", "c_spine_01.x", "spine1"),
        ("c_spine_03.x", "c_spine_02.x", "spine2"),
        ("c_neck.x", "c_spine_03.x", "neck"),
        ("head_scale_fix.x", "", "head"),
        ("c_head.x", "head_scale_fix.x", "head"),
    ),
    skin={
        "root.x": "c_root.x",
        **{f"{part}.x": f"c_{part}.x" for part in ("spine_01", "spine_02", "spine_03", "neck", "head")},
    },
    collar=("shoulder.l", "c_shoulder.l", "c_spine_03.x"),
    limbs=(
        Limb(
            skin=("arm_stretch.l", "forearm_stretch.l", "hand.l"),
            fk=("c_arm_fk.l", "c_forearm_fk.l", "c_hand_fk.l"),
            ik=("arm_ik.l", "forearm_ik.l"),
            goal="c_hand_ik.l",
            pole="c_arms_pole.l",
            pole_carrier="c_root_master.x",
            fk_parent="c_spine_03.x",
            ik_parent="c_shoulder.l",
        ),
        Limb(
            skin=("thigh_stretch.l", "leg_stretch.l", "foot.l", "toes_01.l"),
            fk=("c_thigh_fk.l", "c_leg_fk.l", "c_foot_fk.l", "c_toes_fk.l"),
            ik=("thigh_ik.l", "leg_ik.l"),
            goal="c_foot_ik.l",
            pole="c_leg_pole.l",
            pole_carrier="c_foot_ik.l",
            fk_parent="c_thigh_b.l",
            ik_parent="c_thigh_b.l",
            snap="foot_snap_fk.l",
            toes="c_toes_ik.l",
            roll="c_foot_01.l",
            base=("c_thigh_b.l", "c_root.x"),
        ),
    ),
    mirrored=lambda name: name[:-1] + "r" if name.endswith(".l") else name,
    joints={
        "pelvis": "root.x",
        "spine3": "spine_03.x",
        "head": "head.x",
        **{
            f"{side}_{role}": f"{part}.{side[0]}"
            for side in ("left", "right")
            for role, part in (
                ("shoulder", "arm_stretch"),
                ("elbow", "forearm_stretch"),
                ("wrist", "hand"),
                ("hip", "thigh_stretch"),
                ("knee", "leg_stretch"),
                ("ankle", "foot"),
                ("foot", "toes_01"),
            )
        },
    },
)
KINDS = {"Mixamo control rig": MIXAMO, "Auto-Rig Pro": AUTO_RIG_PRO}


def mixamo_control_rig() -> bpy.types.Object:
    """The control rig of Adobe's add-on, on a skeleton as its FBX files have it: centimetres, Y up."""
    rig = build(MIXAMO, Matrix.Rotation(np.pi / 2, 4, "X") @ Matrix.Scale(CENTIMETRES, 4))
    _carry_arms(rig, "Ctrl_Arm_FK_{}", "Ctrl_Shoulder_{}", ("Left", "Right"))
    return rig


def auto_rig_pro() -> bpy.types.Object:
    """Auto-Rig Pro's, with a head that follows the neck."""
    rig = build(AUTO_RIG_PRO, Matrix.Identity(4))
    _carry_arms(rig, "c_arm_fk.{}", "c_shoulder.{}", ("l", "r"))
    child_of(rig, "head_scale_fix.x", "neck.x")
    return rig


def _carry_arms(rig: bpy.types.Object, arm: str, collar: str, sides: tuple[str, str]) -> None:
    """The arm's FK control hangs from the end of the collar, but turns with the chest."""
    for side in sides:
        constraint = rig.pose.bones[arm.format(side)].constraints.new("COPY_LOCATION")
        constraint.target, constraint.subtarget, constraint.head_tail = rig, collar.format(side), 1.0


BUILDERS = {"Mixamo control rig": mixamo_control_rig, "Auto-Rig Pro": auto_rig_pro}
