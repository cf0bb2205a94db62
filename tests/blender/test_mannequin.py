# SPDX-License-Identifier: GPL-3.0-or-later
"""The mannequin in Blender: skeleton, axes, body and how the body follows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.contract import axes, skeleton  # noqa: E402
from blender_addon.rig.blender_mannequin import add_mannequin  # noqa: E402

ANKLE = skeleton.ANKLE_HEIGHT


def _body(armature: Any) -> Any:
    return next(child for child in armature.children if child.type == "MESH")


def _posed_vertices(body: Any) -> np.ndarray:
    evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    vertices = np.empty(len(mesh.vertices) * 3)
    mesh.vertices.foreach_get("co", vertices)
    evaluated.to_mesh_clear()
    matrix = np.array(body.matrix_world)
    return vertices.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def test_skeleton_is_the_motions(mannequin: Any):
    bones = mannequin.data.bones
    assert {bone.name for bone in bones} == set(skeleton.JOINT_NAMES)
    assert bones["pelvis"].head_local.z == pytest.approx(0.977, abs=1e-3)
    for joint, parent in zip(skeleton.JOINT_NAMES, skeleton.PARENTS, strict=True):
        if parent < 0:
            assert bones[joint].parent is None
            continue
        above = skeleton.JOINT_NAMES[parent]
        assert bones[joint].parent.name == above
        step = np.array(bones[joint].head_local - bones[above].head_local)
        offset = axes.vectors_to_z_up(skeleton.REST_OFFSETS[skeleton.JOINT_INDEX[joint]])
        np.testing.assert_allclose(step, offset, atol=1e-5)
    assert bones["left_wrist"].head_local.x > 0.6
    assert bones["left_foot"].head_local.y < bones["left_ankle"].head_local.y - 0.1


def test_connected_where_bones_meet(mannequin: Any):
    for bone in mannequin.data.bones:
        meets = bone.parent is not None and (bone.parent.tail_local - bone.head_local).length < 1e-5
        assert bone.use_connect == meets, bone.name
    assert not mannequin.data.bones["pelvis"].use_connect
    assert mannequin.data.bones["left_knee"].use_connect
    assert not mannequin.data.bones["left_hip"].use_connect


@pytest.mark.parametrize(
    ("bone", "axis"),
    [
        ("left_knee", (-1, 0, 0)), ("right_knee", (-1, 0, 0)), ("left_hip", (-1, 0, 0)),
        ("left_elbow", (0, 0, -1)), ("right_elbow", (0, 0, 1)), ("spine1", (1, 0, 0)),
    ],
)  # fmt: skip
def test_x_is_the_hinge(mannequin: Any, bone: str, axis: tuple[int, int, int]):
    matrix = np.array(mannequin.data.bones[bone].matrix_local)
    assert float(matrix[:3, 0] @ np.array(axis)) > 0.95


def test_rolls_are_mirrored(mannequin: Any):
    for left in (name for name in skeleton.JOINT_NAMES if name.startswith("left_")):
        right = skeleton.JOINT_NAMES[skeleton.MIRRORED_JOINTS[skeleton.JOINT_INDEX[left]]]
        ours, theirs = (np.array(mannequin.data.bones[name].matrix_local)[:3, :3] for name in (left, right))
        mirror = np.diag([-1.0, 1.0, 1.0])
        np.testing.assert_allclose(mirror @ ours[:, 1:], theirs[:, 1:], atol=1e-4)


def test_body_stands_at_the_cursor():
    bpy.context.scene.cursor.location = (1.0, 2.0, 0.5)
    armature = add_mannequin(bpy.context)
    bpy.context.view_layer.update()
    vertices = _posed_vertices(_body(armature))
    assert vertices[:, 2].min() == pytest.approx(0.5, abs=1e-5)
    assert 1.7 < np.ptp(vertices[:, 2]) < 1.85
    assert vertices[:, 0].mean() == pytest.approx(1.0, abs=1e-3)


def test_added_mannequin_is_the_selection():
    first, second = add_mannequin(bpy.context), add_mannequin(bpy.context)
    assert bpy.context.view_layer.objects.active == second
    assert bpy.context.selected_objects == [second]
    assert bpy.context.mode == "OBJECT"
    assert _body(first).data.materials[0] == _body(second).data.materials[0]


def test_every_vertex_follows_one_bone(mannequin: Any):
    body = _body(mannequin)
    assert [group.name for group in body.vertex_groups] == list(skeleton.JOINT_NAMES)
    groups = [[(item.group, item.weight) for item in vertex.groups] for vertex in body.data.vertices]
    assert all(len(found) == 1 and found[0][1] == pytest.approx(1.0) for found in groups)
    assert {found[0][0] for found in groups} == set(range(len(skeleton.JOINT_NAMES)))
    assert len(body.data.materials) == 2
    assert body.data.validate() is False, "nothing to repair"


def test_body_follows_the_pose(mannequin: Any):
    """A bent elbow moves the forearm and hand about the elbow, and nothing else."""
    body = _body(mannequin)
    bpy.context.view_layer.update()
    before = _posed_vertices(body)
    elbow = mannequin.pose.bones["left_elbow"]
    elbow.rotation_mode = "XYZ"
    elbow.rotation_euler.x = math.radians(90.0)
    bpy.context.view_layer.update()
    after = _posed_vertices(body)
    names = [skeleton.JOINT_NAMES[vertex.groups[0].group] for vertex in body.data.vertices]
    moved = np.array([name in ("left_elbow", "left_wrist") for name in names])
    np.testing.assert_allclose(after[~moved], before[~moved], atol=1e-5)
    centre = np.array(mannequin.data.bones["left_elbow"].head_local)
    np.testing.assert_allclose(
        np.linalg.norm(after[moved] - centre, axis=1), np.linalg.norm(before[moved] - centre, axis=1), atol=1e-4
    )
    hand = np.array([name == "left_wrist" for name in names])
    assert after[hand][:, 1].mean() < before[hand][:, 1].mean() - 0.2, "the forearm bends to the front"
