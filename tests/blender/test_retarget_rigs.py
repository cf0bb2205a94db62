# SPDX-License-Identifier: GPL-3.0-or-later
"""Retargeted takes on real armatures, evaluated by Blender itself and compared with the motion's skeleton."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy", reason="needs Blender's Python module")

from blender_addon.retarget import rig_pose  # noqa: E402
from blender_addon.retarget.options import PoseTrack, RetargetOptions  # noqa: E402
from blender_addon.retarget.pipeline import retarget  # noqa: E402
from blender_addon.retarget.rotation_modes import EULER_ORDERS, rotation_channels  # noqa: E402
from blender_addon.retarget.source_motion import SourceMotion  # noqa: E402
from blender_addon.rig.blender_snapshot import read_rig  # noqa: E402
from blender_addon.rig.bone_map import BoneMap  # noqa: E402
from tests.retarget import limb_oracle, motions  # noqa: E402

pytestmark = pytest.mark.blender

ARMS_AND_LEGS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
INHERIT_SCALE = ("FULL", "FIX_SHEAR", "ALIGNED", "AVERAGE", "NONE", "NONE_LEGACY")


def both_sides(pattern: str, sides: tuple[str, str], **parts: str) -> dict[str, str]:
    """Role -> bone for both sides; `pattern` holds {part} and {side}."""
    return {
        f"{role_side}_{role}": pattern.format(part=part, side=side)
        for role_side, side in zip(("left", "right"), sides, strict=True)
        for role, part in parts.items()
    }


METARIG = {
    "pelvis": "spine", "spine1": "spine.001", "spine2": "spine.002", "spine3": "spine.003",
    "neck": "spine.004", "head": "spine.006",
    **both_sides("{part}.{side}", ("L", "R"), collar="shoulder", shoulder="upper_arm", elbow="forearm", wrist="hand",
                 hip="thigh", knee="shin", ankle="foot", foot="toe"),
}  # fmt: skip
MIXAMO = {
    "pelvis": "mixamorig:Hips", "spine1": "mixamorig:Spine", "spine2": "mixamorig:Spine1",
    "spine3": "mixamorig:Spine2", "neck": "mixamorig:Neck", "head": "mixamorig:Head",
    **both_sides("mixamorig:{side}{part}", ("Left", "Right"), collar="Shoulder", shoulder="Arm", elbow="ForeArm",
                 wrist="Hand", hip="UpLeg", knee="Leg", ankle="Foot", foot="ToeBase"),
}  # fmt: skip
MALE = {
    "pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03", "neck": "neck_01",
    "head": "head",
    **both_sides("{part}_{side}", ("l", "r"), collar="clavicle", shoulder="upperarm", elbow="lowerarm", wrist="hand",
                 hip="thigh", knee="calf", ankle="foot", foot="ball"),
}  # fmt: skip
KENNEY = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Chest", "spine3": "UpperChest", "neck": "Neck", "head": "Head",
    **both_sides("{side}{part}", ("Left", "Right"), collar="Shoulder", shoulder="Arm", elbow="ForeArm", wrist="Hand",
                 hip="UpLeg", knee="Leg", ankle="Foot", foot="Toes"),
}  # fmt: skip
KNIGHT = {
    "pelvis": "hips", "spine1": "spine", "spine3": "chest", "head": "head",
    **both_sides("{part}.{side}", ("l", "r"), shoulder="upperarm", elbow="lowerarm", wrist="wrist", hip="upperleg",
                 knee="lowerleg", ankle="foot", foot="toes"),
}  # fmt: skip


def empty_scene() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


def metarig() -> bpy.types.Object:
    """Rigify's human metarig: an A-pose with connected bones and Euler shoulders."""
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_human_metarig_add()
    return bpy.context.object


def mixamo_rig() -> bpy.types.Object:
    """A rig with Mixamo's names and habits: centimetres, Y up, an object turned by 90 degrees and scaled by 0.01."""
    armature = metarig()
    for role, bone in METARIG.items():
        armature.data.bones[bone].name = MIXAMO[role]
    from mathutils import Matrix

    turn_back = Matrix.Rotation(np.radians(-90.0), 4, "X")
    armature.data.transform(Matrix.Scale(100.0, 4) @ turn_back)
    armature.matrix_world = Matrix.Rotation(np.radians(90.0), 4, "X") @ Matrix.Scale(0.01, 4)
    return armature


def imported(file: str) -> Callable[[Path], bpy.types.Object]:
    def load(shared: Path) -> bpy.types.Object:
        bpy.ops.import_scene.gltf(filepath=str(shared / "rigs" / file))
        return next(item for item in bpy.data.objects if item.type == "ARMATURE")

    return load


def mannequin() -> bpy.types.Object:
    from blender_addon.rig.blender_mannequin import add_mannequin

    return add_mannequin(bpy.context)


RIGS: dict[str, tuple[Callable[..., bpy.types.Object], dict[str, str]]] = {
    "metarig": (metarig, METARIG),
    "mixamo": (mixamo_rig, MIXAMO),
    "human-male": (imported("human-male.glb"), MALE),
    "human-kenney": (imported("human-kenney.glb"), KENNEY),
    "knight": (imported("knight.glb"), KNIGHT),
}


@pytest.fixture(params=list(RIGS))
def rig_case(request: pytest.FixtureRequest) -> tuple[bpy.types.Object, dict[str, str]]:
    """An armature object in an empty scene, and which of its bones plays which role."""
    empty_scene()
    make, roles = RIGS[request.param]
    if make in (metarig, mixamo_rig):
        armature = make()
    else:
        armature = make(request.getfixturevalue("shared_dir"))
    # What an imported action has posed stays posed, as it does for an animator who unlinks it.
    armature.animation_data_clear()
    bpy.context.view_layer.update()
    return armature, roles


def evaluated(armature: bpy.types.Object) -> bpy.types.Object:
    graph = bpy.context.evaluated_depsgraph_get()
    graph.update()
    return armature.evaluated_get(graph)


def apply_frame(armature: bpy.types.Object, track: PoseTrack, channels: dict, frame: int) -> None:
    """Set the channels of one sample, as keys would."""
    for bone, (name, values) in channels.items():
        setattr(armature.pose.bones[bone], name, values[frame].tolist())
    for bone, values in track.locations.items():
        armature.pose.bones[bone].location = values[frame].tolist()


def posed_heads(armature: bpy.types.Object, roles: dict[str, str]) -> dict[str, np.ndarray]:
    posed = evaluated(armature)
    world = np.array(posed.matrix_world)
    return {role: (world @ np.array(posed.pose.bones[bone].matrix))[:3, 3] for role, bone in roles.items()}


def play(
    armature: bpy.types.Object, roles: dict[str, str], motion: SourceMotion, frames: list[int]
) -> tuple[PoseTrack, dict[str, np.ndarray]]:
    """Retarget at the motion's own rate and read the heads (frames, 3) of the mapped bones back from Blender."""
    rig = read_rig(armature, bpy.context.evaluated_depsgraph_get())
    track = retarget(motion, rig, BoneMap(roles), RetargetOptions(motion.fps, foot_lock=False))
    channels = rotation_channels(track, rig)
    heads = []
    for frame in frames:
        apply_frame(armature, track, channels, frame)
        heads.append(posed_heads(armature, roles))
    return track, {role: np.stack([pose[role] for pose in heads]) for role in roles}


def chosen(motion: SourceMotion, frames: list[int]) -> SourceMotion:
    return SourceMotion(
        motion.rotations[frames], motion.root[frames], motion.contacts[frames], motion.offsets, motion.fps
    )


@pytest.mark.parametrize("take", [motions.WALK, motions.WAVE])
def test_limbs_follow_the_skeleton(rig_case: tuple, repository: Path, take: int) -> None:
    armature, roles = rig_case
    motion = motions.golden_motion(repository, take)
    frames = list(range(0, motion.frames, 6))
    _, heads = play(armature, roles, motion, frames)
    errors = limb_oracle.limb_errors(chosen(motion, frames), heads, np.eye(3))
    assert len(errors) == 8
    assert max(error.max() for error in errors.values()) < 0.1


def test_feet_stay_near_the_ground_and_knees_bend_forward(rig_case: tuple, repository: Path) -> None:
    armature, roles = rig_case
    rest = {
        role: np.array(armature.matrix_world @ armature.data.bones[bone].head_local) for role, bone in roles.items()
    }
    motion = motions.golden_motion(repository, motions.WALK)
    frames = list(range(0, motion.frames, 2))
    _, heads = play(armature, roles, motion, frames)
    leg = np.linalg.norm(rest["left_knee"] - rest["left_hip"]) + np.linalg.norm(rest["left_ankle"] - rest["left_knee"])
    for side, column in (("left", 0), ("right", 2)):
        flat = motion.contacts[frames, column] > 0.9
        height = (heads[f"{side}_ankle"][flat, 2] - rest[f"{side}_ankle"][2]) * 0.814 / leg
        assert flat.sum() > 5
        assert np.abs(np.median(height)) < 0.015
        assert np.abs(height).max() < 0.04
        hip, knee, ankle = (heads[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        thigh = (ankle - hip) / np.linalg.norm(ankle - hip, axis=-1, keepdims=True)
        bend = (knee - hip) - np.sum((knee - hip) * thigh, axis=-1, keepdims=True) * thigh
        bent = np.linalg.norm(bend, axis=-1) > 0.02 * leg
        assert bent.any()
        assert (bend[bent, 1] < 0.0).all()


def test_only_mapped_bones_and_spine_get_channels(rig_case: tuple, repository: Path) -> None:
    armature, roles = rig_case
    rng = np.random.default_rng(5)
    for bone in armature.pose.bones:
        bone.rotation_mode = str(rng.choice(["QUATERNION", "AXIS_ANGLE", *EULER_ORDERS]))
    before = {bone.name: (np.array(bone.matrix_basis), bone.rotation_mode) for bone in armature.pose.bones}
    motion = motions.golden_motion(repository, motions.WAVE)
    frames = list(range(0, motion.frames, 10))
    track, heads = play(armature, roles, motion, frames)
    errors = limb_oracle.limb_errors(chosen(motion, frames), heads, np.eye(3))
    assert max(error.max() for error in errors.values()) < 0.1
    assert set(roles.values()) <= set(track.rotations)
    extra = set(track.rotations) - set(roles.values())
    assert extra <= {"spine.005"}
    assert set(track.locations) == {roles["pelvis"]}
    for bone in armature.pose.bones:
        assert bone.rotation_mode == before[bone.name][1]
        if bone.name not in track.bones:
            np.testing.assert_array_equal(np.array(bone.matrix_basis), before[bone.name][0])


@pytest.mark.parametrize("scaled", [False, True])
def test_forward_kinematics_equal_blenders(rig_case: tuple, scaled: bool) -> None:
    """Random channels on every bone, random inheritance: our pose matrices are Blender's."""
    armature, _ = rig_case
    rng = np.random.default_rng(11)
    for bone in armature.data.bones:
        bone.use_inherit_rotation = bool(rng.random() < 0.8)
        bone.use_local_location = bool(rng.random() < 0.7)
        bone.inherit_scale = str(rng.choice(INHERIT_SCALE)) if scaled else "FULL"
    size = 1.0 / armature.matrix_world.to_scale()[0]
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
        bone.rotation_quaternion = motions.rotation_vectors(rng.normal(size=3)).tolist()
        bone.location = (rng.normal(size=3) * 0.1 * size).tolist()
        bone.scale = rng.uniform(0.85, 1.15, 3).tolist() if scaled else (1.0, 1.0, 1.0)
    graph = bpy.context.evaluated_depsgraph_get()
    graph.update()
    rig = read_rig(armature, graph)
    nothing = PoseTrack(np.zeros(1), {}, {}, 1.0, np.zeros((1, 4)))
    poses = rig_pose.track_poses(rig, nothing)
    posed = evaluated(armature).pose.bones
    for bone in rig.bone_names:
        expected = np.array(posed[bone].matrix)
        np.testing.assert_allclose(poses[bone][0], expected, rtol=0.0, atol=1e-5 * max(1.0, np.abs(expected).max()))


def test_forward_kinematics_of_a_track_equal_blenders(rig_case: tuple, repository: Path) -> None:
    armature, roles = rig_case
    motion = motions.golden_motion(repository, motions.WAVE)
    rig = read_rig(armature, bpy.context.evaluated_depsgraph_get())
    track = retarget(motion, rig, BoneMap(roles), RetargetOptions(24.0, foot_lock=False))
    world = rig_pose.track_world(rig, track, roles.values())
    channels = rotation_channels(track, rig)
    for frame in (0, 17, track.frame_count - 1):
        apply_frame(armature, track, channels, frame)
        heads = posed_heads(armature, roles)
        for role, bone in roles.items():
            np.testing.assert_allclose(world[bone][frame, :3, 3], heads[role], rtol=0.0, atol=2e-5)
