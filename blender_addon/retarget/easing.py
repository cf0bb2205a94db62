# SPDX-License-Identifier: GPL-3.0-or-later
"""Smooth ways through time: what is known while a foot is planted, carried over the frames in between."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final

import numpy as np

from .foot_contacts import BoolArray, runs
from .quaternion import FloatArray

EASE_SECONDS: Final = 0.35
"""What was changed for a plant fades within this time of it, where the next plant is far enough away."""


def smoothstep(share: FloatArray) -> FloatArray:
    """0 below 0, 1 above 1, and a cubic between them that is flat at both ends."""
    x = np.clip(share, 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x))


def faded(mask: BoolArray, seconds: float, frame_seconds: float) -> FloatArray:
    """(F,) 1 where the mask is True, falling smoothly to 0 within `seconds` on both sides."""
    if not mask.any():
        return np.zeros(len(mask))
    frames, inside = np.arange(len(mask)), np.flatnonzero(mask)
    after = np.minimum(np.searchsorted(inside, frames), len(inside) - 1)
    before = np.maximum(after - 1, 0)
    distance = np.minimum(np.abs(inside[after] - frames), np.abs(inside[before] - frames))
    return smoothstep(1.0 - distance * frame_seconds / seconds)


def blur(values: FloatArray, seconds: float, frame_seconds: float) -> FloatArray:
    """(F,) Gaussian average along time with a standard deviation of `seconds`; the ends are held."""
    reach = max(int(np.ceil(3.0 * seconds / frame_seconds)), 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * frame_seconds / seconds) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), mode="valid")


def unhurried(value: FloatArray) -> float:
    """Seconds in which a value fades: always the same."""
    return EASE_SECONDS


def joined(
    values: FloatArray,
    mask: BoolArray,
    frame_seconds: float,
    ease: Callable[[FloatArray], float] = unhurried,
) -> FloatArray:
    """Values (F, ...) where the mask is True; elsewhere a smooth way from each run of True to the next.

    Over a long gap the way leads through 0. So it does at the ends, unless they are near: then the value is held.
    `ease` says within how many seconds a value fades.
    """
    plants = runs(mask)
    out = np.zeros_like(values)
    if not plants:
        return out
    out[mask] = values[mask]
    frames = np.arange(len(values), dtype=np.float64)
    first, last = plants[0][0], plants[-1][1] - 1
    come, leave = ease(values[first]) / frame_seconds, ease(values[last]) / frame_seconds
    out[:first] = _fading(values[first], first - frames[:first], first, come)
    out[last + 1 :] = _fading(values[last], frames[last + 1 :] - last, len(values) - 1 - last, leave)
    for (_, end), (begin, _) in pairwise(plants):
        here, length = frames[end:begin], begin - end + 1
        before, after = values[end - 1], values[begin]
        leave, come = ease(before) / frame_seconds, ease(after) / frame_seconds
        if length >= leave + come:
            out[end:begin] = _fading(before, here - (end - 1), length, leave)
            out[end:begin] += _fading(after, begin - here, length, come)
        else:
            out[end:begin] = before + np.multiply.outer(smoothstep((here - (end - 1)) / length), after - before)
    return out


def _fading(value: FloatArray, distance: FloatArray, room: int, frames: float) -> FloatArray:
    """(n, ...) `value` fading to 0 within `frames` at `distance` (n,) frames; held where there is not room enough."""
    share = smoothstep(distance / frames) if room >= frames else 0.0 * distance
    return np.asarray(np.multiply.outer(1.0 - share, value))
