# SPDX-License-Identifier: GPL-3.0-or-later
"""Retargeted takes on real armatures, evaluated by Blender itself and compared with the motion's skeleton."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.retarget import rig_pose  # noqa: E402
from blender_addon.retarget.options import PoseTrack, RetargetOptions  # noqa: E402
from blender_addon.retarget.pipeline import retarget  # noqa: E402
from blender_addon.retarget.rotation_modes import EULER_ORDERS, rotation_channels  # noqa: E402
from blender_addon.retarget.source_motion import SourceMotion  # noqa: E402
from blender_addon.rig.blender_snapshot import read_rig  # noqa: E402
from blender_addon.rig.bone_map import BoneMap, detect  # noqa: E402
from tests.blender.known_rigs import ROLES  # noqa: E402
from tests.retarget import limb_oracle, motions  # noqa: E402
from tests.rig.rig_builder import random_names  # noqa: E402

INHERIT_SCALE = ("FULL", "FIX_SHEAR", "ALIGNED", "AVERAGE", "NONE", "NONE_LEGACY")


@pytest.fixture(scope="module")
def rig_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Rig name -> a file with its armature, filled as rigs are first needed: importing a character takes seconds."""
    return {name: tmp_path_factory.mktemp("rigs") / f"{name}.blend" for name in ROLES}


@pytest.fixture(params=list(ROLES))
def rig_case(
    request: pytest.FixtureRequest, armatures: ModuleType, rig_files: dict[str, Path]
) -> tuple[bpy.types.Object, dict[str, str]]:
    """An armature object, alone in the file, and which of its bones plays which role."""
    name, file = request.param, rig_files[request.param]
    if file.exists():
        bpy.ops.wm.open_mainfile(filepath=str(file))
        return next(item for item in bpy.data.objects if item.type == "ARMATURE"), ROLES[name]
    if name == "metarig":
        armature = armatures.human_metarig()
    elif name == "mixamo":
        armature = armatures.mixamo("mixamorig:")
    elif name == "mannequin":
        armature = request.getfixturevalue("mannequin")
    else:
        armature = request.getfixturevalue("import_rig")(name)
    # What an imported action has posed stays posed, as it does for an animator who unlinks it.
    armature.animation_data_clear()
    bpy.data.batch_remove([item for item in bpy.data.objects if item != armature])
    bpy.ops.outliner.orphans_purge(do_recursive=True)
    bpy.context.view_layer.update()
    bpy.ops.wm.save_as_mainfile(filepath=str(file), copy=True)
    return armature, ROLES[name]


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


def test_limbs_follow_the_skeleton(rig_case: tuple, repository: Path) -> None:
    armature, roles = rig_case
    for take in (motions.WALK, motions.RAISED_ARM):
        motion = motions.golden_motion(repository, take)
        frames = list(range(0, motion.frames, 6))
        _, heads = play(armature, roles, motion, frames)
        errors = limb_oracle.limb_errors(chosen(motion, frames), heads, np.eye(3))
        assert len(errors) == 8
        assert max(error.max() for error in errors.values()) < 0.1


def test_limbs_follow_the_skeleton_when_every_bone_has_a_random_name(rig_case: tuple, repository: Path) -> None:
    """Renamed in Blender itself, mapped by structure alone, measured at the bones that play the roles."""
    armature, roles = rig_case
    name_of, new_names = random_names(np.random.default_rng(2)), {}
    for bone in list(armature.data.bones):
        old = bone.name
        bone.name = name_of(old)
        new_names[old] = bone.name
    detection = detect(read_rig(armature))
    assert detection.source == "structure"
    assert detection.usable
    motion = motions.golden_motion(repository, motions.WALK)
    frames = list(range(0, motion.frames, 12))
    _, heads = play(armature, dict(detection.bone_map.bones), motion, frames)
    true_roles = {role: new_names[bone] for role, bone in roles.items()}
    assert {role: bone for role, bone in detection.bone_map.bones.items() if role in true_roles} == true_roles
    errors = limb_oracle.limb_errors(chosen(motion, frames), heads, np.eye(3))
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
    motion = motions.golden_motion(repository, motions.RAISED_ARM)
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


def test_forward_kinematics_equal_blenders(rig_case: tuple) -> None:
    """Random channels on every bone, random inheritance: our pose matrices are Blender's, with and without scale."""
    armature, _ = rig_case
    rng = np.random.default_rng(11)
    size = 1.0 / armature.matrix_world.to_scale()[0]
    for scaled in (False, True):
        for bone in armature.data.bones:
            bone.use_inherit_rotation = bool(rng.random() < 0.8)
            bone.use_local_location = bool(rng.random() < 0.7)
            bone.inherit_scale = str(rng.choice(INHERIT_SCALE)) if scaled else "FULL"
        for bone in armature.pose.bones:
            bone.rotation_mode = "QUATERNION"
            bone.rotation_quaternion = motions.rotation_vectors(rng.normal(size=3)).tolist()
            bone.location = (rng.normal(size=3) * 0.1 * size).tolist()
            bone.scale = rng.uniform(0.85, 1.15, 3).tolist() if scaled else (1.0, 1.0, 1.0)
        posed = evaluated(armature).pose.bones
        rig = read_rig(armature, bpy.context.evaluated_depsgraph_get())
        poses = rig_pose.track_world(rig, PoseTrack(np.zeros(1), {}, {}, 1.0, np.zeros((1, 4))))
        for bone in rig.bone_names:
            expected = rig.world @ np.array(posed[bone].matrix)
            tolerance = 1e-5 * max(1.0, np.abs(expected).max())
            np.testing.assert_allclose(poses[bone][0], expected, rtol=0.0, atol=tolerance)


def test_forward_kinematics_of_a_track_equal_blenders(rig_case: tuple, repository: Path) -> None:
    armature, roles = rig_case
    motion = motions.golden_motion(repository, motions.RAISED_ARM)
    rig = read_rig(armature, bpy.context.evaluated_depsgraph_get())
    track = retarget(motion, rig, BoneMap(roles), RetargetOptions(24.0, foot_lock=False))
    world = rig_pose.track_world(rig, track, roles.values())
    channels = rotation_channels(track, rig)
    for frame in (0, 17, track.frame_count - 1):
        apply_frame(armature, track, channels, frame)
        heads = posed_heads(armature, roles)
        for role, bone in roles.items():
            np.testing.assert_allclose(world[bone][frame, :3, 3], heads[role], rtol=0.0, atol=2e-5)


def test_mannequin_does_what_the_skeleton_does(mannequin: bpy.types.Object, repository: Path) -> None:
    """The mannequin has the motion's own proportions: all joints are where the skeleton's are, but for one shift."""
    roles = ROLES["mannequin"]
    motion = motions.golden_motion(repository, motions.RAISED_ARM)
    frames = list(range(0, motion.frames, 15))
    _, heads = play(mannequin, roles, motion, frames)
    joints, _ = limb_oracle.skeleton_pose(chosen(motion, frames))
    apart = np.stack([heads[role] - joints[role] for role in roles], axis=1)
    np.testing.assert_allclose(apart, np.broadcast_to(apart[0, 0], apart.shape), rtol=0.0, atol=1e-4)
