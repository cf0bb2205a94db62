# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters as frozen meshes: skins as they are, and rigs without a skin drawn by their bones and controls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import bmesh
import bpy
import numpy as np
from mathutils import Matrix, Vector

from blender_addon.demo.studio import add_to_scene, plain_material
from tests.bench.measures import Loaded

BONE_COLOR: Final = (0.07, 0.16, 0.20)
BODY_COLOR: Final = (0.50, 0.55, 0.62)
CONTROL_COLORS: Final = {".L": (0.02, 0.16, 0.75), ".R": (0.75, 0.03, 0.03), "": (0.80, 0.42, 0.0)}
"""Ending of a control's name -> its colour."""
WIRE_METRES: Final = 0.005
WAIST: Final = 0.13
"""Half the thickness of a drawn bone as a share of its length; Blender's own are thinner."""

Draw = Callable[[Loaded, Sequence[str]], list[bpy.types.Mesh]]
"""(character, keyed bones) -> meshes in world space, as posed at the scene's frame."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A frozen pose, its hips above the origin."""

    objects: tuple[bpy.types.Object, ...]
    vertices: np.ndarray
    """(V, 3)"""

    def move(self, by: Vector) -> None:
        for item in self.objects:
            item.location += by


def freeze(scene: bpy.types.Scene, meshes: Sequence[bpy.types.Mesh], hips: Vector, scale: float) -> Figure:
    """New objects of the meshes, scaled about the floor below the hips."""
    for mesh in meshes:
        mesh.transform(Matrix.Scale(scale, 4) @ Matrix.Translation((-hips.x, -hips.y, 0.0)))
    return Figure(tuple(add_to_scene("Figure", mesh, scene) for mesh in meshes), vertices(meshes))


def vertices(meshes: Iterable[bpy.types.Mesh]) -> np.ndarray:
    """(V, 3) of all the meshes."""
    points = []
    for mesh in meshes:
        flat = np.empty(3 * len(mesh.vertices), dtype=np.float32)
        mesh.vertices.foreach_get("co", flat)
        points.append(flat.reshape(-1, 3))
    return np.concatenate(points)


def skin(character: Loaded, keyed: Sequence[str]) -> list[bpy.types.Mesh]:
    """The visible meshes that the armature carries or deforms, but for what the hands hold."""
    bones = character.armature.data.bones
    wrists = [bones[character.joints[f"{side}_wrist"]] for side in ("left", "right")]
    held = {bone.name for wrist in wrists for bone in (wrist, *wrist.children_recursive)}
    graph = bpy.context.evaluated_depsgraph_get()
    meshes = []
    for item in character.armature.children_recursive:
        in_hand = item.parent_type == "BONE" and item.parent_bone in held
        if item.type == "MESH" and item.visible_get() and not in_hand:
            evaluated = item.evaluated_get(graph)
            mesh = bpy.data.meshes.new_from_object(evaluated, depsgraph=graph)
            mesh.transform(evaluated.matrix_world)
            meshes.append(mesh)
    return meshes


def octahedra(character: Loaded, keyed: Sequence[str]) -> list[bpy.types.Mesh]:
    """All bones as Blender draws them, with a ball at either end."""
    shape = bmesh.new()
    for matrix, length in _posed_bones(character.armature, lambda bone: True):
        ring = [(x * WAIST, 0.12, z * WAIST) for x, z in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
        corners = [matrix @ (Vector(corner) * length) for corner in ((0, 0, 0), *ring, (0, 1, 0))]
        points = [shape.verts.new(corner) for corner in corners]
        for i in range(4):
            first, second = points[1 + i], points[1 + (i + 1) % 4]
            shape.faces.new((points[0], second, first))
            shape.faces.new((points[5], first, second))
        for end in (corners[0], corners[-1]):
            at = Matrix.Translation(end)
            bmesh.ops.create_icosphere(shape, subdivisions=2, radius=min(0.09 * length, 0.03), matrix=at)
    return [_finished(shape, _material("Bones", BONE_COLOR))]


def capsules_and_controls(character: Loaded, keyed: Sequence[str]) -> list[bpy.types.Mesh]:
    """The deforming bones as a body of capsules, and the shapes of the keyed controls as wires around it."""
    body = bmesh.new()
    for matrix, length in _posed_bones(character.armature, lambda bone: bone.use_deform):
        radius = float(np.clip(0.24 * length, 0.009, 0.062))
        upright = matrix @ Matrix.Rotation(np.radians(-90.0), 4, "X")
        made = bmesh.ops.create_uvsphere(body, u_segments=20, v_segments=12, radius=radius)["verts"]
        for vertex in made:
            vertex.co.z += length if vertex.co.z > 1e-6 else 0.0
            vertex.co = upright @ vertex.co
    for face in body.faces:
        face.smooth = True
    return [_finished(body, _material("Body", BODY_COLOR)), *_wires(character.armature, keyed)]


def _posed_bones(armature: bpy.types.Object, wanted: Callable[[bpy.types.Bone], bool]) -> list[tuple[Matrix, float]]:
    """World matrix and length of the bones; the generated armatures of this bench have no scale."""
    posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return [(posed.matrix_world @ bone.matrix, bone.length) for bone in posed.pose.bones if wanted(bone.bone)]


def _wires(armature: bpy.types.Object, keyed: Sequence[str]) -> list[bpy.types.Mesh]:
    posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    lines: dict[str, list[tuple[Vector, Vector]]] = {ending: [] for ending in CONTROL_COLORS}
    for name in keyed:
        bone = posed.pose.bones[name]
        if bone.custom_shape is not None:
            place = posed.matrix_world @ _shape_matrix(bone)
            corners = [place @ vertex.co for vertex in bone.custom_shape.data.vertices]
            ending = name[-2:] if name[-2:] in lines else ""
            lines[ending] += [(corners[i], corners[j]) for i, j in (e.vertices for e in bone.custom_shape.data.edges)]
    return [_tubes(pairs, _material(f"Controls {end}", CONTROL_COLORS[end])) for end, pairs in lines.items() if pairs]


def _shape_matrix(bone: bpy.types.PoseBone) -> Matrix:
    """Where Blender draws the bone's custom shape, in armature space."""
    carrier = bone.custom_shape_transform or bone
    size = bone.custom_shape_scale_xyz * (bone.length if bone.use_custom_shape_bone_size else 1.0)
    turned = bone.custom_shape_rotation_euler.to_matrix().to_4x4()
    return carrier.matrix @ Matrix.Translation(bone.custom_shape_translation) @ turned @ Matrix.Diagonal((*size, 1.0))


def _tubes(pairs: Sequence[tuple[Vector, Vector]], material: bpy.types.Material) -> bpy.types.Mesh:
    shape = bmesh.new()
    for start, end in pairs:
        way = end - start
        if way.length > 1e-6:
            place = Matrix.Translation((start + end) / 2.0) @ way.to_track_quat("Z", "Y").to_matrix().to_4x4()
            bmesh.ops.create_cone(
                shape, cap_ends=True, segments=6, radius1=WIRE_METRES, radius2=WIRE_METRES,
                depth=way.length + WIRE_METRES, matrix=place,
            )  # fmt: skip
    return _finished(shape, material)


def _finished(shape: bmesh.types.BMesh, material: bpy.types.Material) -> bpy.types.Mesh:
    bmesh.ops.recalc_face_normals(shape, faces=shape.faces)
    mesh = bpy.data.meshes.new("Drawn rig")
    shape.to_mesh(mesh)
    shape.free()
    mesh.materials.append(material)
    return mesh


def _material(name: str, color: tuple[float, float, float]) -> bpy.types.Material:
    return bpy.data.materials.get(name) or plain_material(name, color, roughness=0.5)
