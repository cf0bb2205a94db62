# SPDX-License-Identifier: GPL-3.0-or-later
"""Chained segments: the planned lengths, and seams without a step in place, heading or pose."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mld_engine.chaining import chain
from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.errors import RequestError
from mld_engine.motion import Motion
from mld_engine.request import Request
from mld_engine.segments import overlap_frames, segment_lengths, segment_seed

FPS = 20.0
OVERLAP = overlap_frames(FPS)


def walk(frames: int, *, speed: float = 1.0, heading: float = 0.0, bend: float = 0.0, height: float = 0.9) -> Motion:
    """Straight ahead along `heading` (radians about Y from +Z), the left elbow bent by `bend` radians."""
    time = np.arange(frames) / FPS
    rotations = np.zeros((frames, 22, 4), dtype=np.float32)
    rotations[..., 0] = 1.0
    rotations[:, 0] = [math.cos(heading / 2), 0.0, math.sin(heading / 2), 0.0]
    rotations[:, 18] = [math.cos(bend / 2), 0.0, math.sin(bend / 2), 0.0]
    path = speed * time[:, None] * np.array([math.sin(heading), 0.0, math.cos(heading)]) + [0.0, height, 0.0]
    contacts = np.ones((frames, 4), dtype=np.float32)
    return Motion(rotations, path.astype(np.float32), contacts, REST_OFFSETS.astype(np.float32), FPS, {"seed": 7})


@pytest.mark.parametrize("frames", [40, 196, 197, 300, 391, 392, 1200])
def test_lengths_add_up_and_fit(frames: int) -> None:
    lengths = segment_lengths(frames, 196, OVERLAP)
    assert sum(lengths) - (len(lengths) - 1) * OVERLAP == frames
    assert max(lengths) <= 196
    assert max(lengths) - min(lengths) <= 1
    fewer = len(lengths) - 1
    assert fewer * 196 - (fewer - 1) * OVERLAP < frames, "fewer segments would not have done"


def test_a_take_that_fits_is_one_segment() -> None:
    motion = walk(60)
    assert segment_lengths(60, 196, OVERLAP) == [60]
    assert chain([motion], OVERLAP) is motion


def test_straight_walks_chain_to_one_straight_walk() -> None:
    # The second walk was made towards another side; chained, it goes on along the first one's way.
    chained = chain([walk(60, heading=0.4), walk(50, heading=-1.9)], OVERLAP)
    expected = walk(100, heading=0.4)
    assert chained.frames == 60 + 50 - OVERLAP
    np.testing.assert_allclose(chained.root, expected.root, atol=1e-5)
    np.testing.assert_allclose(chained.rotations, expected.rotations, atol=1e-5)
    assert chained.meta == {"seed": 7}


def test_pose_and_height_fade_over_the_overlap() -> None:
    chained = chain([walk(60, bend=0.2, height=0.9), walk(60, bend=1.4, height=0.7)], OVERLAP)
    bend = 2 * np.arctan2(chained.rotations[:, 18, 2], chained.rotations[:, 18, 0])
    assert bend[49] == pytest.approx(0.2, abs=1e-4)
    assert bend[60] == pytest.approx(1.4, abs=1e-4)
    steps = np.diff(bend)
    assert (steps > -1e-5).all()
    assert steps.max() < 1.6 * 1.2 / (OVERLAP + 1), "no step is much larger than an even fade's"
    assert np.diff(chained.root[:, 1]).min() > -1.6 * 0.2 / (OVERLAP + 1)


def test_a_foot_is_on_the_ground_only_where_both_say_so() -> None:
    lifted = walk(60)
    lifted.contacts[:, 2:] = 0.0
    chained = chain([walk(60), lifted], OVERLAP)
    assert (chained.contacts[:, :2] == 1.0).all()
    assert (chained.contacts[:50, 2:] == 1.0).all()
    assert (chained.contacts[50:, 2:] == 0.0).all()


def test_seeds_of_segments_differ_from_those_of_other_takes() -> None:
    seeds = 2**31
    used = {segment_seed(seed, segment, seeds) for seed in range(7, 71) for segment in range(8)}
    assert len(used) == 64 * 8
    assert segment_seed(7, 0, seeds) == 7
    assert 0 <= segment_seed(seeds - 1, 3, seeds) < seeds


def test_a_long_take_is_made_of_segments(pipeline) -> None:
    steps: list[tuple[int, int, int]] = []
    request = Request.resolve(pipeline.pack, action="walk", seconds=12.0, seed=5, count=2, steps=3, chain=True)
    first, second = pipeline.takes(request, lambda *step: steps.append(step))
    assert (first.frames, first.seconds, first.meta["seconds"]) == (360, 12.0, 12.0)
    assert steps == [(take, step, 6) for take in (0, 1) for step in range(1, 7)]
    alone = pipeline(action="walk", seconds=12.0, seed=6, steps=3, chain=True)[0]
    np.testing.assert_array_equal(second.rotations, alone.rotations)
    named = pipeline(action="walk", style=second.meta["style"], seconds=12.0, seed=6, steps=3, chain=True)[0]
    np.testing.assert_array_equal(second.rotations, named.rotations, "all segments have the style that was drawn")
    travel = np.linalg.norm(np.diff(first.root[:, [0, 2]], axis=0), axis=-1)
    assert travel.max() < 3 * np.median(travel), "no jump where the segments meet"


def test_chaining_changes_nothing_that_fits(pipeline) -> None:
    made = [pipeline(action="walk", seconds=2.0, seed=5, steps=3, chain=chain)[0] for chain in (False, True)]
    np.testing.assert_array_equal(made[0].rotations, made[1].rotations)


def test_the_refusal_offers_segments(pipeline) -> None:
    with pytest.raises(RequestError, match="or have 2 segments chained") as refused:
        pipeline(action="walk", seconds=15.0)
    assert refused.value.details == {"limit_seconds": 10.0, "segments": 2}
    with pytest.raises(RequestError, match="at most 60 s can be chained") as refused:
        pipeline(action="walk", seconds=90.0, chain=True)
    assert refused.value.details == {"limit_seconds": 60.0}
