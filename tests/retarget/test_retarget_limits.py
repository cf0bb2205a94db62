# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks, messages, speed: what retarget does at the edges."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from blender_addon.contract import skeleton
from blender_addon.retarget.errors import RetargetError
from blender_addon.retarget.options import RetargetOptions
from blender_addon.retarget.pipeline import retarget
from blender_addon.retarget.rotation_modes import EULER_ORDERS, from_euler, rotation_channels
from blender_addon.retarget.source_motion import SourceMotion
from blender_addon.rig.bone_map import BoneMap
from blender_addon.rig.snapshot import RigError
from tests.retarget import limb_oracle, motions, rig_edits
from tests.retarget.angles import angle_between
from tests.rig.humanoids import make_humanoid

PLAIN = RetargetOptions(30.0, foot_lock=False)


def test_locked_bone_is_left_alone_and_the_rest_makes_up_for_it() -> None:
    rig, roles = make_humanoid(arm_angle=45.0)
    rig = rig_edits.posed(rig, ["left_collar", "spine2"], np.random.default_rng(0))
    rig = rig_edits.flagged(rig, "lock_rotation", ["left_collar", "spine2"], True)
    motion = motions.wild_motion(0)
    track = retarget(motion, rig, BoneMap(roles), PLAIN)
    assert not {"left_collar", "spine2"} & set(track.rotations)
    assert sum("locked" in note for note in track.warnings) == 2
    heads = {role: head[:-1] for role, head in limb_oracle.joint_heads(rig, roles, track).items()}
    errors = limb_oracle.limb_errors(motion, heads, np.eye(3))
    assert max(error.max() for error in errors.values()) < 0.01


def test_a_rig_of_locked_bones_is_refused() -> None:
    rig, roles = make_humanoid()
    rig = rig_edits.flagged(rig, "lock_rotation", list(rig.bone_names), True)
    with pytest.raises(RetargetError, match="are locked, so nothing can move"):
        retarget(motions.wild_motion(0), rig, BoneMap(roles), PLAIN)


def test_bones_below_make_up_for_a_half_locked_one() -> None:
    """An upper arm that may only turn about one axis misses its direction; the forearm below still finds its own."""
    rig, roles = make_humanoid()
    rig = rig_edits.flagged(rig_edits.modes(rig, "XYZ"), "lock_rotation", ["left_shoulder"], [False, True, True])
    motion = motions.wild_motion(1)
    track = retarget(motion, rig, BoneMap(roles), PLAIN)
    _, values = rotation_channels(track, rig)["left_shoulder"]
    np.testing.assert_array_equal(values[:, 1:], 0.0)
    assert np.ptp(values[:, 0]) > 0.3
    heads = {role: head[:-1] for role, head in limb_oracle.joint_heads(rig, roles, track).items()}
    errors = limb_oracle.limb_errors(motion, heads, np.eye(3))
    assert errors.pop("left_shoulder").max() > 5.0
    assert max(error.max() for error in errors.values()) < 0.01


@pytest.mark.parametrize("order", EULER_ORDERS)
@pytest.mark.parametrize("wobble", [0.02, 0.1])
def test_spinning_character_has_continuous_euler_curves(order: str, wobble: float) -> None:
    """Two turns of a dancer: no curve jumps, and where the body stays near one axis they add up to 720 degrees."""
    frames = 121
    angle = np.linspace(0.0, 4.0 * np.pi, frames)
    motion = motions.still_motion(frames)
    rotations = motion.rotations.copy()
    rotations[:, 0] = motions.rotation_vectors(np.stack([wobble * np.sin(angle), angle, 0.0 * angle], axis=-1))
    rig = rig_edits.modes(make_humanoid()[0], order)
    roles = make_humanoid()[1]
    track = retarget(replace(motion, rotations=rotations), rig, BoneMap(roles), PLAIN)
    for bone, (_, values) in rotation_channels(track, rig).items():
        assert np.abs(np.diff(np.degrees(values), axis=0)).max() < 120.0, bone
        assert angle_between(from_euler(values, order), track.rotations[bone]).max() < 1e-6
    _, hips = rotation_channels(track, rig)["pelvis"]
    if wobble < 0.1:
        assert np.abs(hips[-1] - hips[0]).max() == pytest.approx(4.0 * np.pi, abs=0.2)


@pytest.mark.parametrize("fps", [12.0, 24.0, 25.0, 30.0, 50.0, 60 / 1.001, 60.0])
def test_take_lasts_its_seconds(fps: float) -> None:
    rig, roles = make_humanoid()
    track = retarget(motions.wild_motion(0, frames=120), rig, BoneMap(roles), RetargetOptions(fps, foot_lock=False))
    assert track.seconds == 4.0
    assert track.frames[0] == 0
    assert track.frames[-1] == round(4.0 * fps)
    assert all(len(values) == len(track.frames) for values in (*track.rotations.values(), *track.locations.values()))
    assert track.contacts.shape == (len(track.frames), 4)


def test_missing_roles_are_named() -> None:
    rig, roles = make_humanoid()
    del roles["left_knee"], roles["head"], roles["neck"]
    with pytest.raises(RetargetError, match="Left Lower Leg, Head") as caught:
        retarget(motions.still_motion(), rig, BoneMap(roles), PLAIN)
    assert "bone map" in caught.value.hint


def test_contradictory_maps_are_refused() -> None:
    rig, roles = make_humanoid()
    with pytest.raises(RetargetError, match="both Left Upper Arm and Left Lower Arm"):
        retarget(motions.still_motion(), rig, BoneMap({**roles, "left_elbow": roles["left_shoulder"]}), PLAIN)
    with pytest.raises(RetargetError, match="unknown roles left_thumb"):
        retarget(motions.still_motion(), rig, BoneMap({**roles, "left_thumb": "head"}), PLAIN)
    with pytest.raises(RigError, match="no bone “gone”"):
        retarget(motions.still_motion(), rig, BoneMap({**roles, "left_elbow": "gone"}), PLAIN)


def test_swapped_sides_are_noticed() -> None:
    rig, roles = make_humanoid()
    swapped = {role: roles[rig_edits.MIRRORED[role]] for role in roles}
    track = retarget(motions.still_motion(), rig, BoneMap(swapped), PLAIN)
    assert any("swapped" in note for note in track.warnings)


def test_rig_without_width_is_refused() -> None:
    rig, roles = make_humanoid()
    rest = rig.rest.copy()
    rest[:, 0, 3] = 0.0
    with pytest.raises(RetargetError, match="left side from its right"):
        retarget(motions.still_motion(), replace(rig, rest=rest), BoneMap(roles), PLAIN)


def test_constrained_bones_are_mentioned() -> None:
    rig, roles = make_humanoid()
    rig = rig_edits.flagged(rig, "constrained", ["left_ankle"], True)
    track = retarget(motions.still_motion(), rig, BoneMap(roles), PLAIN)
    assert any("left_ankle" in note and "constraints" in note for note in track.warnings)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("rotations", np.zeros((3, 21, 4)), "shape"),
        ("rotations", np.zeros((3, 22, 4)), "unit quaternions"),
        ("root", np.full((3, 3), np.nan), "not finite"),
        ("contacts", np.zeros((2, 4)), "shape"),
        ("offsets", np.zeros((22, 4)), "shape"),
        ("fps", 0.0, "frames per second"),
    ],
)
def test_broken_motion_is_refused(field: str, value: object, words: str) -> None:
    with pytest.raises(RetargetError, match=words):
        replace(motions.still_motion(3), **{field: value})


def test_empty_motion_is_refused() -> None:
    empty = (np.zeros((0, 22, 4)), np.zeros((0, 3)), np.zeros((0, 4)), skeleton.REST_OFFSETS, 30.0)
    with pytest.raises(RetargetError, match="1 frame or more"):
        SourceMotion(*empty)


@pytest.mark.parametrize(("fps", "seconds"), [(0.0, None), (float("nan"), None), (24.0, 0.0), (24.0, -1.0)])
def test_impossible_times_are_refused(fps: float, seconds: float | None) -> None:
    with pytest.raises(RetargetError):
        RetargetOptions(fps, seconds=seconds)


def test_single_frame_motion_can_be_held() -> None:
    rig, roles = make_humanoid()
    track = retarget(motions.still_motion(1), rig, BoneMap(roles), RetargetOptions(24.0, foot_lock=False, seconds=0.5))
    assert len(track.frames) == 13
    assert all(angle_between(values[0], values[-1]) < 1e-9 for values in track.rotations.values())


def test_ten_seconds_are_solved_in_milliseconds() -> None:
    """300 frames on a rig with fingers and twist bones: some 10 ms of an idle core, 30 on a crowded machine."""
    rig, roles = make_humanoid(extras=("root", "fingers", "twist", "face", "ends"))
    motion = motions.wild_motion(0, frames=300)
    spent = []
    for _ in range(5):
        start = time.process_time()
        retarget(motion, rig, BoneMap(roles), PLAIN)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.06
