# SPDX-License-Identifier: GPL-3.0-or-later
"""How bones of the spine and the neck share what happens between the joints around them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blender_addon.contract import skeleton
from blender_addon.retarget import rig_pose
from blender_addon.retarget.options import RetargetOptions
from blender_addon.retarget.pipeline import retarget
from blender_addon.retarget.source_motion import SourceMotion
from blender_addon.rig.bone_map import BoneMap
from blender_addon.rig.snapshot import RigSnapshot
from tests.retarget import motions, rig_edits
from tests.rig.humanoids import make_humanoid


def twisted_motion(**degrees: float) -> SourceMotion:
    """Standing, each named joint turned about the vertical against its parent."""
    motion = motions.still_motion(2)
    rotations = motion.rotations.copy()
    for joint, angle in degrees.items():
        rotations[:, skeleton.JOINT_INDEX[joint]] = motions.rotation_vectors(np.array([0.0, np.radians(angle), 0.0]))
    return replace(motion, rotations=rotations)


def yaw_degrees(rig: RigSnapshot, roles: dict[str, str], motion: SourceMotion, bones: list[str]) -> list[float]:
    """How far each bone is turned about the vertical from its rest, in the world."""
    track = retarget(motion, rig, BoneMap(roles), RetargetOptions(motion.fps, foot_lock=False))
    world = rig_pose.track_world(rig, track, bones)
    angles = []
    for bone in bones:
        turn = world[bone][0, :3, :3] @ rig.rest_world[rig.index(bone), :3, :3].T
        np.testing.assert_allclose(turn @ [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], atol=1e-9)
        angles.append(float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0]))))
    return angles


def spine_bones(rig: RigSnapshot, top: str) -> list[str]:
    chain = [rig.bone_names[i] for i in (rig.index(top), *rig.ancestors(rig.index(top)))]
    return chain[: chain.index("pelvis")][::-1]


@pytest.mark.parametrize("count", range(1, 8))
def test_spine_bones_share_evenly(count: int) -> None:
    rig, roles = make_humanoid(spine_count=count)
    motion = twisted_motion(pelvis=20.0, spine1=10.0, spine2=10.0, spine3=10.0)
    bones = spine_bones(rig, roles["spine3"])
    assert len(bones) == count
    expected = [20.0 + 30.0 * i / count for i in range(1, count + 1)]
    np.testing.assert_allclose(yaw_degrees(rig, roles, motion, bones), expected, atol=1e-6)


def test_three_spine_bones_are_the_three_joints() -> None:
    rig, roles = make_humanoid(spine_count=3)
    angles = yaw_degrees(
        rig, roles, twisted_motion(spine1=5.0, spine2=-20.0, spine3=40.0), ["spine1", "spine2", "spine3"]
    )
    np.testing.assert_allclose(angles, [5.0, -15.0, 25.0], atol=1e-6)


@pytest.mark.parametrize("count", range(4))
def test_neck_bones_share_evenly(count: int) -> None:
    rig, roles = make_humanoid(neck_count=count)
    motion = twisted_motion(spine3=10.0, neck=30.0, head=25.0)
    bones = ["neck", "neck:1", "neck:2"][:count]
    expected = [10.0 + 30.0 * i / count for i in range(1, count + 1)]
    np.testing.assert_allclose(yaw_degrees(rig, roles, motion, [*bones, "head"]), [*expected, 65.0], atol=1e-6)


def test_neck_without_a_head_bone_takes_the_neck() -> None:
    rig, roles = make_humanoid(neck_count=2)
    del roles["head"]
    roles["neck"] = "neck:1"
    angles = yaw_degrees(rig, roles, twisted_motion(neck=30.0, head=20.0), ["neck", "neck:1"])
    np.testing.assert_allclose(angles, [15.0, 30.0], atol=1e-6)


def test_arms_stay_with_the_chest_and_the_collars() -> None:
    rig, roles = make_humanoid()
    motion = twisted_motion(spine3=30.0, left_collar=10.0)
    np.testing.assert_allclose(
        yaw_degrees(rig, roles, motion, ["right_collar", "left_collar"]), [30.0, 40.0], atol=1e-6
    )


def test_split_body_is_carried_by_the_bone_that_holds_both_halves() -> None:
    """A lower body with the legs beside an upper body with the spine: the centre above both of them travels."""
    rig, roles = make_humanoid(extras=("root",), spine_count=2)
    rig = rig_edits.with_bone_above(rig, "pelvis", "centre")
    rig = rig_edits.moved_under(rig, "spine1", "centre")
    motion = motions.wild_motion(2)
    track = retarget(motion, rig, BoneMap(roles), RetargetOptions(motion.fps, foot_lock=False))
    assert list(track.locations) == ["centre"]
    assert "centre" not in track.rotations
    assert any("centre" in note for note in track.warnings)
    world = rig_pose.track_world(rig, track)
    np.testing.assert_allclose(np.ptp(world["spine1"][:, :3, 3], axis=0)[0], np.ptp(motion.root[:, 0]), rtol=0.2)
