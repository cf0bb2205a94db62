# SPDX-License-Identifier: GPL-3.0-or-later
"""A small photo studio: floor, soft light, cameras, and materials that read well on both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Final

import bpy
from mathutils import Matrix, Vector

FLOOR_METRES: Final = 400.0
FLOOR_COLOR: Final = (0.80, 0.81, 0.83)
SKY_COLOR: Final = (0.86, 0.89, 0.95)
INK_COLOR: Final = (0.045, 0.05, 0.065)
LENS_MILLIMETRES: Final = 50.0
LOOK_DOWN_DEGREES: Final = 14.0
"""More than half the camera's height of view, so that the floor fills the picture without a horizon."""
FREE_RIM: Final = 1.1


def empty_scene() -> bpy.types.Scene:
    """Factory settings, so that the file opens with Blender's usual windows, without the default objects."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, app_template="")
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    for collection in (bpy.data.meshes, bpy.data.lights, bpy.data.cameras, bpy.data.materials):
        for block in list(collection):
            collection.remove(block)
    return bpy.context.scene


def add_to_scene(name: str, data: bpy.types.ID, scene: bpy.types.Scene) -> bpy.types.Object:
    item = bpy.data.objects.new(name, data)
    scene.collection.objects.link(item)
    return item


def build_studio(scene: bpy.types.Scene) -> None:
    """Floor, sky and sun. The colours are shown as they are: no film look that would grey the white out."""
    half = FLOOR_METRES / 2.0
    mesh = bpy.data.meshes.new("Floor")
    mesh.from_pydata([(-half, -half, 0), (half, -half, 0), (half, half, 0), (-half, half, 0)], [], [(0, 1, 2, 3)])
    mesh.materials.append(plain_material("Floor", FLOOR_COLOR, roughness=0.9))
    add_to_scene("Floor", mesh, scene)

    world = scene.world or bpy.data.worlds.new("World")
    scene.world = world
    _with_nodes(world)
    background = world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (*SKY_COLOR, 1.0)
    background.inputs["Strength"].default_value = 0.5

    sun = bpy.data.lights.new("Sun", "SUN")
    sun.energy, sun.angle = 2.6, math.radians(9.0)
    sun.color = (1.0, 0.96, 0.9)
    add_to_scene("Sun", sun, scene)
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"


def aim_sun(scene: bpy.types.Scene, right: Vector) -> None:
    """From the upper left behind the viewer, so that shadows fall to the right and backwards."""
    away = Vector((0.0, 0.0, 1.0)).cross(right)
    shining = (right * 0.55 + away * 0.45 - Vector((0.0, 0.0, 1.0))).normalized()
    scene.objects["Sun"].rotation_euler = shining.to_track_quat("-Z", "Y").to_euler()


def plain_material(name: str, color: Sequence[float], *, roughness: float) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    _with_nodes(material)
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*color, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    material.diffuse_color = (*color, 1.0)
    return material


def _with_nodes(block: bpy.types.Material | bpy.types.World) -> None:
    """From Blender 5.0 on they have nodes from the start, and asking for them is deprecated."""
    if block.node_tree is None:
        block.use_nodes = True


def ink_material() -> bpy.types.Material:
    """For lettering: the same dark whatever the light."""
    material = bpy.data.materials.new("Ink")
    _with_nodes(material)
    nodes = material.node_tree.nodes
    nodes.clear()
    emission = nodes.new("ShaderNodeEmission")
    emission.inputs["Color"].default_value = (*INK_COLOR, 1.0)
    output = nodes.new("ShaderNodeOutputMaterial")
    material.node_tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])
    return material


def view_rotation(right: Vector, down_degrees: float) -> Matrix:
    """Rotation (3x3) of a camera whose picture has `right` (horizontal) to the right and looks down a little."""
    upright = Matrix.Rotation(math.atan2(right.y, right.x), 3, "Z") @ Matrix.Rotation(math.radians(90.0), 3, "X")
    return upright @ Matrix.Rotation(math.radians(-down_degrees), 3, "X")


def add_film_camera(scene: bpy.types.Scene, right: Vector, low: Vector, high: Vector) -> bpy.types.Object:
    """A camera with a view of the whole box between the corners `low` and `high`, as near as that allows."""
    camera = bpy.data.cameras.new("Camera")
    camera.lens = LENS_MILLIMETRES
    camera.clip_end = FLOOR_METRES
    item = add_to_scene("Camera", camera, scene)
    rotation = view_rotation(right, LOOK_DOWN_DEGREES)
    across = camera.sensor_width / 2.0 / camera.lens / FREE_RIM
    upwards = across * scene.render.resolution_y / scene.render.resolution_x
    middle = (low + high) / 2.0
    distance = 0.0
    for corner in product((low.x, high.x), (low.y, high.y), (low.z, high.z)):
        seen = rotation.transposed() @ (Vector(corner) - middle)
        distance = max(distance, seen.z + abs(seen.x) / across, seen.z + abs(seen.y) / upwards)
    place = middle + rotation @ Vector((0.0, 0.0, distance))
    item.matrix_world = Matrix.Translation(place) @ rotation.to_4x4()
    scene.camera = item
    return item


def look_through_camera() -> None:
    """Make every 3D viewport of the file open with the camera's view, shaded with the objects' materials."""
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type == "VIEW_3D":
                space = area.spaces.active
                space.region_3d.view_perspective = "CAMERA"
                space.shading.type = "SOLID"
                space.shading.color_type = "MATERIAL"
                space.shading.show_shadows = True
