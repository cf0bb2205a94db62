# SPDX-License-Identifier: GPL-3.0-or-later
"""From motion frames to scene frames: seconds kept, frames hit, planted feet still."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blender_addon.contract import skeleton
from blender_addon.retarget import quaternion as Q  # noqa: N812
from blender_addon.retarget.errors import RetargetError
from blender_addon.retarget.resample import key_frames, to_scene_rate
from blender_addon.retarget.source_motion import SourceMotion
from tests.retarget import limb_oracle, motions
from tests.retarget.angles import angle_between

NTSC_60 = 60 / 1.001


@pytest.mark.parametrize("fps", [12, 24, 25, 30, 50, NTSC_60, 60])
def test_seconds_are_kept(repository: Path, fps: float) -> None:
    motion = motions.golden_motion(repository, motions.WALK)
    frames = key_frames(motion.seconds, fps)
    resampled = to_scene_rate(motion, frames, fps)
    assert resampled.frames == len(frames) == round(4.0 * fps) + 1
    assert abs((frames[-1] - frames[0]) / fps - motion.seconds) <= 0.5 / fps
    times = frames / fps
    inside = times < (motion.frames - 1) / motion.fps
    expected = np.stack(
        [np.interp(times, np.arange(motion.frames) / motion.fps, motion.root[:, axis]) for axis in range(3)], axis=-1
    )
    np.testing.assert_allclose(resampled.root, expected, atol=1e-9)
    assert inside.sum() > 0.95 * len(frames)


def test_key_i_is_frame_i_at_the_motions_own_rate(repository: Path) -> None:
    motion = motions.golden_motion(repository, motions.WALK)
    resampled = to_scene_rate(motion, key_frames(motion.seconds, 30.0), 30.0)
    np.testing.assert_allclose(resampled.rotations[:-1], motion.rotations, rtol=0.0, atol=1e-12)
    np.testing.assert_array_equal(resampled.root[:-1], motion.root)
    np.testing.assert_allclose(resampled.rotations[-1], motion.rotations[-1], rtol=0.0, atol=1e-12)
    twice = to_scene_rate(motion, key_frames(motion.seconds, 60.0), 60.0)
    np.testing.assert_allclose(twice.rotations[:-2:2], motion.rotations, rtol=0.0, atol=1e-12)


def test_rotations_turn_at_even_speed_between_frames() -> None:
    motion = motions.still_motion(2)
    turned = motion.rotations.copy()
    turned[1, :] = Q.from_axis_angle([0.0, 1.0, 0.0], np.radians(120.0)) * -1.0
    motion = SourceMotion(turned, motion.root, motion.contacts, motion.offsets, 10.0)
    between = motion.resampled(np.linspace(0.0, 0.1, 5), 40.0)
    angles = np.degrees(angle_between(motion.rotations[0, 3], between.rotations[:, 3]))
    np.testing.assert_allclose(angles, [0.0, 30.0, 60.0, 90.0, 120.0], atol=1e-6)


def test_planted_feet_stay_put_between_frames(repository: Path) -> None:
    """At 60 frames per second, a foot in contact at three keys of 30 keeps to the line between them."""
    motion = motions.golden_motion(repository, motions.WALK)
    fine = to_scene_rate(motion, key_frames(motion.seconds, 60.0), 60.0)
    names = [skeleton.JOINT_NAMES[joint] for joint in skeleton.CONTACT_JOINTS]
    positions, _ = limb_oracle.skeleton_pose(fine)
    checked = 0
    for column, name in enumerate(names):
        touching = motion.contacts[:-1, column] * motion.contacts[1:, column] > 0.8
        halfway = 0.5 * (positions[name][0:-3:2] + positions[name][2:-1:2])[: len(touching)]
        off = np.linalg.norm(positions[name][1:-2:2][: len(touching)] - halfway, axis=-1)
        assert off[touching].max() < 0.0005
        checked += int(touching.sum())
    assert checked > 100


def test_longer_take_holds_the_last_frame() -> None:
    motion = motions.wild_motion(0, frames=30)
    resampled = to_scene_rate(motion, key_frames(2.0, 24.0), 24.0)
    assert resampled.frames == 49
    held = np.tile(motion.rotations[-1], (20, 1, 1))
    np.testing.assert_allclose(resampled.rotations[-20:], held, rtol=0.0, atol=1e-12)


def test_take_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(RetargetError, match="shorter than one frame"):
        key_frames(0.01, 24.0)
