# SPDX-License-Identifier: GPL-3.0-or-later
"""Smooth ways through time: what is known while a foot is planted, carried over the frames in between."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
    """(F,) or (F, n) Gaussian average along time with a standard deviation of `seconds`; the ends are held."""
    reach = max(int(np.ceil(3.0 * seconds / frame_seconds)), 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * frame_seconds / seconds) ** 2)
    kernel /= kernel.sum()
    if values.ndim == 1:
        return np.convolve(np.pad(values, reach, mode="edge"), kernel, mode="valid")
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], axis=-1)


@dataclass(frozen=True, eq=False)
class Bridges:
    """Between plants: from which two planted frames each frame gets its value, and with which weights. All (F,)."""

    before: NDArray[np.intp]
    after: NDArray[np.intp]
    weight_before: FloatArray
    weight_after: FloatArray

    def over(self, values: FloatArray) -> FloatArray:
        """Values (F, ...) of planted frames; elsewhere a smooth way from each plant to the next."""
        trailing = (slice(None), *(None,) * (values.ndim - 1))
        first = self.weight_before[trailing] * values[self.before]
        return np.asarray(first + self.weight_after[trailing] * values[self.after])


def bridges(mask: BoolArray, frame_seconds: float, seconds: FloatArray | None = None) -> Bridges:
    """The ways from each run of True to the next.

    Over a long gap the way leads through 0. So it does at the ends, unless they are near: then the value is held.
    `seconds` (F,) says within what time the value of a frame fades, `EASE_SECONDS` by default.
    """
    plants, count = runs(mask), len(mask)
    frames = np.arange(count)
    before, after = frames.copy(), frames.copy()
    weight_before, weight_after = mask.astype(np.float64), np.zeros(count)
    ease = np.full(count, EASE_SECONDS / frame_seconds) if seconds is None else seconds / frame_seconds
    if plants:
        first, last = plants[0][0], plants[-1][1] - 1
        after[:first], before[last + 1 :] = first, last
        weight_after[:first] = _fading(first - frames[:first], first, ease[first])
        weight_before[last + 1 :] = _fading(frames[last + 1 :] - last, count - 1 - last, ease[last])
    for (_, end), (begin, _) in pairwise(plants):
        gap, leave, come = slice(end, begin), end - 1, begin
        before[gap], after[gap] = leave, come
        here, length = frames[gap], come - leave
        if length >= ease[leave] + ease[come]:
            weight_before[gap] = _fading(here - leave, length, ease[leave])
            weight_after[gap] = _fading(come - here, length, ease[come])
        else:
            weight_after[gap] = smoothstep((here - leave) / length)
            weight_before[gap] = 1.0 - weight_after[gap]
    return Bridges(before, after, weight_before, weight_after)


def joined(values: FloatArray, mask: BoolArray, frame_seconds: float, seconds: FloatArray | None = None) -> FloatArray:
    """Values (F, ...) where the mask is True; elsewhere a smooth way from each run of True to the next: `bridges`."""
    return bridges(mask, frame_seconds, seconds).over(values)


def _fading(distance: NDArray[np.intp], room: int, frames: float) -> FloatArray:
    """(n,) weights from 1 to 0 within `frames`, at `distance` (n,) frames; 1 where there is not room enough."""
    return 1.0 - smoothstep(distance / frames) if room >= frames else np.ones(len(distance))
