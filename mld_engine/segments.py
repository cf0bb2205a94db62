# SPDX-License-Identifier: GPL-3.0-or-later
"""Which segments a long motion is made of; `chaining` joins them."""

from __future__ import annotations

from typing import Final

OVERLAP_SECONDS: Final = 0.5
_SEED_STRIDE: Final = 1_000_003
"""Between the seeds of a take's segments, so that they meet those of other takes of a request nowhere near."""


def overlap_frames(fps: float) -> int:
    """Frames that two neighbouring segments share."""
    return round(OVERLAP_SECONDS * fps)


def segment_lengths(frames: int, longest: int, overlap: int) -> list[int]:
    """Lengths of the fewest segments of at most `longest` frames that chain to `frames` frames, nearly equal.

    A take that fits is one segment.
    """
    assert frames <= longest or longest > 2 * overlap, f"segments of {longest} frames cannot overlap by {overlap}"
    count = 1 if frames <= longest else -(-(frames - overlap) // (longest - overlap))
    total = frames + (count - 1) * overlap
    return [total // count + (index < total % count) for index in range(count)]


def segment_seed(seed: int, segment: int, seeds: int) -> int:
    """Seed of a take's segment, from 0; the first has the take's own. `seeds` is the number of seeds there are."""
    return (seed + segment * _SEED_STRIDE) % seeds
