# SPDX-License-Identifier: GPL-3.0-or-later
"""Armatures to test on, built or imported in the running Blender."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import addon_utils
import bpy
import numpy as np
from mathutils import Matrix, Vector

MIXAMO_BONES = (
    # name, parent, head and tail in centimetres, Y up, facing +Z, T-pose
    ("Hips", "", (0, 100, 0), (0, 110, 0)),
    ("Spine", "Hips", (0, 110, -1), (0, 121, -1)),
    ("Spine1", "Spine", (0, 121, -1), (0, 133, -1)),
    ("Spine2", "Spine1", (0, 133, -1), (0, 146, -2)),
    ("Neck", "Spine2", (0, 148, -2), (0, 157, 0)),
    ("Head", "Neck", (0, 157, 0), (0, 178, 3)),
    ("HeadTop_End", "Head", (0, 178, 3), (0, 182, 3)),
    ("LeftShoulder", "Spine2", (6, 143, -1), (16, 142, -3)),
    ("LeftArm", "LeftShoulder", (16, 142, -3), (43, 142, -3)),
    ("LeftForeArm", "LeftArm", (43, 142, -3), (70, 142, -3)),
    ("LeftHand", "LeftForeArm", (70, 142, -3), (80, 142, -3)),
    ("LeftHandIndex1", "LeftHand", (80, 142, 0), (84, 142, 0)),
    ("LeftUpLeg", "Hips", (9, 95, 0), (9, 51, 1)),
    ("LeftLeg", "LeftUpLeg", (9, 51, 1), (9, 9, -2)),
    ("LeftFoot", "LeftLeg", (9, 9, -2), (9, 2, 11)),
    ("LeftToeBase", "LeftFoot", (9, 2, 11), (9, 2, 18)),
)  # fmt: skip

CENTIMETRES = 0.01


def new_armature(
    name: str,
    bones: list[tuple[str, str, Vector, Vector]],
    world: Matrix | None = None,
) -> bpy.types.Object:
    """An armature of (bone, parent or "", head, tail), linked to the scene, active, in Object Mode."""
    data = bpy.data.armatures.new(name)
    armature = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(armature)
    make_active(armature)
    bpy.ops.object.mode_set(mode="EDIT")
    for bone, parent, head, tail in bones:
        edit_bone = data.edit_bones.new(bone)
        edit_bone.head, edit_bone.tail = head, tail
        edit_bone.parent = data.edit_bones.get(parent) if parent else None
    bpy.ops.object.mode_set(mode="OBJECT")
    armature.matrix_world = world or Matrix.Identity(4)
    bpy.context.view_layer.update()
    return armature


def chain(name: str = "Rig", bones: tuple[str, ...] = ("hips", "spine", "chest", "tail")) -> bpy.types.Object:
    """Bones one above the other, each the parent of the next."""
    heads = [Vector((0, 0, z)) for z in range(len(bones) + 1)]
    parents = ("", *bones)
    return new_armature(name, list(zip(bones, parents, heads, heads[1:], strict=False)))


def mixamo(prefix: str = "mixamorig:") -> bpy.types.Object:
    """A Mixamo skeleton as Blender's FBX importer leaves it: centimetres, Y up, the object turned and scaled 0.01."""

    def mirrored(name: str) -> str:
        return name.replace("Left", "Right")

    rows = [*MIXAMO_BONES]
    rows += [
        (mirrored(name), mirrored(parent), (-head[0], *head[1:]), (-tail[0], *tail[1:]))
        for name, parent, head, tail in MIXAMO_BONES
        if name.startswith("Left")
    ]
    bones = [
        (prefix + name, prefix + parent if parent else "", Vector(head), Vector(tail))
        for name, parent, head, tail in rows
    ]
    world = Matrix.Rotation(np.pi / 2, 4, "X") @ Matrix.Scale(CENTIMETRES, 4)
    return new_armature("Armature", bones, world)


def human_metarig() -> bpy.types.Object:
    """Rigify's human metarig."""
    with rigify_enabled():
        bpy.ops.object.armature_human_metarig_add()
    return bpy.context.view_layer.objects.active


@contextmanager
def rigify_enabled() -> Iterator[None]:
    """Rigify, which reads its preferences when it is enabled, and must be disabled before Blender ends."""
    addon_utils.enable("rigify", default_set=True)
    try:
        yield
    finally:
        addon_utils.disable("rigify", default_set=True)


def imported(file: Path) -> bpy.types.Object:
    """The armature of a glTF file, active."""
    before = set(bpy.data.objects)
    bpy.ops.import_scene.gltf(filepath=str(file))
    armature = next(item for item in bpy.data.objects if item not in before and item.type == "ARMATURE")
    make_active(armature)
    return armature


def make_active(item: bpy.types.Object) -> None:
    """Select this object alone and make it the active one."""
    for other in bpy.context.view_layer.objects:
        other.select_set(other == item)
    bpy.context.view_layer.objects.active = item


def active_action(armature: bpy.types.Object) -> bpy.types.Action | None:
    return armature.animation_data.action if armature.animation_data else None


def action_of_user(
    armature: bpy.types.Object, values: Mapping[str, tuple[float, float]], frames: tuple[int, int], name: str = "Mine"
) -> bpy.types.Action:
    """An Action made the way an animator makes it, by inserting keys of bone locations along x; active afterwards."""
    armature.animation_data_create()
    armature.animation_data.action = bpy.data.actions.new(name)
    for bone, pair in values.items():
        for frame, value in zip(frames, pair, strict=True):
            armature.pose.bones[bone].location.x = value
            armature.pose.bones[bone].keyframe_insert("location", frame=frame)
    return armature.animation_data.action
