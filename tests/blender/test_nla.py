# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking takes to NLA strips: above the animator's tracks, silent outside their own frames."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from blender_addon.animation import takes, undo
from blender_addon.animation.errors import AnimationError
from blender_addon.animation.nla import bake_to_nla
from blender_addon.animation.take import write_take
from tests.blender.tracks import metadata, pose_track


def hips(armature, frame):
    bpy.context.scene.frame_set(frame)
    return np.array(armature.pose.bones["hips"].location)


def take_of(armature, seed, start_frame):
    track = pose_track(seed=seed)
    write_take(armature, track, start_frame=start_frame, metadata=metadata(seed=seed))
    return track.locations["hips"]


def layout(armature):
    return [
        (
            track.name,
            track.mute,
            track.lock,
            [(s.name, s.frame_start, s.frame_end, s.extrapolation) for s in track.strips],
        )
        for track in armature.animation_data.nla_tracks
    ]


@pytest.fixture
def layered(chain, armatures):
    """An armature with two tracks of the animator's own: hips at x = 5, held, below a muted one at x = 9."""
    for name, value in (("Base", 5.0), ("Muted", 9.0)):
        action = armatures.action_of_user(chain, {"hips": (value, value)}, (1, 20), name)
        data = chain.animation_data
        track = data.nla_tracks.new(prev=data.nla_tracks[-1] if data.nla_tracks else None)
        track.name = name
        strip = track.strips.new(name, 1, action)
        strip.extrapolation = "HOLD"
        track.mute = name == "Muted"
        data.action = None
    return chain


def test_the_strip_plays_in_its_frames_and_the_tracks_below_outside(layered):
    wanted = take_of(layered, 1, 40)
    strip = bake_to_nla(layered)
    assert layered.animation_data.action is None
    assert (strip.frame_start, strip.frame_end, strip.action_frame_start, strip.action_frame_end) == (40, 64, 40, 64)
    assert (strip.influence, strip.scale, strip.repeat) == (1.0, 1.0, 1.0)
    for frame in (40, 41, 52, 63, 64):
        assert np.allclose(hips(layered, frame), wanted[frame - 40], atol=1e-5), frame
    for frame in (1, 10, 39, 65, 200):
        assert np.allclose(hips(layered, frame), (5.0, 0.0, 0.0), atol=1e-6), frame


def test_the_animators_tracks_stay_as_they_are_and_below(layered):
    before = layout(layered)
    take_of(layered, 1, 40)
    strip = bake_to_nla(layered)
    assert layout(layered)[:-1] == before
    track = layered.animation_data.nla_tracks[-1]
    assert track.name == strip.name == "an old man walks slowly · seed 1"
    assert (strip.extrapolation, strip.blend_type, strip.use_auto_blend) == ("NOTHING", "REPLACE", False)


def test_the_strip_has_its_slot(layered):
    take_of(layered, 1, 40)
    strip = bake_to_nla(layered)
    if hasattr(strip, "action_slot"):
        assert strip.action_slot == strip.action.slots[0]


def test_baking_stacks_and_the_newest_wins(layered):
    first = take_of(layered, 1, 30)
    bake_to_nla(layered)
    second = take_of(layered, 2, 40)
    bake_to_nla(layered)
    names = ["Base", "Muted", "an old man walks slowly · seed 1", "an old man walks slowly · seed 2"]
    assert [track.name for track in layered.animation_data.nla_tracks] == names
    assert np.allclose(hips(layered, 35), first[5], atol=1e-5)
    assert np.allclose(hips(layered, 45), second[5], atol=1e-5)
    assert np.allclose(hips(layered, 64), second[24], atol=1e-5)


def test_the_same_take_can_be_baked_twice(layered):
    take_of(layered, 1, 30)
    action = bake_to_nla(layered).action
    bake_to_nla(layered, action)
    assert [len(track.strips) for track in layered.animation_data.nla_tracks] == [1, 1, 1, 1]
    assert [strip.action for track in list(layered.animation_data.nla_tracks)[2:] for strip in track.strips] == [
        action
    ] * 2


def test_the_pose_does_not_change_by_baking(layered):
    wanted = take_of(layered, 1, 40)
    bpy.context.scene.frame_set(50)
    bake_to_nla(layered)
    bpy.context.view_layer.update()
    shown = layered.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones["hips"].location
    assert np.allclose(shown, wanted[10], atol=1e-5)


def test_a_take_before_frame_zero_lies_where_its_keys_lie(layered):
    wanted = take_of(layered, 1, -30)
    strip = bake_to_nla(layered)
    assert (strip.frame_start, strip.frame_end) == (-30, -6)
    assert np.allclose(hips(layered, -20), wanted[10], atol=1e-5)


def test_the_next_take_plays_above_the_strip(layered):
    take_of(layered, 1, 40)
    bake_to_nla(layered)
    wanted = take_of(layered, 2, 40)
    assert np.allclose(hips(layered, 50), wanted[10], atol=1e-5)
    assert len(takes.list_takes(layered)) == 2


def test_another_take_than_the_active_one_leaves_the_animators_own_action_active(layered, armatures):
    take_of(layered, 1, 40)
    take = takes.active_take(layered)
    mine = armatures.action_of_user(layered, {"tail": (0, 1)}, (1, 10))
    bake_to_nla(layered, take)
    assert layered.animation_data.action == mine
    assert layout(layered)[-1][0] == take.name


def test_without_a_take_there_is_nothing_to_bake(layered, armatures):
    armatures.action_of_user(layered, {"tail": (0, 1)}, (1, 10))
    before = layout(layered)
    with pytest.raises(AnimationError, match="plays no take"):
        bake_to_nla(layered)
    assert layout(layered) == before


def test_strip_and_order_survive_saving(layered, tmp_path):
    wanted = take_of(layered, 1, 40)
    bake_to_nla(layered)
    before = layout(layered)
    file = str(tmp_path / "nla.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    rig = bpy.data.objects["Rig"]
    assert layout(rig) == before
    assert np.allclose(hips(rig, 52), wanted[12], atol=1e-5)


def test_one_undo_step(layered):
    take_of(layered, 1, 40)
    before = layout(layered)
    with undo.step("Bake to NLA Strip"):
        bake_to_nla(layered)
    bpy.ops.ed.undo()
    rig = bpy.data.objects["Rig"]
    assert layout(rig) == before
    assert takes.active_take(rig) is not None
