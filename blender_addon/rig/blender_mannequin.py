# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds the mannequin to the scene: an armature with SMPL's joint names and a wooden body on it."""

from __future__ import annotations

from typing import Final

import bpy
import numpy as np

from ..contract import skeleton
from . import mannequin_shape
from .mannequin_shape import Piece

NAME: Final = "Mannequin"
_TONES: Final = {
    "Mannequin Light Wood": ((0.46, 0.255, 0.115), (0.60, 0.36, 0.18)),
    "Mannequin Dark Wood": ((0.12, 0.055, 0.028), (0.20, 0.095, 0.048)),
}
"""Material name -> the two colours of its grain (linear RGB)."""


def add_mannequin(context: bpy.types.Context) -> bpy.types.Object:
    """Add the mannequin at the 3D cursor and return its armature object, selected and active.

    It stands Z up with its soles at the cursor's height, faces -Y and is 1.79 m tall. Object Mode is
    expected; no window is needed.
    """
    for selected in context.selected_objects:
        selected.select_set(False)
    armature_object = _add_armature(context)
    _add_body(armature_object)
    return armature_object


def _add_armature(context: bpy.types.Context) -> bpy.types.Object:
    armature = bpy.data.armatures.new(NAME)
    armature.display_type = "OCTAHEDRAL"
    armature_object = bpy.data.objects.new(NAME, armature)
    armature_object.show_in_front = True
    armature_object.location = context.scene.cursor.location
    context.collection.objects.link(armature_object)
    context.view_layer.objects.active = armature_object
    armature_object.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        _build_bones(armature)
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
    return armature_object


def _build_bones(armature: bpy.types.Armature) -> None:
    """Bones with X as the hinge of knees and elbows: Z points to the front, on the feet it points up."""
    joints = mannequin_shape.joint_positions()
    tails = mannequin_shape.bone_tails(joints)
    for name, parent in zip(skeleton.JOINT_NAMES, skeleton.PARENTS, strict=True):
        bone = armature.edit_bones.new(name)
        bone.head, bone.tail = joints[name], tails[name]
        bone.align_roll((0.0, 0.0, 1.0) if name.endswith(("_ankle", "_foot")) else (0.0, -1.0, 0.0))
        if parent >= 0:
            bone.parent = armature.edit_bones[skeleton.JOINT_NAMES[parent]]
            bone.use_connect = bool(np.allclose(bone.parent.tail, joints[name], atol=1e-6))


def _add_body(armature_object: bpy.types.Object) -> bpy.types.Object:
    pieces = mannequin_shape.pieces()
    starts = np.cumsum([0, *(len(piece.vertices) for piece in pieces)])
    mesh = bpy.data.meshes.new(f"{NAME} Body")
    vertices = np.concatenate([piece.vertices for piece in pieces])
    faces = [
        tuple(int(start) + vertex for vertex in face)
        for piece, start in zip(pieces, starts, strict=False)
        for face in piece.faces
    ]
    mesh.from_pydata(vertices.tolist(), [], faces)
    for material in _materials():
        mesh.materials.append(material)
    tones = np.repeat([piece.tone for piece in pieces], [len(piece.faces) for piece in pieces])
    mesh.polygons.foreach_set("material_index", tones.astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), dtype=np.bool_))
    mesh.update()
    body = bpy.data.objects.new(f"{NAME} Body", mesh)
    for collection in armature_object.users_collection:
        collection.objects.link(body)
    body.parent = armature_object
    _bind(body, armature_object, pieces, starts)
    return body


def _bind(
    body: bpy.types.Object, armature_object: bpy.types.Object, pieces: tuple[Piece, ...], starts: np.ndarray
) -> None:
    """Every piece follows its bone rigidly."""
    for name in skeleton.JOINT_NAMES:
        body.vertex_groups.new(name=name)
    for piece, start in zip(pieces, starts, strict=False):
        body.vertex_groups[piece.bone].add(range(int(start), int(start) + len(piece.vertices)), 1.0, "REPLACE")
    modifier = body.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature_object


def _materials() -> list[bpy.types.Material]:
    """The two woods; materials of an earlier mannequin are used again."""
    return [bpy.data.materials.get(name) or _wood(name, *colours) for name, colours in _TONES.items()]


def _wood(name: str, low: tuple[float, float, float], high: tuple[float, float, float]) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # from Blender 5 on every material has one
        material.use_nodes = True
    material.diffuse_color = (*(np.add(low, high) / 2.0), 1.0)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Roughness"].default_value = 0.42
    place = nodes.new("ShaderNodeTexCoord")
    stretch = nodes.new("ShaderNodeMapping")
    stretch.inputs["Scale"].default_value = (9.0, 9.0, 1.6)
    noise = nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = 6.0
    noise.inputs["Detail"].default_value = 5.0
    ramp = nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = 0.35, 0.65
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (*low, 1.0), (*high, 1.0)
    # Generated coordinates stay with the undeformed mesh, so the grain does not swim when the body moves.
    links.new(place.outputs["Generated"], stretch.inputs["Vector"])
    links.new(stretch.outputs["Vector"], noise.inputs["Vector"])
    links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], surface.inputs["Base Color"])
    return material
