# SPDX-License-Identifier: GPL-3.0-or-later
"""Families of control rigs that are known by their description alone, on stand-ins for the real rigs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Euler, Matrix  # noqa: E402

from blender_addon.animation import compat  # noqa: E402
from blender_addon.control_rigs.fit import control_modes, find_family  # noqa: E402
from blender_addon.rig.blender_snapshot import read_rig  # noqa: E402
from blender_addon.rig.bone_map import detect  # noqa: E402
from tests.blender import control_oracle, golden_takes, switched_rigs  # noqa: E402
from tests.retarget import limb_oracle, motions  # noqa: E402

CONTROLS = ("Ctrl_", "c_")
NEUTRAL = {
    "Mixamo control rig": ("Ctrl_Hips_Free", "Ctrl_Foot_01_Left"),
    "Auto-Rig Pro": ("c_root.x", "c_thigh_b.l", "c_foot_01.l"),
}


@pytest.fixture(params=switched_rigs.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def turn(rig: bpy.types.Object, bone: str, *angles: float) -> None:
    rig.pose.bones[bone].rotation_euler = Euler(angles)


def settle(rig: bpy.types.Object) -> None:
    """Custom properties set by a script do not tell Blender that drivers must be evaluated."""
    rig.update_tag()
    bpy.context.view_layer.update()


def test_the_stand_in_is_at_rest(kind: str) -> None:
    """The oracle itself: with both switches, bones with skin are where they are drawn."""
    rig = switched_rigs.BUILDERS[kind]()
    for value in (0.0, 1.0):
        for limb in switched_rigs.KINDS[kind].limbs:
            for mirror in (str, switched_rigs.KINDS[kind].mirrored):
                rig.pose.bones[mirror(limb.goal)][switched_rigs.SWITCH] = value
        settle(rig)
        for bone in switched_rigs.KINDS[kind].joints.values():
            posed, rest = rig.pose.bones[bone].head, rig.data.bones[bone].head_local
            assert (rig.matrix_world.to_3x3() @ (posed - rest)).length < 1e-4


def test_the_controls_are_found_and_not_the_bones_they_move(kind: str) -> None:
    rig = read_rig(switched_rigs.BUILDERS[kind]())
    detection = detect(rig)
    assert detection.usable
    assert all(bone.startswith(CONTROLS) for bone in detection.bone_map.bones.values())
    family = find_family(rig, detection.bone_map)
    assert family is not None
    assert family.name == detection.source == kind
    assert control_modes(rig, detection.bone_map) == ("FK", "IK")


@pytest.mark.parametrize(("mode", "degrees"), [("FK", 0.1), ("IK", 0.7)])
@pytest.mark.parametrize("take", [motions.WALK, motions.RAISED_ARM])
def test_skin_bones_follow_the_skeleton(repository: Path, kind: str, mode: str, degrees: float, take: int) -> None:
    """Wherever rig, root and resting controls have been left."""
    rig = switched_rigs.BUILDERS[kind]()
    for bone in NEUTRAL[kind]:
        turn(rig, bone, 0.3, 0.0, 0.2)
    rig.pose.bones[switched_rigs.KINDS[kind].root].location = (
        rig.matrix_world.inverted().to_3x3() @ Matrix.Identity(3).col[0]
    )
    rig.matrix_world = (
        Matrix.Translation((2.0, 1.0, 0.0)) @ Matrix.Rotation(np.radians(30.0), 4, "Z") @ rig.matrix_world
    )
    bpy.context.scene.render.fps = int(motions.GOLDEN_FPS)
    settle(rig)
    motion = motions.golden_motion(repository, take)
    frames = list(range(0, motion.frames, 6))
    driven = control_oracle.drive(rig, motion, mode)
    assert not [text for text in driven.track.warnings if "IK" in text]
    action = control_oracle.key(rig, driven)
    posed = control_oracle.play(rig, switched_rigs.KINDS[kind].joints, frames)
    chosen = control_oracle.chosen(motion, frames)
    errors = limb_oracle.limb_errors(chosen, control_oracle.heads(posed), limb_oracle.about_z(30.0))
    assert len(errors) == 8
    assert max(error.max() for error in errors.values()) < degrees
    keyed = {curve.data_path.split('"')[1] for curve in compat.fcurves(action)}
    assert all(bone.startswith(CONTROLS) for bone in keyed)
    assert any("_IK_" in bone or "_ik" in bone for bone in keyed)
    if mode == "IK":
        assert not [bone for bone in keyed if "Arm_FK" in bone or "c_arm_fk" in bone]


def test_ik_hands_and_feet_are_turned_as_on_fk(repository: Path, kind: str) -> None:
    rig, joints = switched_rigs.BUILDERS[kind](), switched_rigs.KINDS[kind].joints
    motion = motions.golden_motion(repository, motions.WALK)
    frames = list(range(0, motion.frames, 10))
    posed = []
    for mode in ("FK", "IK"):
        control_oracle.key(rig, control_oracle.drive(rig, motion, mode))
        posed.append(control_oracle.play(rig, joints, frames))
    for role in ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "left_foot", "right_foot"):
        fk, ik = (found[role] for found in posed)
        assert np.linalg.norm(fk[:, :3, 3] - ik[:, :3, 3], axis=-1).max() < 0.005
        fk, ik = (matrix[:, :3, :3] / np.linalg.norm(matrix[:, :3, :3], axis=1, keepdims=True) for matrix in (fk, ik))
        assert limb_oracle.rotation_degrees(fk, ik).max() < 0.2


@pytest.mark.parametrize("standing", [0.0, 1.0], ids=["on IK", "on FK"])
@pytest.mark.parametrize("mode", ["FK", "IK"])
def test_a_blend_begins_in_the_pose_that_is_seen(
    addon: object, repository: Path, kind: str, standing: float, mode: str
) -> None:
    rig, names = switched_rigs.BUILDERS[kind](), switched_rigs.KINDS[kind]
    unit = 1.0 / rig.matrix_world.to_scale().x
    for mirror, outward in ((str, 1.0), (names.mirrored, -1.0)):
        arm, leg = names.limbs
        for limb, shift in ((arm, (-0.15 * outward, 0.1, 0.05)), (leg, (0.05, -0.1, 0.1))):
            goal = rig.pose.bones[mirror(limb.goal)]
            goal[switched_rigs.SWITCH] = standing
            rest = rig.data.bones[goal.name].matrix_local.to_3x3()
            move = rig.matrix_world.to_3x3().normalized().inverted() @ Matrix.Translation(shift).translation
            goal.location = rest.inverted() @ move * unit
            turn(rig, goal.name, 0.3, 0.1, -0.2)
            for bone, angles in zip(limb.fk, ((0.4, 0.1, 0.2), (0.0, 0.0, 0.0), (0.2, -0.1, 0.3)), strict=False):
                turn(rig, mirror(bone), *angles)
        turn(rig, mirror(leg.roll), -0.2, 0.0, 0.0)
        turn(rig, mirror(leg.toes), -0.3, 0.0, 0.0)
    for bone in NEUTRAL[kind][:1]:
        turn(rig, bone, 0.1, 0.1, -0.1)
    turn(rig, names.trunk[0][0], 0.1, 0.0, 0.2)
    settle(rig)
    before = golden_takes.joints(rig, [1], names.joints.values())[0]
    golden_takes.key(rig, repository, start_frame=1, control_mode=mode, blend_in_frames=8, foot_lock=False)
    after = golden_takes.joints(rig, [1, 30], names.joints.values())
    assert np.linalg.norm(before[:, :3, 3] - after[0, :, :3, 3], axis=-1).max() < 1e-4
    assert np.linalg.norm(before[:, :3, 3] - after[1, :, :3, 3], axis=-1).max() > 0.05
    assert np.abs(before - after[0])[:, :3, :3].max() * unit < np.radians(0.1)
