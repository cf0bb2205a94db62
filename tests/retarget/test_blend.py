# SPDX-License-Identifier: GPL-3.0-or-later
"""Blends with the present pose: they start and end in it at rest, are smooth, and leave the rest of the take alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.retarget import rig_pose
from blender_addon.retarget.composition import TakeShape, compose
from blender_addon.retarget.inertialization import rotations_from, values_from
from blender_addon.retarget.options import PoseTrack, RetargetOptions
from blender_addon.retarget.pipeline import retarget
from blender_addon.rig.bone_map import BoneMap
from blender_addon.rig.snapshot import RigSnapshot
from tests.retarget import limb_oracle, motions, rig_edits
from tests.rig.humanoids import make_humanoid

FRAMES = 12


def posed_walk(repository: Path, seed: int = 0, **options: Any) -> tuple[RigSnapshot, dict[str, str], PoseTrack]:
    """A character that the animator has posed, hips moved, and a walk for it."""
    rng = np.random.default_rng(seed)
    rig, roles = make_humanoid(rolls=rng, extras=("root",), facing_degrees=30.0)
    rig = rig_edits.posed(rig, roles.values(), rng, degrees=40.0)
    rig = rig_edits.posed(rig, [roles["pelvis"]], rng, degrees=20.0, shift=0.1)
    motion = motions.golden_motion(repository, motions.WALK)
    return rig, roles, retarget(motion, rig, BoneMap(roles), RetargetOptions(motion.fps, **options))


def basis(track: PoseTrack, bone: str, sample: int) -> tuple[np.ndarray, np.ndarray | None]:
    matrix = limb_oracle.rotation_matrices(track.rotations[bone][sample][None])[0]
    return matrix, track.locations[bone][sample] if bone in track.locations else None


def assert_in_pose(rig: RigSnapshot, track: PoseTrack, sample: int) -> None:
    for bone in track.bones:
        turned, moved = basis(track, bone, sample)
        present = rig.basis[rig.index(bone)]
        np.testing.assert_allclose(turned, present[:3, :3], atol=1e-9)
        if moved is not None:
            np.testing.assert_allclose(moved, present[:3, 3], atol=1e-9)


def steps(rig: RigSnapshot, roles: dict[str, str], track: PoseTrack) -> np.ndarray:
    """(F - 1, J) distance by which each joint moves from sample to sample [m]."""
    heads = rig_pose.track_world(rig, track, roles.values())
    places = np.stack([heads[bone][:, :3, 3] for bone in roles.values()], axis=1)
    return np.linalg.norm(np.diff(places, axis=0), axis=-1)


@pytest.mark.parametrize("seed", range(3))
def test_starts_in_the_present_pose_and_joins_the_take(repository: Path, seed: int) -> None:
    rig, _, track = posed_walk(repository, seed)
    blended = compose(track, rig, TakeShape(blend_in_frames=FRAMES), None, None)
    assert_in_pose(rig, blended, 0)
    for bone, values in track.rotations.items():
        dots = np.abs(np.sum(values * blended.rotations[bone], axis=-1))
        np.testing.assert_allclose(dots[FRAMES:], 1.0, atol=1e-12)
    for bone, values in track.locations.items():
        np.testing.assert_allclose(blended.locations[bone][FRAMES:], values[FRAMES:], atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_pops(repository: Path, seed: int) -> None:
    """Joints set off from rest, and nowhere does their speed change as suddenly as it would without a blend."""
    rig, roles, track = posed_walk(repository, seed)
    blended = compose(track, rig, TakeShape(blend_in_frames=FRAMES, blend_out_frames=FRAMES), None, None)
    present = rig_pose.track_world(rig, PoseTrack(np.zeros(1), {}, {}, 0.0, np.zeros((1, 4))), roles.values())
    start = rig_pose.track_world(rig, track, roles.values())
    jump = max(np.linalg.norm(start[bone][0, :3, 3] - present[bone][0, :3, 3]) for bone in roles.values())
    own = steps(rig, roles, blended)
    assert jump > 0.15
    assert own[0].max() < 0.02
    assert own[-1].max() < 0.02
    # A quintic is at most 1.875 times as fast as the straight way; the take's own speed comes on top.
    assert own[: FRAMES + 1].max() < 2.5 * jump / FRAMES + 1.5 * steps(rig, roles, track).max()
    change = np.abs(np.diff(own, axis=0))
    assert change.max() < 0.4 * jump


def test_ends_in_the_present_pose_where_it_has_travelled_to(repository: Path) -> None:
    rig, roles, track = posed_walk(repository)
    blended = compose(track, rig, TakeShape(blend_out_frames=FRAMES), None, None)
    for bone in set(track.bones) - {roles["pelvis"]}:
        np.testing.assert_allclose(basis(blended, bone, -1)[0], rig.basis[rig.index(bone), :3, :3], atol=1e-9)
    present = rig_pose.track_world(rig, PoseTrack(np.zeros(1), {}, {}, 0.0, np.zeros((1, 4))), roles.values())
    ended = rig_pose.track_world(rig, blended, roles.values())
    assert track.path is not None
    assert np.linalg.norm(track.path[-1]) > 0.8
    travelled = ended[roles["pelvis"]][-1, :3, 3] - present[roles["pelvis"]][0, :3, 3]
    np.testing.assert_allclose(travelled, track.path[-1], atol=0.03)
    for bone in roles.values():
        np.testing.assert_allclose(ended[bone][-1, :3, 3], present[bone][0, :3, 3] + travelled, atol=1e-9)


@pytest.mark.parametrize("target", ["ROOT_BONE", "OBJECT"])
def test_the_travel_is_not_blended(repository: Path, target: str) -> None:
    rig, roles, track = posed_walk(repository)
    shape = {"blend_in_frames": FRAMES, "blend_out_frames": FRAMES}
    on_hips = compose(track, rig, TakeShape(**shape), None, None)
    carried = compose(track, rig, TakeShape(root_target=target, **shape), "root", None)
    for bone in roles.values():
        np.testing.assert_allclose(
            rig_pose.track_world(rig, carried, [bone])[bone],
            rig_pose.track_world(rig, on_hips, [bone])[bone],
            atol=1e-9,
        )
    for sample in (0, -1):
        turned, moved = basis(carried, roles["pelvis"], sample)
        np.testing.assert_allclose(turned, rig.basis[rig.index(roles["pelvis"]), :3, :3], atol=1e-9)
        np.testing.assert_allclose(moved, rig.basis[rig.index(roles["pelvis"]), :3, 3], atol=1e-9)


@pytest.mark.parametrize(("into", "out"), [(500, 0), (0, 500), (500, 500), (60, 80), (1, 1)])
def test_blends_longer_than_the_take(repository: Path, into: int, out: int) -> None:
    rig, _, track = posed_walk(repository, in_place=True)
    blended = compose(track, rig, TakeShape(blend_in_frames=into, blend_out_frames=out), None, None)
    if into:
        assert_in_pose(rig, blended, 0)
    if out:
        assert_in_pose(rig, blended, -1)
    assert all(np.isfinite(values).all() for values in blended.rotations.values())


@pytest.mark.parametrize("degrees", [0.0, 1.0, 90.0, 170.0, 179.9])
def test_no_speed_at_the_seam_whatever_the_offset(degrees: float) -> None:
    """Sampled finely, the angular speed begins at 0, though the motion spins at two turns a second."""
    rate, frames = 3000.0, 900
    time = np.arange(2000) / rate
    spin = motions.rotation_vectors(time[:, None] * np.array([0.0, 4.0 * np.pi, 0.0]))
    tilt = motions.rotation_vectors(np.radians(degrees) * np.array([0.6, 0.0, 0.8]))
    blended = rotations_from(motions.product(tilt[None], spin[:1])[0], spin, frames)
    speeds = (
        limb_oracle.rotation_degrees(
            limb_oracle.rotation_matrices(blended[1:]), limb_oracle.rotation_matrices(blended[:-1])
        )
        * rate
    )
    assert speeds[0] < 10.0
    assert speeds[frames + 5 :] == pytest.approx(720.0, abs=1.0)
    assert np.abs(np.diff(speeds)).max() < 40.0


def test_values_begin_at_rest() -> None:
    line = np.linspace(0.0, 5.0, 501)[:, None] * np.array([1.0, -2.0])
    blended = values_from(np.array([1.0, 1.0]), line, 200)
    np.testing.assert_array_equal(blended[0], [1.0, 1.0])
    np.testing.assert_allclose(blended[200:], line[200:], atol=1e-12)
    assert np.abs(np.diff(blended, axis=0))[0].max() < 0.1 * np.abs(np.diff(line, axis=0)).max()
