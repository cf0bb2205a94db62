# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures read from Blender, and the bones that are found on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Matrix, Quaternion  # noqa: E402

from blender_addon.rig import roles  # noqa: E402
from blender_addon.rig.blender_snapshot import read_rig  # noqa: E402
from blender_addon.rig.bone_map import detect  # noqa: E402
from blender_addon.rig.snapshot import RigError, RigSnapshot  # noqa: E402
from tests.rig.rig_builder import renamed  # noqa: E402

CHARACTERS = {
    # file -> name table
    "human-male": "Unreal Engine",
    "human-kenney": "Unity humanoid",
    "knight": "KayKit",
}
CHARACTER_BONES = {
    "human-male": {"pelvis": "pelvis", "spine1": "spine_01", "spine3": "spine_03", "neck": "neck_01", "head": "head",
                   "left_collar": "clavicle_l", "right_elbow": "lowerarm_r", "left_ankle": "foot_l"},
    "human-kenney": {"pelvis": "Hips", "spine1": "Spine", "spine2": "Chest", "spine3": "UpperChest", "head": "Head",
                     "left_hip": "LeftUpLeg", "right_wrist": "RightHand", "right_foot": "RightToes"},
    "knight": {"pelvis": "hips", "spine1": "spine", "spine3": "chest", "head": "head", "left_shoulder": "upperarm.l",
               "left_wrist": "wrist.l", "right_knee": "lowerleg.r", "right_foot": "toes.r"},
}  # fmt: skip


def test_values_are_blenders(chain: Any):
    pose_bone = chain.pose.bones["chest"]
    pose_bone.rotation_mode = "ZXY"
    pose_bone.rotation_euler = (0.1, 0.2, 0.3)
    pose_bone.lock_location = (True, False, True)
    pose_bone.lock_rotation = (False, True, False)
    chain.data.bones["spine"].use_inherit_rotation = False
    chain.data.bones["spine"].inherit_scale = "NONE"
    chain.data.bones["spine"].use_local_location = False
    chain.data.bones["tail"].use_deform = False
    chain.pose.bones["tail"].constraints.new("LIMIT_ROTATION")
    chain.pose.bones["hips"].constraints.new("LIMIT_ROTATION").enabled = False
    chain.matrix_world = Matrix.Translation((1, 2, 3)) @ Matrix.Rotation(0.4, 4, "Z") @ Matrix.Scale(2.0, 4)
    bpy.context.view_layer.update()
    rig = read_rig(chain)
    assert rig.bone_names == ("hips", "spine", "chest", "tail")
    assert rig.parents == (-1, 0, 1, 2)
    assert rig.rotation_modes[2] == "ZXY"
    np.testing.assert_allclose(rig.basis[2], np.array(pose_bone.matrix_basis), atol=1e-6)
    np.testing.assert_allclose(rig.world, np.array(chain.matrix_world), atol=1e-6)
    np.testing.assert_allclose(rig.rest[1], np.array(chain.data.bones["spine"].matrix_local), atol=1e-6)
    assert rig.lock_location[2].tolist() == [True, False, True]
    assert rig.lock_rotation[2].tolist() == [False, True, False]
    assert rig.inherit_rotation.tolist() == [True, False, True, True]
    assert rig.inherit_scale[1] == "NONE"
    assert rig.use_local_location.tolist() == [True, False, True, True]
    assert rig.deform.tolist() == [True, True, True, False]
    assert rig.constrained.tolist() == [False, False, False, True]


def test_positions_are_where_blender_draws_the_bones(metarig: Any):
    metarig.matrix_world = Matrix.Rotation(0.7, 4, "Z") @ Matrix.Scale(0.5, 4)
    bpy.context.view_layer.update()
    rig = read_rig(metarig)
    for bone in ("upper_arm.L", "foot.R", "spine.006"):
        index = rig.index(bone)
        head = metarig.matrix_world @ metarig.data.bones[bone].head_local
        tail = metarig.matrix_world @ metarig.data.bones[bone].tail_local
        np.testing.assert_allclose(rig.rest_world[index, :3, 3], head, atol=1e-6)
        np.testing.assert_allclose((rig.world @ [*rig.tails[index], 1.0])[:3], tail, atol=1e-6)


def test_reading_changes_nothing(metarig: Any, armatures: ModuleType):
    other = armatures.chain("Other")
    metarig.pose.bones["spine"].rotation_quaternion = Quaternion((0.9, 0.1, 0.0, 0.0)).normalized()
    bpy.context.view_layer.update()
    armatures.make_active(other)
    before = [matrix.copy() for matrix in (bone.matrix_basis for bone in metarig.pose.bones)]
    metarig.select_set(True)
    read_rig(metarig)
    assert bpy.context.view_layer.objects.active == other
    assert (metarig.select_get(), other.select_get()) == (True, True)
    assert bpy.context.mode == "OBJECT"
    assert all(a == b for a, b in zip(before, (bone.matrix_basis for bone in metarig.pose.bones), strict=True))


def test_read_in_pose_mode(metarig: Any):
    bpy.ops.object.mode_set(mode="POSE")
    assert len(read_rig(metarig)) == len(metarig.data.bones)
    assert metarig.mode == "POSE"


def test_world_of_an_object_under_constraints(chain: Any):
    """With a depsgraph the object stands where its constraints put it."""
    target = bpy.data.objects.new("Target", None)
    target.location = (4.0, 5.0, 6.0)
    bpy.context.scene.collection.objects.link(target)
    chain.constraints.new("COPY_LOCATION").target = target
    rig = read_rig(chain, bpy.context.evaluated_depsgraph_get())
    np.testing.assert_allclose(rig.world[:3, 3], (4.0, 5.0, 6.0), atol=1e-6)


def test_no_armature_no_bones_edit_mode(armatures: ModuleType):
    with pytest.raises(RigError, match="Nothing is selected"):
        read_rig(None)
    empty = bpy.data.objects.new("Lamp", None)
    with pytest.raises(RigError, match="“Lamp” is not an armature"):
        read_rig(empty)
    boneless = armatures.new_armature("Boneless", [])
    with pytest.raises(RigError, match="“Boneless” has no bones"):
        read_rig(boneless)
    edited = armatures.chain("Edited")
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RigError, match="Edit Mode") as caught:
        read_rig(edited)
    assert "Leave Edit Mode" in caught.value.hint


def test_uneven_scale_of_a_parent_is_refused(metarig: Any):
    parent = bpy.data.objects.new("Parent", None)
    parent.scale = (1.0, 1.0, 2.0)
    bpy.context.scene.collection.objects.link(parent)
    metarig.parent = parent
    bpy.context.view_layer.update()
    with pytest.raises(RigError, match="differently along its axes"):
        read_rig(metarig)
    parent.scale = (0.01, 0.01, 0.01)
    bpy.context.view_layer.update()
    assert read_rig(metarig).world_scale == pytest.approx(0.01)


def test_linked_and_overridden_armatures_are_read(metarig: Any, tmp_path: Path):
    expected = read_rig(metarig)
    file = tmp_path / "library.blend"
    bpy.data.libraries.write(str(file), {metarig}, path_remap="NONE")
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(str(file), link=True) as (source, target):
        target.objects = source.objects
    linked = target.objects[0]
    bpy.context.scene.collection.objects.link(linked)
    bpy.context.view_layer.update()
    assert linked.library is not None
    assert read_rig(linked).bone_names == expected.bone_names
    overridden = linked.override_create(remap_local_usages=True)
    bpy.context.view_layer.update()
    assert detect(read_rig(overridden)).source == "Rigify metarig"


@pytest.mark.parametrize("character", CHARACTERS)
def test_characters_by_their_names(character: str, import_rig: Callable[[str], Any]):
    detection = detect(read_rig(import_rig(character)))
    assert detection.source == CHARACTERS[character]
    assert detection.usable
    assert detection.confidence > 0.9
    bones = detection.bone_map.bones
    assert {role: bones.get(role) for role in CHARACTER_BONES[character]} == CHARACTER_BONES[character]


@pytest.mark.parametrize("character", CHARACTERS)
def test_characters_with_meaningless_names(character: str, import_rig: Callable[[str], Any]):
    armature = import_rig(character)
    armature.rotation_mode = "XYZ"
    for degrees in (0.0, 90.0, 135.0):
        armature.rotation_euler.z = np.radians(degrees)
        bpy.context.view_layer.update()
        _assert_found_without_names(read_rig(armature))


def test_mixamo(mixamo_rig: Any):
    rig = read_rig(mixamo_rig)
    detection = detect(rig)
    assert detection.source == "Mixamo"
    assert detection.usable
    assert detection.bone_map.get("left_hip").endswith("LeftUpLeg")
    assert detection.bone_map.get("spine3").endswith("Spine2")
    _assert_found_without_names(rig)


def test_rigify_metarig(metarig: Any):
    rig = read_rig(metarig)
    detection = detect(rig)
    assert detection.source == "Rigify metarig"
    assert detection.bone_map.get("head") == "spine.006"
    assert detection.bone_map.get("neck") == "spine.004"
    _assert_found_without_names(rig)


def test_basic_human_metarig(armatures: ModuleType):
    with armatures.rigify_enabled():
        bpy.ops.object.armature_basic_human_metarig_add()
    rig = read_rig(bpy.context.view_layer.objects.active)
    assert detect(rig).source == "Rigify metarig"
    assert detect(rig).usable


@pytest.mark.parametrize("animal", ["basic_quadruped", "wolf", "cat", "horse", "shark", "bird"])
def test_animals_are_refused(animal: str, armatures: ModuleType):
    """Rigify's animals, some of which share the human's bone names."""
    with armatures.rigify_enabled():
        getattr(bpy.ops.object, f"armature_{animal}_metarig_add")()
    rig = read_rig(bpy.context.view_layer.objects.active)
    for seen in (rig, renamed(rig, np.random.default_rng(1))[0]):
        detection = detect(seen)
        assert not detection.usable
        assert detection.missing or detection.notes


def test_generated_rig_uses_fk_controls(armatures: ModuleType):
    with armatures.rigify_enabled():
        bpy.ops.object.armature_basic_human_metarig_add()
        bpy.ops.pose.rigify_generate()
        armature = bpy.data.objects["rig"]
        rig = read_rig(armature)
    detection = detect(rig)
    assert detection.source == "Rigify"
    assert detection.usable
    bones = detection.bone_map.bones
    assert bones["pelvis"] == "torso"
    assert bones["spine3"] == "spine_fk.003"
    assert bones["left_shoulder"] == "upper_arm_fk.L"
    assert bones["right_ankle"] == "foot_fk.R"
    assert bones["head"] == "head"
    for bone in bones.values():
        assert not bone.startswith(("DEF-", "ORG-", "MCH-"))
        assert not rig.constrained[rig.index(bone)], bone


def test_mannequin_is_mapped_to_itself(mannequin: Any):
    rig = read_rig(mannequin)
    detection = detect(rig)
    assert dict(detection.bone_map.bones) == {role: role for role in roles.ROLES}
    assert detection.source == "SMPL"
    _assert_found_without_names(rig)


def _assert_found_without_names(rig: RigSnapshot) -> None:
    """The structure search finds on random names what the names said."""
    named = detect(rig)
    anonymous, names = renamed(rig, np.random.default_rng(4))
    detection = detect(anonymous)
    assert detection.source == "structure"
    assert detection.usable
    assert dict(detection.bone_map.bones) == {role: names[bone] for role, bone in named.bone_map.bones.items()}
