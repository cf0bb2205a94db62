# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the character goes: start, direction, scale, height over the floor, and bones that cannot move."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.contract import skeleton
from blender_addon.retarget.options import PoseTrack, RetargetOptions
from blender_addon.retarget.pipeline import retarget
from blender_addon.retarget.source_motion import SourceMotion
from blender_addon.rig.bone_map import BoneMap
from blender_addon.rig.snapshot import RigSnapshot
from tests.retarget import limb_oracle, motions, rig_edits
from tests.retarget.limb_oracle import about_z
from tests.rig.humanoids import Proportions, make_humanoid, random_humanoid

SOURCE_LEG = float(np.linalg.norm(skeleton.REST_OFFSETS[[4, 7]], axis=-1).sum())


def solve(motion: SourceMotion, rig: RigSnapshot, roles: dict[str, str], **options: Any) -> PoseTrack:
    return retarget(
        motion, rig, BoneMap(roles), RetargetOptions(**{"scene_fps": motion.fps, "foot_lock": False, **options})
    )


def hips(rig: RigSnapshot, roles: dict[str, str], track: PoseTrack) -> np.ndarray:
    heads = limb_oracle.joint_heads(rig, roles, track)
    return 0.5 * (heads["left_hip"] + heads["right_hip"])


def source_hips(motion: SourceMotion) -> np.ndarray:
    joints, _ = limb_oracle.skeleton_pose(motion)
    return 0.5 * (joints["left_hip"] + joints["right_hip"])


def leg_length(rig: RigSnapshot, roles: dict[str, str]) -> float:
    at = [rig.rest_world[rig.index(roles[f"left_{part}"]), :3, 3] for part in ("hip", "knee", "ankle")]
    return float(np.linalg.norm(at[1] - at[0]) + np.linalg.norm(at[2] - at[1]))


def rest_hips(rig: RigSnapshot, roles: dict[str, str]) -> np.ndarray:
    return 0.5 * sum(rig.rest_world[rig.index(roles[f"{side}_hip"]), :3, 3] for side in ("left", "right"))


@pytest.mark.parametrize("seed", range(8))
def test_hips_travel_from_their_place_in_proportion_to_the_legs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    world = np.eye(4)
    yaw = float(rng.uniform(0.0, 360.0))
    world[:3, :3], world[:3, 3] = about_z(yaw), rng.normal(size=3) * 5.0
    rig, roles = random_humanoid(seed, facing_degrees=0.0, world=world, jitter=None)
    motion = motions.wild_motion(seed)
    own, source = hips(rig, roles, solve(motion, rig, roles))[:-1], source_hips(motion)
    k = leg_length(rig, roles) / SOURCE_LEG
    level = rest_hips(rig, roles)[:2] + k * ((source - source[0]) @ about_z(yaw).T)[:, :2]
    np.testing.assert_allclose(own[:, :2], level, atol=1e-6 * k)
    ankle = min(rig.rest_world[rig.index(roles[f"{side}_ankle"]), 2, 3] for side in ("left", "right"))
    np.testing.assert_allclose(own[:, 2], ankle + k * (source[:, 2] - skeleton.ANKLE_HEIGHT), atol=1e-6 * k)


def test_travel_in_world_metres_keeps_the_height_of_the_legs() -> None:
    rig, roles = make_humanoid(proportions=Proportions().scaled(legs=0.5))
    motion = motions.wild_motion(1)
    scaled, metres = (hips(rig, roles, solve(motion, rig, roles, scale_root=flag)) for flag in (True, False))
    source = source_hips(motion)
    np.testing.assert_allclose(metres[:-1, :2] - metres[0, :2], (source - source[0])[:, :2], atol=1e-9)
    np.testing.assert_allclose(metres[:, 2], scaled[:, 2], atol=1e-9)
    assert np.ptp(scaled[:, 1]) < 0.6 * np.ptp(metres[:, 1])


def test_in_place_keeps_only_the_height() -> None:
    rig, roles = make_humanoid(facing_degrees=90.0)
    motion = motions.wild_motion(1)
    there, here = (hips(rig, roles, solve(motion, rig, roles, in_place=flag)) for flag in (False, True))
    np.testing.assert_allclose(here[:, :2], np.tile(rest_hips(rig, roles)[:2], (len(here), 1)), atol=1e-9)
    np.testing.assert_allclose(here[:, 2], there[:, 2], atol=1e-9)


@pytest.mark.parametrize("place", ["floor", "chest height", "behind"])
def test_hips_bone_may_lie_anywhere(place: str) -> None:
    """A hips bone on the floor, or anywhere else, moves the body to the same place as one at the hips."""
    rig, roles = make_humanoid()
    usual = hips(rig, roles, solve(motions.wild_motion(2), rig, roles))
    rest = rig.rest.copy()
    rest[rig.index("pelvis"), :3, 3] = {"floor": (0, 0, 0), "chest height": (0, 0, 1.3), "behind": (0.2, 0.5, 1.0)}[
        place
    ]
    moved = replace(rig, rest=rest)
    np.testing.assert_allclose(hips(moved, roles, solve(motions.wild_motion(2), moved, roles)), usual, atol=1e-9)


def test_location_axes_of_the_armature() -> None:
    """With local location off, the channels are along the armature's axes."""
    rig, roles = make_humanoid(rolls=np.random.default_rng(0), extras=("root",))
    off = rig_edits.flagged(rig, "use_local_location", ["pelvis"], False)
    motion = motions.wild_motion(3)
    track, plain = solve(motion, off, roles), solve(motion, rig, roles)
    np.testing.assert_allclose(hips(off, roles, track), hips(rig, roles, plain), atol=1e-9)
    assert np.abs(track.locations["pelvis"] - plain.locations["pelvis"]).max() > 0.1


@pytest.mark.parametrize("take", range(4))
def test_feet_in_contact_stand_at_their_rest_height(repository: Path, take: int) -> None:
    """Before any foot lock; centimetres of a body with legs as long as the motion's."""
    motion = motions.golden_motion(repository, take)
    for seed in range(10):
        rig, roles = random_humanoid(seed)
        heads = limb_oracle.joint_heads(rig, roles, solve(motion, rig, roles))
        size = SOURCE_LEG / leg_length(rig, roles)
        for side, column in (("left", 0), ("right", 2)):
            touching = motion.contacts[:, column] > 0.9
            rest = rig.rest_world[rig.index(roles[f"{side}_ankle"]), 2, 3]
            height = size * (heads[f"{side}_ankle"][:-1][touching, 2] - rest)
            assert np.abs(np.median(height)) < 0.02
            assert np.percentile(np.abs(height), 90) < 0.03


def test_motion_that_floats_is_set_on_the_floor(repository: Path) -> None:
    motion = motions.golden_motion(repository, motions.RAISED_ARM)
    rig, roles = make_humanoid()
    floating = replace(motion, root=motion.root + np.array([0.0, 0.03, 0.0]))
    lifted = replace(motion, root=motion.root + np.array([0.0, 0.5, 0.0]))
    usual, same, high = (hips(rig, roles, solve(m, rig, roles))[:, 2] for m in (motion, floating, lifted))
    np.testing.assert_allclose(same, usual, atol=1e-9)
    assert (high - usual).min() > 0.4, "half a metre is no measuring error"


def test_connected_hips_cannot_move_and_say_so() -> None:
    rig, roles = make_humanoid(extras=("root",))
    rig = rig_edits.flagged(rig, "connected", ["pelvis"], True)
    track = solve(motions.wild_motion(0), rig, roles)
    assert track.locations == {}
    assert any("connected" in note for note in track.warnings)


def test_locked_location_axes_hold_their_value() -> None:
    rig, roles = make_humanoid()
    rig = rig_edits.posed(rig, ["pelvis"], np.random.default_rng(1), degrees=10.0, shift=0.2)
    rig = rig_edits.flagged(rig, "lock_location", ["pelvis"], [True, False, False])
    track = solve(motions.wild_motion(0), rig, roles)
    np.testing.assert_array_equal(track.locations["pelvis"][:, 0], rig.basis[rig.index("pelvis"), 0, 3])
    assert np.ptp(track.locations["pelvis"][:, 2]) > 0.1
    assert any("locked along X" in note for note in track.warnings)
    rig = rig_edits.flagged(rig, "lock_location", ["pelvis"], True)
    track = solve(motions.wild_motion(0), rig, roles)
    assert track.locations == {}
    assert any("is locked" in note for note in track.warnings)
