# SPDX-License-Identifier: GPL-3.0-or-later
"""Hips, root bone or object carry the travel: the character does the same in the world."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Matrix  # noqa: E402

from blender_addon import targets  # noqa: E402
from blender_addon.animation import compat, takes  # noqa: E402
from blender_addon.generation import NotPossible  # noqa: E402
from tests.blender import golden_takes  # noqa: E402

FRAMES = (1, 7, 30, 66, 100)


@pytest.fixture(autouse=True)
def registered(addon) -> None:
    pass


def add_root(armature: bpy.types.Object, hips: str, name: str = "root") -> None:
    """A bone on the floor, turned and rolled, above the hips and a prop."""
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bones = armature.data.edit_bones
    size = bones[hips].length
    root, prop = bones.new(name), bones.new("prop")
    root.tail, root.roll = (0.3 * size, 0.5 * size, 0.1 * size), 0.7
    prop.head, prop.tail = (size, 0.0, 0.0), (2.0 * size, 0.0, 0.0)
    bones[hips].parent = prop.parent = root
    bpy.ops.object.mode_set(mode="OBJECT")


def level_travel(poses: np.ndarray) -> float:
    return float(np.linalg.norm((poses[-1] - poses[0])[0, :2, 3]))


def keyed_paths(action: bpy.types.Action) -> set[str]:
    return {curve.data_path for curve in compat.fcurves(action)}


@pytest.mark.parametrize("reduction", ["NONE", "BEZIER"])
def test_same_joints_in_the_world(mixamo_rig, repository: Path, reduction: str) -> None:
    """The object of a Mixamo rig is turned and scaled 0.01; here it also has a parent that is turned and scaled."""
    hips = next(bone.name for bone in mixamo_rig.data.bones if bone.name.endswith("Hips"))
    add_root(mixamo_rig, hips)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.matrix_world = Matrix.Translation((3.0, -2.0, 1.0)) @ Matrix.Rotation(0.8, 4, "Z") @ Matrix.Scale(1.5, 4)
    mixamo_rig.parent = parent
    mixamo_rig.location = (0.5, 0.25, 0.0)
    bpy.context.view_layer.update()
    poses = {}
    for target in ("HIPS", "ROOT_BONE", "OBJECT"):
        action = golden_takes.key(mixamo_rig, repository, root_target=target, key_reduction=reduction)
        poses[target] = golden_takes.joints(mixamo_rig, FRAMES)
        assert ("location" in keyed_paths(action)) == (target == "OBJECT")
        assert ('pose.bones["root"].location' in keyed_paths(action)) == (target == "ROOT_BONE")
        carried = {bone: golden_takes.joints(mixamo_rig, FRAMES, [bone]) for bone in ("root", "prop")}
        for bone in carried:
            travel = level_travel(carried[bone])
            assert travel == pytest.approx(0.0 if target == "HIPS" else level_travel(poses["HIPS"]), abs=0.15)
    assert level_travel(poses["HIPS"]) > 0.8
    limit = 1e-4 if reduction == "NONE" else 0.008
    for target in ("ROOT_BONE", "OBJECT"):
        np.testing.assert_allclose(poses[target][..., :3, 3], poses["HIPS"][..., :3, 3], atol=limit)


def test_hips_stay_over_what_carries_them(metarig, repository: Path) -> None:
    action = golden_takes.key(metarig, repository, root_target="OBJECT")
    channel = [curve for curve in compat.fcurves(action) if curve.data_path == 'pose.bones["spine"].location']
    level = np.array([[point.co[1] for point in curve.keyframe_points] for curve in channel])
    assert np.abs(level).max() < 0.12
    first, last = action.frame_range
    for curve in compat.fcurves(action):
        if curve.data_path == "location":
            assert tuple(curve.range()) == (first, last)
            assert curve.group.name == "Object Transforms"
            assert abs(curve.evaluate(first)) < 1e-6


def test_root_control_of_a_control_rig(rigify_rig: Callable[[], bpy.types.Object], repository: Path) -> None:
    rig = rigify_rig()
    bones = ["DEF-hand.L", "DEF-hand.R", "DEF-foot.L", "DEF-foot.R", "DEF-shin.L", "DEF-forearm.R", "DEF-spine.006"]
    for mode in ("FK", "IK"):
        poses = []
        for target in ("HIPS", "ROOT_BONE", "OBJECT"):
            golden_takes.key(rig, repository, root_target=target, control_mode=mode)
            poses.append(golden_takes.joints(rig, FRAMES, bones))
        assert level_travel(poses[0]) > 0.8
        for other in poses[1:]:
            np.testing.assert_allclose(other[..., :3, 3], poses[0][..., :3, 3], atol=1e-4)


@pytest.fixture
def rigify_rig(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], bpy.types.Object]:
    from tests.blender import generated_rigs
    from tests.blender.armatures import rigify_enabled

    def load() -> bpy.types.Object:
        file = tmp_path_factory.mktemp("rigify") / "basic.blend"
        with rigify_enabled():
            generated_rigs.generate("basic", file)
        bpy.ops.wm.open_mainfile(filepath=str(file))
        rig = bpy.data.objects[generated_rigs.NAME]
        bpy.context.view_layer.objects.active = rig
        return rig

    return load


def test_offered_only_where_there_is_a_root_bone(mannequin, repository: Path) -> None:
    cache = targets.RigStatusCache()
    assert cache.status(mannequin).root_bone == ""
    add_root(mannequin, "pelvis", "Master")
    assert cache.status(mannequin).root_bone == "Master"


def test_refused_with_the_reason(mannequin, repository: Path) -> None:
    with pytest.raises(NotPossible, match="no root bone above its hips"):
        golden_takes.key(mannequin, repository, root_target="ROOT_BONE")
    mannequin.lock_location[0] = True
    with pytest.raises(NotPossible, match="object “Mannequin” is locked"):
        golden_takes.key(mannequin, repository, root_target="OBJECT")
    mannequin.lock_location[0] = False
    mannequin.pose.bones["pelvis"].lock_location[1] = True
    with pytest.raises(NotPossible, match="“pelvis” is locked along some axes"):
        golden_takes.key(mannequin, repository, root_target="OBJECT")
    mannequin.pose.bones["pelvis"].lock_location[1] = False
    mannequin.constraints.new("COPY_LOCATION")
    with pytest.raises(NotPossible, match="has constraints"):
        golden_takes.key(mannequin, repository, root_target="OBJECT")
    assert not bpy.data.actions


@pytest.mark.parametrize(("axes", "moving"), [({"X", "Y"}, ()), ({"X"}, (0,)), ({"Y"}, (1,)), (set(), (0, 1))])
def test_in_place_by_axis(mannequin, repository: Path, axes: set[str], moving: tuple[int, ...]) -> None:
    """The character faces the world's +X: forward is along it, its left along +Y."""
    mannequin.rotation_euler.z = np.pi / 2
    bpy.context.view_layer.update()
    golden_takes.key(mannequin, repository)
    free = golden_takes.joints(mannequin, range(1, 100, 3))[:, 0, :2, 3]
    takes.delete_take(takes.active_take(mannequin))
    action = golden_takes.key(mannequin, repository, in_place=True, in_place_axes=axes)
    assert action["mld_options"]["in_place_axes"] == "".join(sorted(axes))
    held = golden_takes.joints(mannequin, range(1, 100, 3))[:, 0, :2, 3]
    assert np.ptp(free[:, 0]) > 0.8
    for axis in (0, 1):
        if axis in moving:
            np.testing.assert_allclose(held[:, axis], free[:, axis], atol=0.02)
        else:
            assert np.ptp(held[:, axis]) < min(0.12, 0.2 * np.ptp(free[:, 0]))


@pytest.mark.parametrize("target", ["HIPS", "ROOT_BONE", "OBJECT"])
def test_starts_at_its_place_and_facing(metarig, repository: Path, target: str) -> None:
    add_root(metarig, "spine")
    metarig.location, metarig.rotation_euler.z = (4.0, -1.0, 0.5), 2.0
    bpy.context.view_layer.update()
    rest = np.array(metarig.matrix_world @ metarig.data.bones["spine"].matrix_local)[:2, 3]
    golden_takes.key(metarig, repository, root_target=target)
    poses = golden_takes.joints(metarig, (1, 60), ["spine"])[:, 0, :2, 3]
    np.testing.assert_allclose(poses[0], rest, atol=0.03)
    forward = np.array([np.sin(2.0), -np.cos(2.0)])
    assert (poses[1] - poses[0]) @ forward > 0.5
