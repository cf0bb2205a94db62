# SPDX-License-Identifier: GPL-3.0-or-later
"""The pack for commercial work does what it is told, as numbers of its motion show."""

from __future__ import annotations

import numpy as np
import pytest

from mld_engine.contract.skeleton import JOINT_INDEX
from mld_engine.kinematics import joint_positions
from mld_engine.motion import Motion
from mld_engine.pipeline import MotionPipeline

TOES = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
HEAD = JOINT_INDEX["head"]


@pytest.fixture(scope="module")
def studio() -> MotionPipeline:
    return MotionPipeline.from_pack("studio", "cpu")


def takes(studio: MotionPipeline, text: str, seconds: float) -> list[Motion]:
    return [studio(text, seconds=seconds, seed=seed, steps=20)[0] for seed in range(3)]


def test_a_walk_gets_somewhere_step_by_step(studio: MotionPipeline) -> None:
    for take in takes(studio, "a person walks forward", 4.0):
        travel = np.linalg.norm(take.root[-1, [0, 2]] - take.root[0, [0, 2]])
        assert 2.0 < travel < 8.0
        toes = joint_positions(take)[:, TOES]
        ahead = (toes[:, 0] - toes[:, 1])[:, [0, 2]] @ (take.root[-1, [0, 2]] - take.root[0, [0, 2]]) / travel
        # Which foot is in front changes with every step.
        assert np.count_nonzero(np.diff(np.sign(ahead))) >= 4


def test_a_jump_leaves_the_ground(studio: MotionPipeline) -> None:
    for take in takes(studio, "someone jumps up high", 2.5):
        toes = joint_positions(take)[:, TOES, 1]
        assert toes.min(1).max() > 0.1


def test_a_sitting_person_is_lower_than_a_standing_one(studio: MotionPipeline) -> None:
    standing = np.mean([take.root[-1, 1] for take in takes(studio, "a person stands still", 3.0)])
    sitting = np.mean([take.root[-1, 1] for take in takes(studio, "a person sits down", 3.0)])
    assert sitting < standing - 0.2


def test_motion_is_as_crisp_as_captured_motion(studio: MotionPipeline) -> None:
    """The capture that it was trained on has a jerk of 153 m/s^3; the first pack of that name had 56."""
    jerks = []
    for text in ("a person walks forward", "someone dances salsa", "a person punches"):
        for take in takes(studio, text, 4.0):
            third = np.diff(joint_positions(take), n=3, axis=0) * take.fps**3
            jerks.append(np.linalg.norm(third, axis=-1).mean())
    assert 80 < np.mean(jerks) < 300


def test_labels_make_motion_too(studio: MotionPipeline) -> None:
    run, idle = (studio(action=action, seconds=3.0, seed=1, steps=20)[0] for action in ("run", "idle"))
    lengths = [np.linalg.norm(np.diff(take.root[:, [0, 2]], axis=0), axis=-1).sum() for take in (run, idle)]
    assert lengths[0] > 3 * lengths[1]
    assert joint_positions(idle)[:, HEAD, 1].min() > 1.2
