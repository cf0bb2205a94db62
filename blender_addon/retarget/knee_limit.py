# SPDX-License-Identifier: GPL-3.0-or-later
"""Knees that keep to a top speed: the nearest course of a knee's angle that never changes faster than it may."""

from __future__ import annotations

import numpy as np

from .foot_contacts import BoolArray
from .quaternion import FloatArray


def speed_limited(values: FloatArray, firm: BoolArray, most_per_frame: float) -> FloatArray:
    """Values (F,) that change by at most `most_per_frame` from each to the next.

    Where `firm` (F,), the given values are kept if firm ones alone allow it; if they do not, they are missed by as
    little as possible. Elsewhere the values only stay near to the given ones. The middle between the greatest minorant
    and the least majorant of that slope is the closest function of that slope (McShane 1934).
    """
    if firm.any():
        held = _between(values, firm, most_per_frame)
        low, high = _envelopes(held, firm, most_per_frame)
        return np.asarray(np.clip(_between(values, np.ones_like(firm), most_per_frame), low, high))
    return _between(values, np.ones_like(firm), most_per_frame)


def _between(values: FloatArray, known: BoolArray, slope: float) -> FloatArray:
    low, high = _envelopes(values, known, slope)
    return np.asarray(0.5 * (low + high))


def _envelopes(values: FloatArray, known: BoolArray, slope: float) -> tuple[FloatArray, FloatArray]:
    """(F,) max over s of values[s] - slope |t - s|, and min over s of values[s] + slope |t - s|, over known s."""
    ramp = slope * np.arange(len(values), dtype=np.float64)
    return -_lowest(np.where(known, -values, np.inf), ramp), _lowest(np.where(known, values, np.inf), ramp)


def _lowest(values: FloatArray, ramp: FloatArray) -> FloatArray:
    before = np.minimum.accumulate(values - ramp) + ramp
    after = np.minimum.accumulate((values + ramp)[::-1])[::-1] - ramp
    return np.asarray(np.minimum(before, after))
