# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets the motion of a body whose skeleton is not known on the floor, and finds when its feet stand there.

A file of AMASS has the pelvis of one person and no skeleton. On the average skeleton the feet then end above or below
the floor, and slide where they stood. The size of the person shows in both; where both tell the same, the skeleton
gets that size. What is left is made up for by moving the motion up or down to where resting feet have their soles on
the floor.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from ..contract import contacts, skeleton
from ..retarget.quaternion import FloatArray
from ..retarget.source_motion import SourceMotion

FLOOR_PERCENTILE: Final = 20.0
"""Of the heights of resting soles: below the noise and a foot on a step, above single frames in which one sinks."""
SIZES: Final = (0.7, 1.3)
"""Bodies that are believed, against the average one: from a child of ten years on."""
AGREEMENT: Final = 0.06
"""How far the two sizes may lie apart to be believed; a file with its floor elsewhere fails this, rightly."""
_FEWEST_SECONDS: Final = 0.1
"""Feet that rest for less say nothing; then the lowest sole of the clip lies on the floor."""
_STEP_RATE: Final = 15.0
"""Steps of the feet against the pelvis are measured over a fifteenth of a second, at any frame rate."""
_STEP_SPEED: Final = 0.5
"""Metres a second: the pelvis must pass over a foot at least as fast for the foot to tell the size."""
_FEWEST_STEP_SECONDS: Final = 0.5


def grounded(motion: SourceMotion) -> SourceMotion:
    """The motion on a skeleton of its person's size, moved up or down onto the floor at height 0, with contacts from
    the height and speed of its feet."""
    motion = replace(motion, offsets=motion.offsets * body_size(motion))
    joints = motion.joints_world()
    up = np.array([0.0, -floor_height(joints, motion.fps), 0.0])
    standing = contacts.standing_feet(joints + up, motion.fps).astype(np.float64)
    return replace(motion, root=motion.root + up, contacts=standing)


def floor_height(joints: FloatArray, fps: float) -> float:
    """Metres, of world joints (T, 22, 3), Y up."""
    soles, rests = _soles(joints), contacts.slow_feet(joints, fps)
    resting = np.where(rests, soles, np.inf).min(axis=1)[rests.any(axis=1)]
    if len(resting) < max(_FEWEST_SECONDS * fps, 1.0):
        return float(soles.min())
    return float(np.percentile(resting, FLOOR_PERCENTILE))


def body_size(motion: SourceMotion) -> float:
    """How large the person is against the motion's skeleton; 1 where the motion does not tell it for certain."""
    joints = motion.joints_world()
    by_height, by_steps = _size_by_height(joints), _size_by_steps(joints, motion.fps)
    if by_steps is None or abs(by_height - by_steps) > AGREEMENT:
        return 1.0
    size = 0.5 * (by_height + by_steps)
    return size if SIZES[0] <= size <= SIZES[1] else 1.0


def _size_by_height(joints: FloatArray) -> float:
    """From the height of the pelvis over a floor at 0, against that over the lower sole."""
    over_sole = joints[:, 0, 1] - _soles(joints).min(axis=1)
    return float(np.median(joints[:, 0, 1] / np.maximum(over_sole, 1e-3)))


def _size_by_steps(joints: FloatArray, fps: float) -> float | None:
    """From how fast the pelvis passes over the lower foot, against how fast that foot moves back under the pelvis."""
    stride = max(round(fps / _STEP_RATE), 1)
    if len(joints) <= stride:
        return None
    level = joints[:, :, (0, 2)] * (fps / stride)
    feet = level[:, skeleton.CONTACT_JOINTS] - level[:, :1]
    soles = _soles(joints)
    lower = np.argmin(soles[stride:] + soles[:-stride], axis=1)
    back = (feet[stride:] - feet[:-stride])[np.arange(len(lower)), lower]
    travel = level[stride:, 0] - level[:-stride, 0]
    moving = np.linalg.norm(back, axis=-1) > _STEP_SPEED
    if moving.sum() < _FEWEST_STEP_SECONDS * fps:
        return None
    return float(np.median(-(travel * back).sum(axis=-1)[moving] / (back * back).sum(axis=-1)[moving]))


def _soles(joints: FloatArray) -> FloatArray:
    """(T, 4) height of the sole under each contact joint of world joints (T, 22, 3)."""
    soles: FloatArray = joints[:, skeleton.CONTACT_JOINTS, 1] - np.array(contacts.SOLE_DEPTH)
    return soles
