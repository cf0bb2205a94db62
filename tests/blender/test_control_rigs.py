# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes on the controls of generated Rigify rigs: what counts is where the deform bones are in Blender."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Matrix, Quaternion  # noqa: E402

from blender_addon import generation, targets  # noqa: E402
from blender_addon.animation import compat, takes  # noqa: E402
from blender_addon.contract import skeleton  # noqa: E402
from blender_addon.control_rigs.fit import control_modes  # noqa: E402
from blender_addon.engine_client.events import MotionReady  # noqa: E402
from blender_addon.retarget.source_motion import SourceMotion  # noqa: E402
from blender_addon.rig.blender_snapshot import read_rig  # noqa: E402
from blender_addon.rig.bone_map import BoneMap, detect  # noqa: E402
from tests.blender import control_oracle, generated_rigs  # noqa: E402
from tests.blender.generated_rigs import KINDS  # noqa: E402
from tests.retarget import limb_oracle, motions  # noqa: E402

ENGINE_META = {
    "text": "a person walks",
    "action": None,
    "style": None,
    "seed": 3,
    "guidance": 4.0,
    "steps": 50,
    "pack": "research",
    "pack_sha256": "0" * 64,
    "engine_version": "0.1.0",
}
LIMBS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))


def some_motion(name: str, repository: Path) -> SourceMotion:
    takes_by_name = {"walk": motions.WALK, "raised arm": motions.RAISED_ARM}
    return motions.golden_motion(repository, takes_by_name[name]) if name in takes_by_name else motions.wild_motion(7)


def sampled(motion: SourceMotion, step: int = 6) -> list[int]:
    return list(range(0, motion.frames, step))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["walk", "raised arm", "wild"])
def test_fk_limbs_follow_the_skeleton(generated, repository: Path, kind: str, name: str) -> None:
    rig = generated(kind)
    motion = some_motion(name, repository)
    frames = sampled(motion)
    control_oracle.key(rig, control_oracle.drive(rig, motion, "FK"))
    posed = control_oracle.play(rig, generated_rigs.JOINTS, frames)
    errors = limb_oracle.limb_errors(control_oracle.chosen(motion, frames), control_oracle.heads(posed), np.eye(3))
    assert len(errors) == 8
    assert max(error.max() for error in errors.values()) < 0.1


def test_fk_trunk_hands_and_feet_turn_as_the_skeletons(generated, repository: Path) -> None:
    rig = generated("human")
    motion = motions.wild_motion(3)
    frames = sampled(motion)
    control_oracle.key(rig, control_oracle.drive(rig, motion, "FK"))
    posed = control_oracle.play(rig, generated_rigs.JOINTS, frames)
    turned = control_oracle.turns(rig, generated_rigs.JOINTS, posed)
    _, wanted = limb_oracle.skeleton_pose(control_oracle.chosen(motion, frames))
    for role in ("pelvis", "spine3", "head"):
        assert limb_oracle.rotation_degrees(turned[role], wanted[role]).max() < 0.1
    to_z_up = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    for side in ("left", "right"):
        up_from_the_sole = turned[f"{side}_ankle"][:, :, 2], wanted[f"{side}_ankle"][:, :, 2]
        assert limb_oracle.degrees_between(*up_from_the_sole).max() < 0.1
        forearm = to_z_up @ motion.offsets[skeleton.JOINT_INDEX[f"{side}_wrist"]]
        pointing = posed[f"{side}_wrist"][:, :3, 1], wanted[f"{side}_wrist"] @ forearm
        assert limb_oracle.degrees_between(*pointing).max() < 0.1


def test_the_torso_travels_in_proportion_to_the_legs(generated, repository: Path) -> None:
    rig = generated("basic")
    motion = motions.golden_motion(repository, motions.WALK)
    frames = sampled(motion)
    control_oracle.key(rig, control_oracle.drive(rig, motion, "FK"))
    found = control_oracle.heads(control_oracle.play(rig, generated_rigs.JOINTS, frames))
    joints, _ = limb_oracle.skeleton_pose(control_oracle.chosen(motion, frames))
    own, source = (
        np.linalg.norm(at["left_hip"] - at["left_knee"], axis=-1)[0]
        + np.linalg.norm(at["left_knee"] - at["left_ankle"], axis=-1)[0]
        for at in (found, joints)
    )
    travel, wanted = (0.5 * (at["left_hip"] + at["right_hip"])[:, :2] for at in (found, joints))
    assert np.ptp(travel[:, 1]) > 1.0
    np.testing.assert_allclose(travel - travel[0], (wanted - wanted[0]) * own / source, atol=0.003)
    rest = rig.data.bones["DEF-foot.L"].head_local.z
    lowest = np.minimum(found["left_ankle"][:, 2], found["right_ankle"][:, 2])
    assert np.abs(lowest - rest).max() < 0.04


def disturb(rig: bpy.types.Object) -> None:
    """Leave the rig as an animator may have: everything switched otherwise, controls posed, turned and moved away."""
    for bone in rig.pose.bones:
        for name, value in (
            ("IK_FK", 0.5),
            ("FK_limb_follow", 1.0),
            ("IK_parent", 2),
            ("pole_parent", 4),
            ("neck_follow", 0.2),
            ("head_follow", 0.1),
            ("torso_parent", 0),
        ):
            if name in bone:
                bone[name] = value
    for name in ("hips", "chest", "foot_heel_ik.L", "foot_spin_ik.R"):
        bone = rig.pose.bones[name]
        bone.rotation_mode = "XYZ" if name == "chest" else "QUATERNION"
        bone.rotation_euler = (0.3, -0.2, 0.4)
        bone.rotation_quaternion = Quaternion((0.9, 0.3, 0.2, -0.1)).normalized()
    rig.pose.bones["spine_fk.002"].location = (0.05, 0.1, 0.0)
    rig.pose.bones["torso"].location = (0.3, 0.2, 0.1)
    root = rig.pose.bones["root"]
    root.rotation_mode = "XYZ"
    root.rotation_euler = (0.0, 0.0, np.radians(40.0))
    root.location = (2.0, 1.0, 0.0)
    rig.matrix_world = (
        Matrix.Translation((3.0, 0.0, 0.0)) @ Matrix.Rotation(np.radians(30.0), 4, "Z") @ Matrix.Scale(0.01, 4)
    )
    bpy.context.view_layer.update()


@pytest.mark.parametrize(("mode", "degrees"), [("FK", 0.1), ("IK", 0.5)])
def test_what_the_animator_has_switched_and_posed_does_not_matter(
    generated, repository: Path, mode: str, degrees: float
) -> None:
    rig = generated("human")
    disturb(rig)
    motion = motions.golden_motion(repository, motions.WALK)
    frames = sampled(motion)
    control_oracle.key(rig, control_oracle.drive(rig, motion, mode))
    posed = control_oracle.play(rig, generated_rigs.JOINTS, frames)
    facing = limb_oracle.about_z(70.0)
    chosen = control_oracle.chosen(motion, frames)
    errors = limb_oracle.limb_errors(chosen, control_oracle.heads(posed), facing)
    assert max(error.max() for error in errors.values()) < degrees
    _, wanted = limb_oracle.skeleton_pose(chosen)
    turned = control_oracle.turns(rig, generated_rigs.JOINTS, posed)["spine3"]
    own = limb_oracle.about_z(40.0)
    assert limb_oracle.rotation_degrees(turned, own @ wanted["spine3"]).max() < 0.1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["walk", "raised arm", "wild"])
def test_ik_hands_and_feet_are_where_fk_has_them(generated, repository: Path, kind: str, name: str) -> None:
    motion = some_motion(name, repository)
    frames = sampled(motion)
    rig = generated(kind)
    control_oracle.key(rig, control_oracle.drive(rig, motion, "FK"))
    fk = control_oracle.play(rig, generated_rigs.JOINTS, frames)
    control_oracle.key(rig, control_oracle.drive(rig, motion, "IK"))
    ik = control_oracle.play(rig, generated_rigs.JOINTS, frames)
    errors = limb_oracle.limb_errors(control_oracle.chosen(motion, frames), control_oracle.heads(ik), np.eye(3))
    assert max(error.max() for error in errors.values()) < 2.0
    for side in ("left", "right"):
        for upper, middle, end in LIMBS:
            wanted, found = ([posed[f"{side}_{part}"][:, :3, 3] for part in (upper, middle, end)] for posed in (fk, ik))
            length = np.linalg.norm(wanted[1] - wanted[0], axis=-1) + np.linalg.norm(wanted[2] - wanted[1], axis=-1)
            assert (np.linalg.norm(found[2] - wanted[2], axis=-1) / length).max() < 0.01
            assert not flipped(wanted, found).any()
            ends = fk[f"{side}_{end}"][:, :3, :3], ik[f"{side}_{end}"][:, :3, :3]
            assert limb_oracle.rotation_degrees(*ends).max() < 0.2
        toes = fk[f"{side}_foot"], ik[f"{side}_foot"]
        np.testing.assert_allclose(toes[0], toes[1], atol=0.005)


def flipped(wanted: list[np.ndarray], found: list[np.ndarray]) -> np.ndarray:
    """(F,) whether elbow or knee points to the other side, in frames whose bend shows a side."""
    normals = [np.cross(middle - upper, end - middle) for upper, middle, end in (wanted, found)]
    areas = np.linalg.norm(wanted[1] - wanted[0], axis=-1) * np.linalg.norm(wanted[2] - wanted[1], axis=-1)
    bent = np.linalg.norm(normals[0], axis=-1) > 0.1 * areas
    return bent & (np.sum(normals[0] * normals[1], axis=-1) <= 0.0)


@pytest.mark.parametrize("mode", ["FK", "IK"])
def test_the_foot_lock_reaches_the_deform_bones(generated, repository: Path, mode: str) -> None:
    rig = generated("basic")
    motion = motions.golden_motion(repository, motions.WALK)
    frames = list(range(motion.frames))
    slides = []
    for locked in (False, True):
        control_oracle.key(rig, control_oracle.drive(rig, motion, mode, foot_lock=locked))
        ankles = control_oracle.heads(control_oracle.play(rig, generated_rigs.JOINTS, frames))
        slides.append(max(slide(motion, ankles[f"{side}_ankle"], side) for side in ("left", "right")))
    assert slides[0] > 0.02
    assert slides[1] < 0.01


def slide(motion: SourceMotion, ankle: np.ndarray, side: str) -> float:
    """The longest way that an ankle goes over the ground within one contact."""
    column = skeleton.CONTACT_JOINTS.index(skeleton.JOINT_INDEX[f"{side}_ankle"])
    touching = motion.contacts[:, column] > 0.9
    starts = np.flatnonzero(touching & ~np.roll(touching, 1))
    ways = []
    for start in starts:
        stop = start + int(np.argmin(np.append(touching[start:], False)))
        ways.append(np.ptp(ankle[start:stop, :2], axis=0).max())
    return float(max(ways))


@pytest.mark.parametrize("mode", ["FK", "IK"])
def test_only_free_controls_are_keyed(generated, mode: str) -> None:
    rig = generated("human")
    action = control_oracle.key(rig, control_oracle.drive(rig, motions.still_motion(), mode))
    paths = [curve.data_path for curve in compat.fcurves(action)]
    # A setting of the solver, not a transform: without it the solver bends the limb otherwise than meant.
    settings = [path for path in paths if path.endswith(".ik_stretch")]
    assert len(settings) == (8 if mode == "IK" else 0)
    keyed = {path.split('"')[1] for path in paths if path not in settings}
    assert {"torso", "neck", "head", "shoulder.L", "upper_arm_parent.R"} <= keyed
    assert ("hand_ik.L" in keyed) == (mode == "IK")
    assert ("hand_fk.L" in keyed) == (mode == "FK")
    assert not [bone for bone in keyed if bone.startswith(("DEF-", "ORG-", "MCH-", "tweak", "f_", "thumb"))]
    assert not [bone for bone in keyed if rig.pose.bones[bone].constraints]


def test_a_take_brings_its_switches_along(generated) -> None:
    rig = generated("basic")
    by_mode = {
        mode: control_oracle.key(rig, control_oracle.drive(rig, motions.still_motion(turn_degrees=90.0), mode))
        for mode in ("FK", "IK")
    }
    values = {"FK": (1.0, False), "IK": (0.0, True)}
    for mode in ("FK", "IK", "FK"):
        takes.activate_take(rig, by_mode[mode])
        bpy.context.scene.frame_set(2)
        for bone in ("upper_arm_parent.L", "thigh_parent.R"):
            assert rig.pose.bones[bone]["IK_FK"] == values[mode][0]
        if mode == "IK":
            assert rig.pose.bones["thigh_parent.L"]["pole_vector"] == values[mode][1]
        assert rig.pose.bones["torso"]["head_follow"] == 1.0
    switch = [curve for curve in compat.fcurves(by_mode["FK"]) if curve.data_path.endswith('["IK_FK"]')]
    assert len(switch) == 4
    assert all(len(curve.keyframe_points) == 1 for curve in switch)


@pytest.mark.parametrize("mode", ["FK", "IK"])
def test_reduced_keys_keep_hands_and_feet(generated, repository: Path, mode: str) -> None:
    rig = generated("basic")
    motion = motions.golden_motion(repository, motions.RAISED_ARM)
    frames = sampled(motion, 5)
    driven = control_oracle.drive(rig, motion, mode)
    counts, posed = [], []
    for reduction in ("NONE", "BEZIER"):
        action = control_oracle.key(rig, driven, key_reduction=reduction)
        counts.append(sum(len(curve.keyframe_points) for curve in compat.fcurves(action)))
        posed.append(control_oracle.heads(control_oracle.play(rig, generated_rigs.JOINTS, frames)))
    assert counts[1] < counts[0] / 3
    for role in ("left_wrist", "right_wrist", "left_ankle", "right_ankle"):
        assert np.linalg.norm(posed[0][role] - posed[1][role], axis=-1).max() < 0.004


def test_poles_of_straight_arms_turn_with_the_body(generated) -> None:
    """In a T-pose nothing shows where elbows point; their poles must not wander about, nor stay behind."""
    rig = generated("basic")
    motion = motions.still_motion(frames=13)
    yaw = np.linspace(0.0, np.pi, motion.frames)
    motion.rotations[:, 0] = motions.rotation_vectors(np.stack([0.0 * yaw, yaw, 0.0 * yaw], axis=-1))
    control_oracle.key(rig, control_oracle.drive(rig, motion, "IK"))
    joints = {"pole": "upper_arm_ik_target.L", **generated_rigs.JOINTS}
    posed = control_oracle.heads(control_oracle.play(rig, joints, list(range(motion.frames))))
    from_shoulder = posed["pole"] - posed["left_shoulder"]
    own = np.stack([limb_oracle.about_z(-np.degrees(angle)) @ v for angle, v in zip(yaw, from_shoulder, strict=True)])
    assert np.ptp(own, axis=0).max() < 1e-3
    assert own[0, 1] > 0.3


def test_a_map_of_driven_bones_still_keys_the_controls(generated, repository: Path) -> None:
    rig = generated("basic")
    snapshot = read_rig(rig)
    by_hand = BoneMap({**generated_rigs.JOINTS, "neck": "DEF-spine.004"})
    assert control_modes(snapshot, by_hand) == control_modes(snapshot, detect(snapshot).bone_map) == ("FK", "IK")


def test_the_panel_knows_which_rigs_have_controls(addon, generated, armatures) -> None:
    status = targets.RigStatusCache()
    assert status.status(generated("basic")).control_modes == ("FK", "IK")
    assert status.status(armatures.mixamo()).control_modes == ()
    assert bpy.context.scene.mld.control_mode == "FK"


@pytest.mark.parametrize("mode", ["FK", "IK"])
def test_a_generated_motion_arrives_on_the_controls(addon, generated, repository: Path, mode: str) -> None:
    rig = generated("basic")
    settings = bpy.context.scene.mld
    settings.control_mode, settings.foot_lock = mode, False
    motion = motions.golden_motion(repository, motions.WALK)
    job = generation.new_job(rig, {"text": "a person walks"}, generation.Placement.of(bpy.context.scene, start_frame=0))
    meta = {**ENGINE_META, "seconds": motion.seconds}
    arrays = (motion.rotations, motion.root, motion.contacts, np.asarray(motion.offsets))
    generation.apply_motion(
        job, MotionReady(1, 0, 1, 3, motion.fps, meta, (), *(np.float32(array) for array in arrays))
    )
    action = rig.animation_data.action
    assert action["mld_options"]["control_mode"] == mode
    frames = sampled(motion)
    posed = control_oracle.heads(control_oracle.play(rig, generated_rigs.JOINTS, frames))
    errors = limb_oracle.limb_errors(control_oracle.chosen(motion, frames), posed, np.eye(3))
    assert max(error.max() for error in errors.values()) < (0.1 if mode == "FK" else 3.0)
