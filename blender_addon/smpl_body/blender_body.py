# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a body: an armature with SMPL's joints, and a skinned mesh with a shape key for each beta."""

from __future__ import annotations

import bpy
import numpy as np

from ..contract import axes, body
from .blender_shape import fit_bones, shape_key_name
from .stature import FINGER_BONE, PROPERTY, Stature

SLIDER_LIMIT = 5.0
_FEWEST_WEIGHT = 1e-4


def add_body(context: bpy.types.Context, made: body.Body, name: str) -> bpy.types.Object:
    """Add the body at the 3D cursor and return its armature object, selected and active.

    It stands Z up with its soles at the cursor's height and faces -Y, in the shape of `made.betas`. Object Mode is
    expected; no window is needed.
    """
    for selected in context.selected_objects:
        selected.select_set(False)
    armature = _add_armature(context, made, name)
    _add_mesh(armature, made, name)
    fit_bones(context, armature)
    return armature


def _add_armature(context: bpy.types.Context, made: body.Body, name: str) -> bpy.types.Object:
    data = bpy.data.armatures.new(name)
    data.display_type = "STICK"
    data[PROPERTY] = Stature.of(made).to_property()
    armature = bpy.data.objects.new(name, data)
    armature.show_in_front = True
    armature.location = context.scene.cursor.location
    context.collection.objects.link(armature)
    context.view_layer.objects.active = armature
    armature.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        for joint, parent in zip(made.joint_names, made.parents, strict=True):
            bone = data.edit_bones.new(joint)
            bone.head, bone.tail = (0.0, 0.0, 0.0), (0.0, 0.0, FINGER_BONE)
            bone.roll = 0.0
            if parent >= 0:
                bone.parent = data.edit_bones[made.joint_names[parent]]
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def _add_mesh(armature: bpy.types.Object, made: body.Body, name: str) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(f"{name} Body")
    vertices = axes.vectors_to_z_up(made.vertices)
    mesh.from_pydata(vertices.tolist(), [], made.faces.tolist())
    mesh.polygons.foreach_set("use_smooth", np.ones(len(made.faces), dtype=np.bool_))
    mesh.update()
    item = bpy.data.objects.new(f"{name} Body", mesh)
    for collection in armature.users_collection:
        collection.objects.link(item)
    item.parent = armature
    _add_weights(item, made)
    item.shape_key_add(name="Basis", from_mix=False)
    for number, (direction, beta) in enumerate(zip(made.shape_directions, made.betas, strict=True), 1):
        key = item.shape_key_add(name=shape_key_name(number), from_mix=False)
        key.slider_min, key.slider_max = -SLIDER_LIMIT, SLIDER_LIMIT
        key.data.foreach_set("co", np.float32(vertices + axes.vectors_to_z_up(direction)).ravel())
        key.value = float(beta)
    item.modifiers.new("Armature", "ARMATURE").object = armature
    return item


def _add_weights(item: bpy.types.Object, made: body.Body) -> None:
    groups = [item.vertex_groups.new(name=joint) for joint in made.joint_names]
    for vertex, joint in np.argwhere(made.weights > _FEWEST_WEIGHT).tolist():
        groups[joint].add((vertex,), float(made.weights[vertex, joint]), "REPLACE")
