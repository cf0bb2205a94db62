# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply to Take: other settings for a take that is there, from the motion that it keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from blender_addon.animation import compat, takes  # noqa: E402
from blender_addon.animation.nla import bake_to_nla  # noqa: E402
from tests.blender import golden_takes  # noqa: E402
from tests.blender.panel_session import refusal  # noqa: E402
from tests.blender.tracks import write  # noqa: E402

FRAMES = (1, 20, 45, 90)


@pytest.fixture(autouse=True)
def registered(addon) -> None:
    pass


def curves(action: bpy.types.Action) -> dict[tuple[str, int], np.ndarray]:
    """(K, 2) frame and value of the keys of each F-curve."""
    return {
        (curve.data_path, curve.array_index): np.array([tuple(point.co) for point in curve.keyframe_points])
        for curve in compat.fcurves(action)
    }


def assert_same_curves(one: bpy.types.Action, other: dict[tuple[str, int], np.ndarray], atol: float = 2e-6) -> None:
    own = curves(one)
    assert own.keys() == other.keys()
    for path, points in other.items():
        np.testing.assert_allclose(own[path], points, atol=atol, err_msg=str(path))


def key_count(action: bpy.types.Action) -> int:
    return sum(len(points) for points in curves(action).values())


@pytest.mark.parametrize(
    "settings",
    [
        {"foot_lock": False},
        {"in_place": True},
        {"scale_root": False},
        {"key_reduction": "BEZIER", "key_error_degrees": 1.0},
        {"root_target": "OBJECT"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_the_same_keys_as_if_made_so_at_first(metarig, repository: Path, settings: dict[str, object]) -> None:
    wanted = curves(golden_takes.key(metarig, repository, start_frame=11, **settings))
    takes.delete_take(takes.active_take(metarig))
    metarig.location = (0.0, 0.0, 0.0)
    bpy.context.scene.property_unset("mld")
    action = golden_takes.key(metarig, repository, start_frame=11)
    before = (action.name, action["mld_seed"], takes.read_metadata(action), tuple(action.frame_range))
    golden_takes.set_panel(**settings)
    bpy.context.scene.frame_set(50)
    assert bpy.ops.mld.rekey_take() == {"FINISHED"}
    assert metarig.animation_data.action == action
    assert (action.name, action["mld_seed"], takes.read_metadata(action), tuple(action.frame_range)) == before
    assert_same_curves(action, wanted)
    name, value = next(iter(settings.items()))
    assert action["mld_options"][name] == value
    assert len(bpy.data.actions) == 1


def test_there_and_back(metarig, repository: Path) -> None:
    """Whatever the take was turned into in between, no pose and no place is left over from it."""
    action = golden_takes.key(metarig, repository)
    plain = curves(action)
    fingers = {bone.name: np.array(bone.matrix_basis) for bone in metarig.pose.bones if bone.name.startswith("f_")}
    golden_takes.set_panel(
        root_target="OBJECT", relax_fingers=True, in_place=True, in_place_axes={"X"}, key_reduction="LINEAR"
    )
    bpy.context.scene.frame_set(70)
    bpy.ops.mld.rekey_take()
    bpy.context.scene.frame_set(80)
    assert metarig.location.length > 0.3
    golden_takes.set_panel(root_target="HIPS", relax_fingers=False, in_place=False, key_reduction="NONE")
    bpy.ops.mld.rekey_take()
    bpy.context.scene.frame_set(75)
    assert metarig.location.length < 1e-6
    assert_same_curves(action, plain)
    for bone, basis in fingers.items():
        np.testing.assert_allclose(np.array(metarig.pose.bones[bone].matrix_basis), basis, atol=1e-6)


def test_a_strip_that_plays_the_take_follows(mannequin, repository: Path) -> None:
    action = golden_takes.key(mannequin, repository, start_frame=5)
    strip = bake_to_nla(mannequin)
    there = golden_takes.joints(mannequin, (5, 95))
    takes.activate_take(mannequin, action)
    golden_takes.set_panel(in_place=True)
    bpy.ops.mld.rekey_take()
    mannequin.animation_data.action = None
    here = golden_takes.joints(mannequin, (5, 95))
    assert strip.action == action
    assert np.linalg.norm((there[1] - there[0])[0, :2, 3]) > 0.5
    assert np.linalg.norm((here[1] - here[0])[0, :2, 3]) < 0.05


def test_a_strip_of_the_whole_take_gets_its_new_length(mannequin, repository: Path) -> None:
    action = golden_takes.key(mannequin, repository)
    strip = bake_to_nla(mannequin)
    takes.activate_take(mannequin, action)
    bpy.context.scene.render.fps = 60
    bpy.ops.mld.rekey_take()
    first, last = action.frame_range
    seconds = action["mld_seconds"]
    assert last - first == round(seconds * 60)
    assert action["mld_fps"] == 60.0
    assert (strip.action_frame_start, strip.action_frame_end) == (first, last)


def test_curves_of_the_animators_own_stay(mannequin, repository: Path) -> None:
    golden_takes.key(mannequin, repository)
    mannequin["glow"] = 0.5
    mannequin.keyframe_insert('["glow"]', frame=12)
    mannequin.pose.bones["head"].keyframe_insert("scale", frame=12)
    action = mannequin.animation_data.action
    golden_takes.set_panel(key_reduction="LINEAR")
    dense = key_count(action)
    bpy.ops.mld.rekey_take()
    assert key_count(action) < 0.7 * dense
    paths = [path for path, _ in curves(action)]
    assert paths.count('["glow"]') == 1
    assert paths.count('pose.bones["head"].scale') == 3


def test_one_undo_brings_the_old_keys_back(mannequin, repository: Path) -> None:
    name = golden_takes.key(mannequin, repository).name
    old = curves(bpy.data.actions[name])
    golden_takes.set_panel(in_place=True, foot_lock=False)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.mld.rekey_take("EXEC_DEFAULT", True)
    assert not np.allclose(
        curves(bpy.data.actions[name])['pose.bones["pelvis"].location', 2], old['pose.bones["pelvis"].location', 2]
    )
    bpy.ops.ed.undo()
    assert_same_curves(bpy.data.actions[name], old, atol=0.0)
    assert not bpy.data.actions[name]["mld_options"]["in_place"]


def test_a_refusal_leaves_the_old_keys(mannequin, repository: Path) -> None:
    action = golden_takes.key(mannequin, repository)
    old, options = curves(action), action["mld_options"].to_dict()
    bpy.context.scene.frame_set(40)
    pose = {bone.name: np.array(bone.matrix_basis) for bone in mannequin.pose.bones}
    golden_takes.set_panel(root_target="ROOT_BONE", foot_lock=False)
    message = refusal(bpy.ops.mld.rekey_take)
    assert "no root bone" in message
    assert "Hips or Object" in message
    bpy.ops.mld.detect_bones()
    mannequin.mld.bones.left_knee = "no such bone"
    assert "no such bone" in refusal(bpy.ops.mld.rekey_take)
    assert mannequin.animation_data.action == action
    assert_same_curves(action, old, atol=0.0)
    assert action["mld_options"].to_dict() == options
    assert list(bpy.data.actions) == [action]
    for bone, basis in pose.items():
        np.testing.assert_array_equal(np.array(mannequin.pose.bones[bone].matrix_basis), basis)


def test_why_it_cannot_be_pressed(mannequin, chain, repository: Path) -> None:
    bpy.context.view_layer.objects.active = mannequin
    assert "plays no take" in refusal(bpy.ops.mld.rekey_take)
    bpy.context.view_layer.objects.active = chain
    write(chain)
    assert "not stored" in refusal(bpy.ops.mld.rekey_take)


def test_a_take_with_damaged_properties_is_refused(mannequin, repository: Path) -> None:
    action = golden_takes.key(mannequin, repository)
    old = curves(action)
    action["mld_start_frame"] = "edited by hand"
    assert "does not say on which frame it starts" in refusal(bpy.ops.mld.rekey_take)
    action["mld_start_frame"] = 1
    for name, value in (
        ("fps", 0.0),
        ("fps", float("nan")),
        ("root", [float("nan")] * len(action["mld_source"]["root"])),
    ):
        whole = action["mld_source"].to_dict()
        action["mld_source"][name] = value
        assert "not stored with it" in refusal(bpy.ops.mld.rekey_take)
        action["mld_source"] = whole
    assert_same_curves(action, old, atol=0.0)


def test_another_take_puts_the_object_back(mannequin, repository: Path) -> None:
    """An object that one take carries away stands at its own place for the next one."""
    mannequin.location = (1.0, 2.0, 0.0)
    on_object = golden_takes.key(mannequin, repository, root_target="OBJECT")
    bpy.context.scene.frame_set(90)
    on_hips = golden_takes.key(mannequin, repository, root_target="HIPS")
    assert mannequin.location[:] == (1.0, 2.0, 0.0)
    first = golden_takes.joints(mannequin, [1])
    takes.activate_take(mannequin, on_object)
    np.testing.assert_allclose(golden_takes.joints(mannequin, [1]), first, atol=1e-4)
    bpy.context.scene.frame_set(90)
    takes.activate_take(mannequin, on_hips)
    assert mannequin.location[:] == (1.0, 2.0, 0.0)
