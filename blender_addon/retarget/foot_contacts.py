# SPDX-License-Identifier: GPL-3.0-or-later
"""From the motion's contact channels to plants: the stretches of time in which a foot stands on the floor."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from .quaternion import FloatArray

BoolArray = NDArray[np.bool_]

TOUCHES: Final = 0.5
"""A contact value above this means that the joint is on the floor."""
SHORTEST_GAP_SECONDS: Final = 0.07
"""A foot that leaves the floor for less stays planted."""
SHORTEST_CONTACT_SECONDS: Final = 0.03
"""A contact that is shorter is noise."""


def planted(values: FloatArray, frame_seconds: float) -> BoolArray:
    """Contact values (F,) 0 .. 1, samples `frame_seconds` apart -> where the joint is planted (F,)."""
    mask: BoolArray = values > TOUCHES
    for begin, end in runs(~mask):
        if (end - begin) * frame_seconds < SHORTEST_GAP_SECONDS:
            mask[begin:end] = True
    for begin, end in runs(mask):
        mask[begin:end] = (end - begin) * frame_seconds >= SHORTEST_CONTACT_SECONDS
    return mask


def runs(mask: BoolArray) -> list[tuple[int, int]]:
    """(begin, end) of each run of True, end exclusive."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
