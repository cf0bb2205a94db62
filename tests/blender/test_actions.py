# SPDX-License-Identifier: GPL-3.0-or-later
"""What write_take keys: the right curves, on the right bones and frames, playing the track."""

from __future__ import annotations

import time

import bpy
import numpy as np
import pytest
from mathutils import Quaternion

from blender_addon.animation import compat
from blender_addon.animation.take import write_take
from blender_addon.rig.blender_snapshot import read_rig
from tests.blender.tracks import metadata, pose_track, source_take


def played(armature, frame):
    """Bone -> (location, rotation) of matrix_basis that Blender shows at a frame."""
    bpy.context.scene.frame_set(int(frame))
    return {
        bone.name: (bone.matrix_basis.translation, bone.matrix_basis.to_quaternion()) for bone in armature.pose.bones
    }


def check_plays(armature, track, start_frame):
    for i, frame in enumerate(track.frames):
        pose = played(armature, start_frame + frame)
        for bone, rotations in track.rotations.items():
            angle = pose[bone][1].rotation_difference(Quaternion(rotations[i])).angle
            assert min(angle, 2 * np.pi - angle) < 1e-3, (bone, frame)
        for bone, locations in track.locations.items():
            assert np.allclose(pose[bone][0], locations[i], atol=1e-5), (bone, frame)


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "AXIS_ANGLE"])
def test_the_take_plays_the_track_in_each_rotation_mode(chain, mode):
    for bone in chain.pose.bones:
        bone.rotation_mode = mode
    track = pose_track()
    action = write_take(chain, track, start_frame=10, metadata=metadata())
    assert {bone.rotation_mode for bone in chain.pose.bones} == {mode}
    prop = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}.get(mode, "rotation_euler")
    assert {curve.data_path.rsplit(".", 1)[1] for curve in compat.fcurves(action)} == {prop, "location"}
    check_plays(chain, track, 10)


def test_curves_do_not_jump(chain):
    for bone, mode in zip(chain.pose.bones, ("XYZ", "AXIS_ANGLE", "QUATERNION"), strict=False):
        bone.rotation_mode = mode
    action = write_take(chain, pose_track(seconds=4.0, fps=60.0), start_frame=1, metadata=metadata())
    for curve in compat.fcurves(action):
        values = np.array([point.co.y for point in curve.keyframe_points])
        assert np.abs(np.diff(values)).max() < 1.0, curve.data_path


def test_only_the_bones_of_the_track_are_keyed(chain):
    action = write_take(chain, pose_track(("hips", "chest")), start_frame=1, metadata=metadata())
    keyed = {(curve.data_path, curve.array_index) for curve in compat.fcurves(action)}
    expected = {(f'pose.bones["{bone}"].rotation_quaternion', i) for bone in ("hips", "chest") for i in range(4)}
    assert keyed == expected | {('pose.bones["hips"].location', i) for i in range(3)}
    assert {curve.group.name for curve in compat.fcurves(action)} == {"hips", "chest"}


@pytest.mark.parametrize(("fps", "base"), [(24, 1.0), (25, 1.0), (30, 1.0), (60, 1.0), (60, 1.001)])
def test_four_seconds_last_four_seconds(chain, fps, base):
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = fps, base
    rate = fps / base
    action = write_take(chain, pose_track(seconds=4.0, fps=rate), start_frame=7, metadata=metadata(fps=rate))
    first, last = action.frame_range
    assert action.use_frame_range
    assert first == 7.0
    assert abs((last - first) / rate - 4.0) <= 0.5 / rate
    assert {(curve.range()[0], curve.range()[1]) for curve in compat.fcurves(action)} == {(first, last)}
    assert {len(curve.keyframe_points) for curve in compat.fcurves(action)} == {4 * fps + 1}


def test_the_armature_plays_the_take_in_its_slot(chain):
    action = write_take(chain, pose_track(), start_frame=1, metadata=metadata())
    data = chain.animation_data
    assert data.action == action
    if hasattr(data, "action_slot"):
        assert data.action_slot is not None
        assert [slot.name_display for slot in action.slots] == [chain.name]


def test_bone_names_with_quotes_and_other_scripts(armatures):
    bones = ('arm "L"', "back\\slash", "左腕", "plain]")
    armature = armatures.chain(bones=bones)
    track = pose_track(bones, bones[:1])
    write_take(armature, track, start_frame=1, metadata=metadata())
    check_plays(armature, track, 1)


def test_between_frames_the_curve_is_straight_and_before_and_after_it_holds(chain):
    track = pose_track()
    action = write_take(chain, track, start_frame=1, metadata=metadata())
    curve = next(c for c in compat.fcurves(action) if c.data_path.endswith("location") and c.array_index == 1)
    values = track.locations["hips"][:, 1]
    assert curve.evaluate(5.5) == pytest.approx((values[4] + values[5]) / 2, abs=1e-6)
    assert curve.evaluate(-50) == pytest.approx(values[0], abs=1e-6)
    assert curve.evaluate(500) == pytest.approx(values[-1], abs=1e-6)


def test_locked_channels_keep_their_value(chain):
    bone = chain.pose.bones["spine"]
    bone.rotation_mode = "XYZ"
    bone.rotation_euler = (0.25, 0.0, 0.0)
    bone.lock_rotation = (True, False, False)
    write_take(chain, pose_track(), start_frame=1, metadata=metadata())
    for frame in (1, 12, 25):
        bpy.context.scene.frame_set(frame)
        assert bone.rotation_euler.x == pytest.approx(0.25, abs=1e-5)


def test_writing_ten_seconds_on_22_bones_takes_at_most_50_ms(armatures):
    bones = tuple(f"bone{i}" for i in range(65))
    armature = armatures.chain(bones=bones)
    track = pose_track(bones[:22], bones[:1], seconds=10.0, fps=30.0)
    rig = read_rig(armature)
    durations = []
    for _ in range(7):
        begin = time.process_time()
        write_take(armature, track, start_frame=1, metadata=metadata(), source=source_take(300), rig=rig)
        durations.append((time.process_time() - begin) * 1000)
    print(f"write_take, 301 frames x 22 bones: {min(durations):.1f} ms at best, {np.median(durations):.1f} ms median")
    assert np.median(durations) <= 50.0


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "AXIS_ANGLE"])
@pytest.mark.parametrize("reduction", ["LINEAR", "BEZIER"])
def test_reduced_keys_play_the_track_within_the_bound(chain, reduction, mode):
    for bone in chain.pose.bones:
        bone.rotation_mode = mode
    track = pose_track(seconds=4.0, speed=0.25)
    action = write_take(
        chain, track, start_frame=11, metadata=metadata(), key_reduction=reduction, key_error_degrees=1.0
    )
    assert tuple(action.frame_range) == (11.0, 107.0)
    for curve in compat.fcurves(action):
        assert len(curve.keyframe_points) < len(track.frames) / 2, curve.data_path
        assert curve.range()[:] == (11.0, 107.0)
        assert {point.interpolation for point in curve.keyframe_points} == {reduction}
    for i, frame in enumerate(track.frames):
        pose = played(chain, 11 + frame)
        for bone, rotations in track.rotations.items():
            angle = pose[bone][1].rotation_difference(Quaternion(rotations[i])).angle
            assert min(angle, 2 * np.pi - angle) <= np.radians(1.01), (bone, frame)
        assert np.linalg.norm(np.array(pose["hips"][0]) - track.locations["hips"][i]) <= 0.0021, frame
