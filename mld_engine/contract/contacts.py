# SPDX-License-Identifier: GPL-3.0-or-later
"""Which feet stand, seen from the joints, and how high their joints lie over the sole."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .skeleton import ANKLE_HEIGHT, CONTACT_JOINTS, REST_OFFSETS

CONTACT_HEIGHT: Final = (0.12, 0.07)
"""Metres: an ankle, a toe that is lower than this may stand on the ground."""
CONTACT_SPEED: Final = 0.25
"""Metres a second: a foot that is slower than this stands."""
TOE_HEIGHT: Final = ANKLE_HEIGHT + float(REST_OFFSETS[10, 1])
"""Metres from the floor to the toe joint with the sole flat."""
SOLE_DEPTH: Final = (ANKLE_HEIGHT, TOE_HEIGHT) * 2
"""Metres from each contact joint down to the sole."""
_SPEED_RATE: Final = 30.0
"""Frames per second at which speeds are taken: from frame to frame of faster motion capture, noise counts for more."""


def standing_feet(positions: NDArray[Any], fps: float) -> NDArray[np.float32]:
    """World joints (T, 22, 3) in metres, Y up -> (T, 4): 1 where a foot is low and stands."""
    low = positions[:, CONTACT_JOINTS, 1] < np.array(CONTACT_HEIGHT * 2)
    return np.asarray(slow_feet(positions, fps) & low, np.float32)


def slow_feet(positions: NDArray[Any], fps: float) -> NDArray[np.bool_]:
    """World joints (T, 22, 3) in metres -> (T, 4): whether each contact joint rests, at whatever height."""
    feet = positions[:, CONTACT_JOINTS]
    stride = min(max(round(fps / _SPEED_RATE), 1), len(feet) - 1)
    if stride == 0:
        return np.ones((len(feet), len(CONTACT_JOINTS)), bool)
    steps = np.linalg.norm(feet[stride:] - feet[:-stride], axis=-1) * (fps / stride)
    after = np.concatenate([steps, np.repeat(steps[-1:], stride, axis=0)])
    before = np.concatenate([np.repeat(steps[:1], stride, axis=0), steps])
    return np.asarray(np.minimum(before, after) < CONTACT_SPEED)
