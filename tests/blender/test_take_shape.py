# SPDX-License-Identifier: GPL-3.0-or-later
"""Blends with the animator's pose and relaxed fingers, as Blender plays them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Matrix, Quaternion  # noqa: E402

from blender_addon import targets  # noqa: E402
from blender_addon.animation import compat, takes  # noqa: E402
from tests.blender import golden_takes  # noqa: E402

START, LENGTH = 21, 100


@pytest.fixture(autouse=True)
def registered(addon) -> None:
    pass


def strike_pose(armature: bpy.types.Object, frame: int | None = None) -> None:
    """Turn every mapped bone and lift the hips; with a frame, keyed there."""
    rng = np.random.default_rng(4)
    bones = targets.ready_rig(armature)[1].bones
    for role, name in bones.items():
        bone = armature.pose.bones[name]
        axis = rng.normal(size=3)
        bone.matrix_basis = Quaternion(axis / np.linalg.norm(axis), 0.5).to_matrix().to_4x4()
        if role == "pelvis":
            bone.location = (0.1, 0.05, -0.1)
        if frame is not None:
            bone.keyframe_insert("location", frame=frame)
            path = "rotation_quaternion" if bone.rotation_mode == "QUATERNION" else "rotation_euler"
            bone.keyframe_insert(path, frame=frame)
    bpy.context.view_layer.update()


def places(armature: bpy.types.Object, frames: range) -> np.ndarray:
    return golden_takes.joints(armature, frames)[..., :3, 3]


@pytest.mark.parametrize("order", ["QUATERNION", "XYZ", "ZXY"])
def test_starts_in_a_pose_without_keys(metarig, repository: Path, order: str) -> None:
    for bone in metarig.pose.bones:
        bone.rotation_mode = order
    strike_pose(metarig)
    posed = places(metarig, range(START, START + 1))[0]
    action = golden_takes.key(metarig, repository, start_frame=START, blend_in_frames=10, blend_out_frames=15)
    options = action["mld_options"]
    assert (options["blend_in_frames"], options["blend_out_frames"]) == (10, 15)
    first, last = (int(frame) for frame in action.frame_range)
    played = places(metarig, range(first, last + 1))
    np.testing.assert_allclose(played[0], posed, atol=1e-5)
    np.testing.assert_allclose(played[-1] - played[-1, :1], posed - posed[:1], atol=1e-5)
    speeds = np.linalg.norm(np.diff(played, axis=0), axis=-1)
    assert speeds[0].max() < 0.02
    assert speeds[-1].max() < 0.02


def test_takes_the_pose_of_the_first_frame(mannequin, repository: Path) -> None:
    """The animator's own Action decides the pose, wherever the playhead is."""
    strike_pose(mannequin, frame=1)
    for bone in mannequin.pose.bones:
        bone.matrix_basis = Matrix.Identity(4)
        bone.keyframe_insert("location", frame=41)
        bone.keyframe_insert("rotation_quaternion", frame=41)
    at_start = places(mannequin, range(START, START + 1))[0]
    bpy.context.scene.frame_set(41)
    golden_takes.key(mannequin, repository, start_frame=START, blend_in_frames=12)
    assert bpy.context.scene.frame_current == 41
    np.testing.assert_allclose(places(mannequin, range(START, START + 1))[0], at_start, atol=1e-5)


def test_blended_after_the_fact_and_back(metarig, repository: Path) -> None:
    """The take remembers the pose that it began from, though it has moved the bones since."""
    strike_pose(metarig)
    posed = places(metarig, range(START, START + 1))[0]
    golden_takes.key(metarig, repository, start_frame=START)
    plain = places(metarig, range(START, START + 30))
    assert np.abs(plain[0] - posed).max() > 0.2
    golden_takes.set_panel(blend_in_frames=12)
    bpy.context.scene.frame_set(50)
    bpy.ops.mld.rekey_take()
    blended = places(metarig, range(START, START + 30))
    np.testing.assert_allclose(blended[0], posed, atol=1e-5)
    np.testing.assert_allclose(blended[12:], plain[12:], atol=1e-4)
    golden_takes.set_panel(blend_in_frames=0)
    bpy.ops.mld.rekey_take()
    np.testing.assert_allclose(places(metarig, range(START, START + 30)), plain, atol=1e-5)


def test_a_further_take_begins_in_the_same_pose(mannequin, repository: Path) -> None:
    strike_pose(mannequin)
    posed = places(mannequin, range(START, START + 1))[0]
    golden_takes.key(mannequin, repository, start_frame=START)
    bpy.context.scene.frame_set(60)
    golden_takes.key(mannequin, repository, start_frame=START, blend_in_frames=5)
    np.testing.assert_allclose(places(mannequin, range(START, START + 1))[0], posed, atol=1e-5)


HANDS = {
    "metarig": ("hand.{}", ("f_index.03.{}", "f_middle.03.{}", "f_ring.03.{}", "f_pinky.03.{}"), "thumb.03.{}", "LR"),
    "human-male": ("hand_{}", ("index_03_{}", "middle_03_{}", "ring_03_{}", "pinky_03_{}"), "thumb_03_{}", "lr"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HANDS)
@pytest.mark.parametrize("rolled", [False, True], ids=["own rolls", "random rolls"])
def test_fingers_bend_into_the_palm(
    import_rig: Callable[[str], bpy.types.Object], armatures, repository: Path, kind: str, rolled: bool
) -> None:
    armature = armatures.human_metarig() if kind == "metarig" else import_rig(kind)
    armature.animation_data_clear()
    hand, tips, thumb, letters = HANDS[kind]
    if rolled:
        rng = np.random.default_rng(1)
        bpy.ops.object.mode_set(mode="EDIT")
        for bone in armature.data.edit_bones:
            bone.roll = rng.uniform(-3.0, 3.0)
        bpy.ops.object.mode_set(mode="OBJECT")
    names = [pattern.format(letter) for letter in letters for pattern in (*tips, thumb)]
    hands = [hand.format(letter) for letter in letters]

    def in_hand() -> np.ndarray:
        """(10, 3) fingertips in the axes of their hands, metres of the world."""
        size = armature.matrix_world.to_scale()[0]
        rows = []
        for letter in letters:
            inverse = armature.pose.bones[hand.format(letter)].matrix.inverted()
            for pattern in (*tips, thumb):
                rows.append(np.array(inverse @ armature.pose.bones[pattern.format(letter)].tail) * size)
        return np.array(rows)

    bpy.context.scene.frame_set(1)
    for name in names:
        armature.pose.bones[name].matrix_basis = Matrix.Identity(4)
    golden_takes.key(armature, repository, start_frame=1)
    plain, straight = golden_takes.joints(armature, (1, 50)), in_hand()
    takes.delete_take(takes.active_take(armature))
    action = golden_takes.key(armature, repository, start_frame=1, relax_fingers=True)
    relaxed = golden_takes.joints(armature, (1, 50))
    np.testing.assert_allclose(relaxed, plain, atol=1e-5)
    curled = in_hand()
    for row, letter in enumerate(letters):
        rest = {
            name: np.array(armature.data.bones[name].matrix_local)
            for name in [bone.name for bone in armature.data.bones]
        }
        index, pinky = (rest[tips[i].format(letter).replace("3", "1")][:3, 3] for i in (0, 3))
        wrist = rest[hand.format(letter)]
        palm = np.cross(0.5 * (index + pinky) - wrist[:3, 3], index - pinky) * (1.0 if row == 0 else -1.0)
        palm = wrist[:3, :3].T @ palm / np.linalg.norm(palm)
        moved = (curled - straight)[5 * row : 5 * row + 5]
        assert (moved[:4] @ palm > 0.003).all(), moved @ palm
        assert moved[4] @ palm > 0.001
        assert np.linalg.norm(moved, axis=-1).max() < 0.09
    fingers = {
        name
        for name in takes.keyed_bones(action)
        if "thumb" in name or name.strip("f_").startswith(("index", "middle", "ring", "pinky"))
    }
    assert len(fingers) == 30
    for curve in compat.fcurves(action):
        if any(f'"{name}"' in curve.data_path for name in fingers):
            assert len(curve.keyframe_points) == 1
            assert "rotation" in curve.data_path
    assert not any(f'"{name}"].location' in curve.data_path for curve in compat.fcurves(action) for name in hands)
    assert targets.RigStatusCache().status(armature).has_fingers


def test_fingers_blend_with_the_rest(metarig, repository: Path) -> None:
    finger = metarig.pose.bones["f_index.02.L"]
    finger.rotation_mode = "QUATERNION"
    finger.rotation_quaternion = Quaternion((1.0, 0.0, 0.0), 1.0)
    before = np.array(finger.matrix_basis)
    golden_takes.key(metarig, repository, start_frame=1, relax_fingers=True, blend_in_frames=8)
    bpy.context.scene.frame_set(1)
    np.testing.assert_allclose(np.array(finger.matrix_basis), before, atol=1e-6)
    bpy.context.scene.frame_set(9)
    relaxed = np.array(finger.matrix_basis)
    assert np.abs(relaxed - before).max() > 0.2
    bpy.context.scene.frame_set(70)
    np.testing.assert_allclose(np.array(finger.matrix_basis), relaxed, atol=1e-6)


def test_no_fingers_no_switch(mannequin, repository: Path) -> None:
    assert not targets.RigStatusCache().status(mannequin).has_fingers
    action = golden_takes.key(mannequin, repository, relax_fingers=True)
    assert takes.keyed_bones(action) == set(targets.ready_rig(mannequin)[1].bones.values())
