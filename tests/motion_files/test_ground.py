# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion of people of other sizes, in files that do not tell their skeleton: floor, size and contacts are found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blender_addon.contract import contacts, skeleton
from blender_addon.motion_files.ground import body_size, floor_height, grounded
from blender_addon.retarget.source_motion import SourceMotion
from tests.retarget import mocap, motions


def of_a_person(motion: SourceMotion, size: float, lift: float = 0.0) -> SourceMotion:
    """The motion done by a person of that size, as a file without skeleton and contacts has it."""
    root = motion.root * size + [0.0, lift, 0.0]
    return replace(motion, root=root, contacts=np.zeros_like(motion.contacts))


def planted(motion: SourceMotion) -> SourceMotion:
    """The motion with the travel that keeps its lower foot in place from frame to frame, as a capture has it."""
    feet = (motion.joints_world() - motion.root[:, None])[:, skeleton.CONTACT_JOINTS]
    soles = feet[..., 1] - np.array(contacts.SOLE_DEPTH)
    lower = np.argmin(soles[1:] + soles[:-1], axis=1)
    back = (feet[1:] - feet[:-1])[np.arange(len(lower)), lower]
    root = motion.root.copy()
    root[1:, (0, 2)] = root[:1, (0, 2)] - np.cumsum(back[:, (0, 2)], axis=0)
    still = replace(motion, root=root)
    return replace(still, contacts=contacts.standing_feet(still.joints_world(), motion.fps))


@pytest.mark.parametrize("size", [0.8, 0.9, 1.0, 1.1, 1.2])
def test_a_walk_tells_the_size_of_the_person(repository: Path, size: float) -> None:
    motion = planted(motions.golden_motion(repository, motions.WALK))
    given = of_a_person(motion, size)
    assert body_size(given) == pytest.approx(size, rel=0.03)
    found = grounded(given)
    assert np.linalg.norm(found.offsets[4]) == pytest.approx(size * np.linalg.norm(skeleton.REST_OFFSETS[4]), rel=0.03)
    assert abs(floor_height(found.joints_world(), found.fps)) < 1e-9
    # Feet that stand in the motion do not slide under the person either.
    feet = found.joints_world()[:, skeleton.CONTACT_JOINTS]
    slide = np.linalg.norm(np.diff(feet[..., (0, 2)], axis=0), axis=-1) * motion.fps
    stands = (motion.contacts[1:] > 0.5) & (motion.contacts[:-1] > 0.5)
    assert np.median(slide[stands]) < 0.05
    assert ((found.contacts > 0.5) == (motion.contacts > 0.5)).mean() > 0.85


def test_a_floor_elsewhere_is_no_size(repository: Path) -> None:
    motion = planted(motions.golden_motion(repository, motions.WALK))
    for lift in (-0.4, 0.3, 2.0):
        given = of_a_person(motion, 1.0, lift)
        assert body_size(given) == 1.0
        np.testing.assert_allclose(grounded(given).root, grounded(of_a_person(motion, 1.0)).root, atol=0.03)


def test_a_clip_that_stays_in_place_is_only_moved(repository: Path) -> None:
    motion = motions.golden_motion(repository, motions.RAISED_ARM)
    found = grounded(of_a_person(motion, 1.15))
    np.testing.assert_array_equal(found.offsets, motion.offsets)
    assert abs(floor_height(found.joints_world(), found.fps)) < 1e-9
    np.testing.assert_allclose(found.rotations, motion.rotations, atol=1e-12)


def test_feet_that_never_rest_leave_the_lowest_on_the_floor() -> None:
    motion = motions.wild_motion(2, frames=40, degrees=70.0)
    motion = replace(motion, root=motion.root * 6.0)
    found = grounded(motion)
    soles = found.joints_world()[:, skeleton.CONTACT_JOINTS, 1] - np.array(contacts.SOLE_DEPTH)
    assert soles.min() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("action", ["run", "jump", "raise_left", "salsa"])
def test_captured_motion_keeps_its_contacts(shared_dir: Path, action: str) -> None:
    """Against contacts told from the clip's true floor and size, for people of average and of other size."""
    motion = mocap.clip(shared_dir, action)
    for size, least in ((1.0, 0.95), (0.88, 0.85), (1.12, 0.85)):
        found = grounded(of_a_person(motion, size))
        assert ((found.contacts > 0.5) == (motion.contacts > 0.5)).mean() > least, (action, size)
