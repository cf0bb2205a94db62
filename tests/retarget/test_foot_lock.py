# SPDX-License-Identifier: GPL-3.0-or-later
"""Foot lock on characters of every build: no sliding, no knee pop, nothing below the floor, nothing else changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.retarget.options import PoseTrack, RetargetOptions
from blender_addon.retarget.pipeline import retarget
from blender_addon.retarget.source_motion import SourceMotion
from blender_addon.rig.bone_map import BoneMap
from blender_addon.rig.snapshot import RigSnapshot
from tests.retarget import foot_oracle, limb_oracle, mocap, motions, rig_edits
from tests.retarget.limb_oracle import about_z
from tests.rig.humanoids import Proportions, make_humanoid, random_humanoid

SLIDE = 0.01
"""Metres in the level within one contact phase."""
SINK = 0.005
"""Metres below the floor."""
POP = 1.3
"""Fastest moment of a knee over that of the unlocked motion: `foot_oracle.knee_ratio`."""

Rig = tuple[RigSnapshot, dict[str, str]]

BUILDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "short legs, long feet": {"proportions": Proportions().scaled(legs=0.45, arms=0.7, head=3.0)},
    "long legs": {"proportions": Proportions().scaled(legs=1.2)},
    "wide legs, bent knees": {"leg_spread": 18.0, "knee_bend": 14.0, "arm_angle": 60.0},
    "no toes, Y up, centimetres": {"toes": False, "y_up": True, "unit": 0.01},
    "twist bones, split pelvis": {"extras": ("root", "twist", "pelvis_split", "hip_joints")},
}


def build(name: str) -> Rig:
    return make_humanoid(rolls=np.random.default_rng(7), **BUILDS[name])


def tracks(motion: SourceMotion, rig: Rig, fps: float | None = None, **options: Any) -> tuple[PoseTrack, PoseTrack]:
    """The motion on the rig without and with foot lock."""
    made = RetargetOptions(scene_fps=fps or motion.fps, foot_lock=False, **options)
    loose = retarget(motion, rig[0], BoneMap(rig[1]), made)
    return loose, retarget(motion, rig[0], BoneMap(rig[1]), replace(made, foot_lock=True))


def legs(rig: Rig, track: PoseTrack) -> dict[str, np.ndarray]:
    """Role -> (F, 3) where the joints of the legs are."""
    roles = {role: bone for role, bone in rig[1].items() if role.endswith(("hip", "knee", "ankle", "foot"))}
    return limb_oracle.joint_heads(rig[0], roles, track)


def rest(rig: Rig) -> dict[str, np.ndarray]:
    """Role -> (3,) where the joint is at rest."""
    return {role: rig[0].rest_world[rig[0].index(bone), :3, 3] for role, bone in rig[1].items()}


def slides(rig: Rig, track: PoseTrack, travel: np.ndarray | None = None) -> np.ndarray:
    return foot_oracle.slides(legs(rig, track), track.contacts, travel)


def assert_locked(motion: SourceMotion, rig: Rig, fps: float | None = None) -> tuple[PoseTrack, PoseTrack]:
    loose, locked = tracks(motion, rig, fps)
    heads = legs(rig, locked)
    assert foot_oracle.slides(heads, locked.contacts).max() < SLIDE
    assert foot_oracle.deepest(heads, rest(rig)) < SINK
    assert foot_oracle.knee_ratio(legs(rig, loose), heads, fps or motion.fps) <= POP
    return loose, locked


@pytest.mark.parametrize("take", [motions.WALK, motions.SLOW_WALK, motions.STROLL, motions.RAISED_ARM])
@pytest.mark.parametrize("name", BUILDS)
def test_generated_takes_are_locked_on_every_build(name: str, take: int, repository: Path) -> None:
    assert_locked(motions.golden_motion(repository, take), build(name))


def test_without_the_lock_the_same_walk_slides_and_sinks(repository: Path) -> None:
    motion = motions.golden_motion(repository, motions.WALK)
    for name in ("plain", "short legs, long feet"):
        rig = build(name)
        loose, _ = tracks(motion, rig)
        assert slides(rig, loose).max() > 4 * SLIDE
    assert foot_oracle.deepest(legs(rig, loose), rest(rig)) > 4 * SINK


@pytest.mark.parametrize("seed", range(6))
def test_random_humanoids(seed: int, repository: Path) -> None:
    rig = random_humanoid(seed)
    assert_locked(motions.golden_motion(repository, seed % 3), rig)


@pytest.mark.parametrize("fps", [12.0, 24.0, 25.0, 50.0, 59.94])
def test_every_frame_rate(fps: float, repository: Path) -> None:
    assert_locked(motions.golden_motion(repository, motions.WALK), build("plain"), fps)


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_the_object_may_be_scaled_turned_and_moved(factor: float, repository: Path) -> None:
    motion = motions.golden_motion(repository, motions.STROLL)
    plain = build("plain")
    _, wanted = tracks(motion, plain)
    world = np.eye(4)
    world[:3, :3], world[:3, 3] = factor * about_z(50.0), (3.0, -4.0, 0.5)
    placed = (replace(plain[0], world=world), plain[1])
    _, locked = tracks(motion, placed)
    for bone, rotations in wanted.rotations.items():
        assert limb_oracle.rotation_degrees(
            limb_oracle.rotation_matrices(rotations), limb_oracle.rotation_matrices(locked.rotations[bone])
        ).max() < 1e-4  # fmt: skip
    for bone, locations in wanted.locations.items():
        np.testing.assert_allclose(locked.locations[bone], locations, atol=1e-6)


@pytest.mark.parametrize(
    ("action", "number"),
    [
        ("walk", 0), ("run", 0), ("kick", 0), ("kick", 1), ("jump", 0), ("sit", 0), ("turn_left", 0), ("crouch", 0),
        ("salsa", 0), ("salsa", 1), ("punch", 0), ("punch", 1), ("ballet", 0), ("ballet", 1), ("crawl", 0),
        ("get_up", 0), ("get_up", 1), ("lie_down", 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["plain", "short legs, long feet"])
def test_captured_clips_are_locked(name: str, action: str, number: int, shared_dir: Path) -> None:
    assert_locked(mocap.clip(shared_dir, action, number), build(name))


def test_a_motion_that_walks_on_planted_feet_is_locked(repository: Path) -> None:
    """Long generated takes may say that both feet stand while the body walks on: then it has to stop."""
    motion = motions.golden_motion(repository, motions.WALK)
    contacts = motion.contacts.copy()
    contacts[25:70] = 1.0
    motion = SourceMotion(motion.rotations, motion.root, contacts, motion.offsets, motion.fps)
    for name in ("plain", "short legs, long feet"):
        rig = build(name)
        loose, _ = assert_locked(motion, rig)
        assert slides(rig, loose).max() > 0.3


def test_in_place_the_floor_stops_and_not_the_body(repository: Path) -> None:
    """The same motion in place: what would be taken back of the travel must not become travel."""
    motion = motions.golden_motion(repository, motions.WALK)
    contacts = motion.contacts.copy()
    contacts[25:70] = 1.0
    motion = SourceMotion(motion.rotations, motion.root, contacts, motion.offsets, motion.fps)
    rig = build("plain")
    loose, locked = tracks(motion, rig, in_place=True)
    hips = {"pelvis": rig[1]["pelvis"]}
    places = [limb_oracle.joint_heads(rig[0], hips, track)["pelvis"][:, :2] for track in (loose, locked)]
    assert np.linalg.norm(places[1] - places[0], axis=-1).max() < 0.15
    assert locked.path is not None
    np.testing.assert_allclose(locked.path, 0.0, atol=1e-9)
    assert foot_oracle.knee_ratio(legs(rig, loose), legs(rig, locked), motion.fps) <= POP


@pytest.mark.parametrize("shake", [0.004, 0.01])
def test_a_knee_that_stands_still_stays_calm(shake: float, repository: Path) -> None:
    """Nearly straight legs over planted feet that shake a little: the knee's angle is most sensitive there."""
    still = motions.still_motion(90)
    time = np.linspace(0.0, 6.0 * np.pi, 90)
    root = still.root + shake * np.stack([np.sin(time), -0.3 * np.sin(1.7 * time) ** 2, np.cos(1.3 * time)], axis=-1)
    motion = SourceMotion(still.rotations, root, still.contacts, still.offsets, still.fps)
    for name in BUILDS:
        assert_locked(motion, build(name))


def test_world_travel_on_short_legs(repository: Path) -> None:
    """Metres as in the motion are strides far too long for these legs: what they cannot reach they do not travel."""
    motion, rig = motions.golden_motion(repository, motions.WALK), build("short legs, long feet")
    loose, locked = tracks(motion, rig, scale_root=False)
    heads = legs(rig, locked)
    assert slides(rig, loose).max() > 0.2
    assert foot_oracle.slides(heads, locked.contacts).max() < SLIDE
    assert foot_oracle.deepest(heads, rest(rig)) < SINK
    assert foot_oracle.knee_ratio(legs(rig, loose), heads, motion.fps) <= POP


@pytest.mark.parametrize("name", ["plain", "short legs, long feet"])
def test_feet_stay_out_of_the_floor_without_any_contact(name: str, repository: Path) -> None:
    motion, rig = motions.golden_motion(repository, motions.WALK), build(name)
    sunk = motion.root - [0.0, 0.04, 0.0]
    motion = SourceMotion(motion.rotations, sunk, np.zeros_like(motion.contacts), motion.offsets, motion.fps)
    loose, locked = tracks(motion, rig)
    assert foot_oracle.deepest(legs(rig, loose), rest(rig)) > 2 * SINK
    assert foot_oracle.deepest(legs(rig, locked), rest(rig)) < SINK
    assert foot_oracle.knee_ratio(legs(rig, loose), legs(rig, locked), motion.fps) <= POP


def test_only_legs_and_the_hips_height_change(repository: Path) -> None:
    rig = build("plain")
    loose, locked = tracks(motions.golden_motion(repository, motions.WALK), rig)
    bent = {rig[1][f"{side}_{part}"] for side in ("left", "right") for part in ("hip", "knee", "ankle")}
    for bone in loose.rotations:
        same = np.array_equal(loose.rotations[bone], locked.rotations[bone])
        assert same is (bone not in bent), bone
    assert loose.rotations.keys() == locked.rotations.keys()
    assert loose.locations.keys() == locked.locations.keys()
    hips = {"pelvis": rig[1]["pelvis"]}
    shift = (
        limb_oracle.joint_heads(rig[0], hips, locked)["pelvis"] - limb_oracle.joint_heads(rig[0], hips, loose)["pelvis"]
    )
    assert np.abs(shift[:, :2]).max() < 0.02
    assert 0.001 < np.abs(shift[:, 2]).max() < 0.05


def test_a_character_that_slides_as_a_whole_is_stopped_as_a_whole(repository: Path) -> None:
    """Generated kicks slide by half a metre on the standing leg: no leg can make up for that alone."""
    motion, rig = motions.golden_motion(repository, motions.RAISED_ARM), build("plain")
    slide = 0.4 * np.sin(np.linspace(0.0, np.pi, motion.frames))[:, None] * [1.0, 0.0, 0.5]
    motion = SourceMotion(motion.rotations, motion.root + slide, motion.contacts, motion.offsets, motion.fps)
    loose, locked = assert_locked(motion, rig)
    assert slides(rig, loose).max() > 0.3
    assert loose.path is not None
    assert locked.path is not None
    np.testing.assert_allclose(locked.path[0], loose.path[0], atol=1e-9)
    hips = limb_oracle.joint_heads(rig[0], {"pelvis": rig[1]["pelvis"]}, locked)["pelvis"]
    np.testing.assert_allclose((hips - hips[0])[:, :2], (locked.path - locked.path[0])[:, :2], atol=0.01)


def test_a_motion_above_the_floor_without_contacts_stays_as_it_is(repository: Path) -> None:
    motion = motions.golden_motion(repository, motions.WALK)
    motion = SourceMotion(motion.rotations, motion.root, np.zeros_like(motion.contacts), motion.offsets, motion.fps)
    loose, locked = tracks(motion, build("plain"))
    for bone, rotations in loose.rotations.items():
        np.testing.assert_allclose(locked.rotations[bone], rotations, atol=1e-12)
    for bone, locations in loose.locations.items():
        np.testing.assert_array_equal(locked.locations[bone], locations)


def test_in_place_the_feet_move_with_the_floor(repository: Path) -> None:
    motion, rig = motions.golden_motion(repository, motions.WALK), build("plain")
    walking, _ = tracks(motion, rig)
    loose, locked = tracks(motion, rig, in_place=True)
    hips = {"pelvis": rig[1]["pelvis"]}
    travel = (
        limb_oracle.joint_heads(rig[0], hips, walking)["pelvis"]
        - limb_oracle.joint_heads(rig[0], hips, loose)["pelvis"]
    )
    assert np.linalg.norm(travel[-1]) > 1.0
    assert slides(rig, loose, travel).max() > 4 * SLIDE
    assert slides(rig, locked, travel).max() < SLIDE


def test_a_floating_take_is_set_on_the_floor(repository: Path) -> None:
    """Where the motion's own feet change their height from plant to plant, planted feet all stand on one floor."""
    motion, rig = motions.golden_motion(repository, motions.WALK), build("plain")
    root = motion.root + np.linspace(-0.015, 0.015, motion.frames)[:, None] * [0.0, 1.0, 0.0]
    loose, locked = tracks(SourceMotion(motion.rotations, root, motion.contacts, motion.offsets, motion.fps), rig)

    def heights(track: PoseTrack) -> np.ndarray:
        """Of each planted foot's lower joint above where it lies flat, in metres."""
        heads = legs(rig, track)
        above = {role: heads[role][:, 2] - rest(rig)[role][2] for role in foot_oracle.CONTACT_ROLES}
        found = []
        for side, channels in (("left", (0, 1)), ("right", (2, 3))):
            planted = (track.contacts[:, channels] > 0.5).all(axis=1)
            found.append(np.minimum(above[f"{side}_ankle"], above[f"{side}_foot"])[planted])
        return np.concatenate(found)

    assert np.abs(heights(loose)).max() > 0.012
    assert np.abs(np.percentile(heights(locked), [2, 98])).max() < 0.008


def test_locked_rotations_leave_that_leg_alone_and_are_reported(repository: Path) -> None:
    motion, (rig, roles) = motions.golden_motion(repository, motions.WALK), build("plain")
    rig = rig_edits.flagged(rig, "lock_rotation", [roles["left_knee"]], np.array([False, True, True]))
    loose, locked = tracks(motion, (rig, roles))
    for part in ("hip", "knee", "ankle"):
        bone = roles[f"left_{part}"]
        np.testing.assert_allclose(locked.rotations[bone], loose.rotations[bone], atol=1e-12)
    assert any(roles["left_knee"] in warning and "left foot" in warning for warning in locked.warnings)
    phases = foot_oracle.contact_phases(locked.contacts)
    right = np.array([role.startswith("right") for role, _, _ in phases])
    assert slides((rig, roles), locked)[right].max() < SLIDE


def test_bones_that_do_not_inherit_rotation(repository: Path) -> None:
    motion, (rig, roles) = motions.golden_motion(repository, motions.STROLL), build("plain")
    bones = [roles["left_knee"], roles["right_ankle"]]
    assert_locked(motion, (rig_edits.flagged(rig, "inherit_rotation", bones, False), roles))


def test_a_posed_bone_inside_the_leg(repository: Path) -> None:
    motion, (rig, roles) = motions.golden_motion(repository, motions.STROLL), build("plain")
    rig = rig_edits.with_bone_above(rig, roles["left_knee"], "half thigh")
    rig = rig_edits.posed(rig, ["half thigh"], np.random.default_rng(3), degrees=10.0)
    _, locked = tracks(motion, (rig, roles))
    assert slides((rig, roles), locked).max() < SLIDE


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_takes(frames: int) -> None:
    motion = motions.still_motion(frames)
    _, locked = tracks(motion, build("plain"))
    assert all(np.isfinite(rotations).all() for rotations in locked.rotations.values())
    assert slides(build("plain"), locked).max() < 1e-6
