# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's Bezier F-curves in numpy: handles for a choice of key frames, and the curves they make.

Many bones are worked on at once. A bone's channels share their key frames, so a choice of keys is a
mask (B, F) over B bones and F samples with the first and last sample always chosen. Arrays over
keys (..., K) list the keys bone after bone, in time order. Time is counted in samples. Channels come
first, (C, B, F) and (C, K): numpy is fast along long last axes.

Handles reach a third of the way to the neighbour, so that slopes say all about them:
- `automatic_slopes`: what Blender makes of AUTO_CLAMPED handles of a curve as it creates it (`auto_smoothing`
  CONT_ACCEL, constant extrapolation), after `BKE_nurb_handle_calc` and `BKE_nurb_handle_smooth_fcurve`.
- `fitted_keys`: of aligned handles, together with values beside the samples, such that the curve comes nearest to the
  samples in the sense of least squares. Two numbers a key, where a curve through the samples has one.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .block_tridiagonal import solve_block_tridiagonal
from .quaternion import FloatArray

BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]

SLOPE_PULL: Final = 4e-3
"""Weight of the samples' own slopes per sample of a span: a tenth of that of the samples where there is one between two
keys, a two-hundredth where there are ten."""
_RELAXATIONS: Final = 8
"""Of automatic slopes: what is left of an error is below 1e-4 of it."""


class KeyColumns:
    """A choice of key frames for B bones over F >= 2 samples, in the forms that the formulas need."""

    def __init__(self, mask: BoolArray) -> None:
        samples = mask.shape[1]
        self.keys: IndexArray = np.flatnonzero(mask)
        """(K,) index of each key among all B * F samples."""
        self.frame: IndexArray = self.keys % samples
        """(K,) the sample of its bone at which each key stands."""
        self.is_first: BoolArray = self.frame == 0
        self.is_last: BoolArray = self.frame == samples - 1
        steps = np.diff(self.keys).astype(np.float64)
        self.after: FloatArray = np.append(steps, 1.0)
        """(K,) samples to the next key of the bone; to the previous one for the last key."""
        self.before: FloatArray = np.append(1.0, steps)
        """(K,) samples from the previous key of the bone; to the next one for the first key."""
        self.before[self.is_first] = self.after[self.is_first]
        self.after[self.is_last] = self.before[self.is_last]
        self.start: IndexArray = np.cumsum(mask.ravel()).reshape(mask.shape) - 1
        """(B, F) the key that begins the span around each sample; the last sample belongs to the span before it."""
        self.start[:, -1] -= 1
        self._span: FloatArray = np.take(self.after, self.start)
        self.position: FloatArray = (np.arange(samples) - np.take(self.frame, self.start)) / self._span
        """(B, F) where in its span each sample lies, 0 .. 1."""

    @cached_property
    def rise(self) -> FloatArray:
        """(B, F) the share of the next key's value in a cubic with flat ends."""
        return self.position * self.position * (3.0 - 2.0 * self.position)

    @cached_property
    def bend_at_start(self) -> FloatArray:
        """(B, F) what a slope of 1 at the key before adds to a cubic with flat ends."""
        left = 1.0 - self.position
        return self.position * left * left * self._span

    @cached_property
    def bend_at_end(self) -> FloatArray:
        """(B, F) what a slope of 1 at the key after adds to a cubic with flat ends."""
        return self.position * self.position * (self.position - 1.0) * self._span

    def at_keys(self, samples: FloatArray) -> FloatArray:
        """Samples (C, B, F) -> those at the keys (C, K)."""
        return samples.reshape(len(samples), -1)[:, self.keys]

    def differences(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Key values (C, K) -> change since the previous key and to the next one (C, K), 0 beyond the ends."""
        since, until = np.zeros_like(values), np.zeros_like(values)
        since[:, 1:] = until[:, :-1] = values[:, 1:] - values[:, :-1]
        since[:, self.is_first] = 0.0
        until[:, self.is_last] = 0.0
        return since, until


def automatic_slopes(
    columns: KeyColumns, values: FloatArray, fitted: FloatArray | None = None, automatic: BoolArray | None = None
) -> FloatArray:
    """Slopes (C, K) per sample that Blender gives keys of these values (C, K) with automatic clamped handles.

    Flat at the ends and where the key is an extremum of its neighbours; elsewhere such that the curve's second
    derivative is continuous, but the slope neither points against the two secants nor exceeds three times either,
    so that the curve does not pass the neighbours' values. Keys that are not `automatic` (C, K) keep their `fitted`
    slopes.

    The conditions of continuity, each weaker in its neighbours than in itself by two, are met within the limits by
    relaxing every second key in turn: an error shrinks to a quarter each time.
    """
    since, until = columns.differences(values)
    since /= columns.before
    until /= columns.after
    limit = 3.0 * np.minimum(np.abs(since), np.abs(until))
    limit[(since * until <= 0.0) | columns.is_first | columns.is_last] = 0.0
    low, high = np.where(since > 0.0, 0.0, -limit), np.where(since > 0.0, limit, 0.0)
    if fitted is not None and automatic is not None:
        low, high = np.where(automatic, low, fitted), np.where(automatic, high, fitted)
    share = columns.after / (columns.before + columns.after)
    wanted = 1.5 * (share * since + (1.0 - share) * until)
    from_previous, from_next = 0.5 * share, 0.5 * (1.0 - share)
    slopes: FloatArray = np.clip(wanted / 1.5, low, high)
    count = values.shape[1]
    halves = [(slice(at, count - 1, 2), slice(at - 1, count - 2, 2), slice(at + 1, count, 2)) for at in (1, 2)]
    for _ in range(_RELAXATIONS):
        for own, previous, following in halves:
            relaxed = wanted[:, own] - from_previous[own] * slopes[:, previous]
            relaxed -= from_next[own] * slopes[:, following]
            np.maximum(relaxed, low[:, own], out=relaxed)
            np.minimum(relaxed, high[:, own], out=slopes[:, own])
    return slopes


def fitted_keys(columns: KeyColumns, samples: FloatArray, sample_slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values and slopes (C, K) such that the curves come nearest to the samples (C, B, F).

    The first and last key of each bone lie on their samples. A curve is linear in the values and slopes at the ends
    of its spans: minimising the squared error leaves, for each bone, a system that couples neighbouring keys. A weak
    pull towards the samples' own slopes (`slopes_of(samples)`) decides where too few samples lie between two keys.
    What is solved for is how far the values leave the samples: a channel that does not move keeps exactly its value,
    and where every sample has a key the curves are exact.
    """
    values = columns.at_keys(samples)
    _, until = columns.differences(values)
    rest = np.take(until, columns.start, axis=1)
    rest *= columns.rise
    rest += np.take(values, columns.start, axis=1)
    np.subtract(samples, rest, out=rest)
    sums = np.empty((4, *values.shape))
    weighted = np.empty_like(rest)
    np.add.reduceat(rest.reshape(len(rest), -1), columns.keys, axis=1, out=sums[0])
    for number, weight in enumerate((columns.rise, columns.bend_at_start, columns.bend_at_end), start=1):
        np.multiply(rest, weight, out=weighted)
        np.add.reduceat(weighted.reshape(len(rest), -1), columns.keys, axis=1, out=sums[number])
    sums[0] -= sums[1]

    # Value and slope at a span's start stand at even places, those at its end, which is the next key, at odd ones.
    products = np.take(_span_products(samples.shape[2]), columns.after.astype(np.intp) - 1, axis=2)
    products[:, :, columns.is_last] = 0.0
    pull = np.where(columns.is_last, 0.0, SLOPE_PULL * columns.after)
    pull[1:] += pull[:-1].copy()
    diagonal, upper, lower = products[::2, ::2], products[::2, 1::2], np.zeros((2, 2, values.shape[1]))
    diagonal[:, :, 1:] += products[1::2, 1::2, :-1]
    diagonal[1, 1] += pull
    lower[:, :, 1:] = products[1::2, ::2, :-1]
    right_side = sums[::2]
    right_side[:, :, 1:] += sums[1::2, :, :-1]
    right_side[1] += pull * columns.at_keys(sample_slopes)
    fixed = columns.is_first | columns.is_last
    for row in (lower[0], diagonal[0], upper[0], right_side[0]):
        row[:, fixed] = 0.0
    diagonal[0, 0, fixed] = 1.0
    shifts, slopes = solve_block_tridiagonal(lower, diagonal, upper, right_side)
    return values + shifts, slopes


@lru_cache(maxsize=8)
def _span_products(longest: int) -> FloatArray:
    """(4, 4, longest) for spans of 1, 2, ... samples: sums over a span's samples of the products of any two of what
    add to a curve: the value at the span's start, that at its end, the slope at its start, that at its end."""
    span, sample = np.arange(1.0, longest + 1.0), np.arange(float(longest))
    powers = np.stack([np.cumsum(sample**power) / span**power for power in range(7)])
    cubics = np.array([[1.0, 0.0, -3.0, 2.0], [0.0, 0.0, 3.0, -2.0], [0.0, 1.0, -2.0, 1.0], [0.0, 0.0, -1.0, 1.0]])
    products: FloatArray = np.einsum("ia,jb,abn->ijn", cubics, cubics, powers[np.add.outer(np.arange(4), np.arange(4))])
    products[2:] *= span
    products[:, 2:] *= span
    products.flags.writeable = False
    return products


def slopes_of(samples: FloatArray) -> FloatArray:
    """Change per sample of (..., F) by central differences; at the ends that of the parabola through three samples."""
    slopes = np.empty_like(samples)
    slopes[..., 1:-1] = 0.5 * (samples[..., 2:] - samples[..., :-2])
    slopes[..., 0] = samples[..., 1] - samples[..., 0]
    slopes[..., -1] = samples[..., -1] - samples[..., -2]
    if samples.shape[-1] > 2:
        slopes[..., 0] += 0.5 * (slopes[..., 0] - (samples[..., 2] - samples[..., 1]))
        slopes[..., -1] += 0.5 * (slopes[..., -1] - (samples[..., -2] - samples[..., -3]))
    return slopes


def evaluate_bezier(columns: KeyColumns, values: FloatArray, slopes: FloatArray) -> FloatArray:
    """Key values and slopes (C, K) -> the curves at all samples (C, B, F), as Blender evaluates them.

    With handles a third of the way to the neighbour time is linear in the curve's parameter, which makes it a cubic
    Hermite polynomial.
    """
    start, end = columns.start, columns.start + 1
    _, until = columns.differences(values)
    curve: FloatArray = np.take(until, start, axis=1)
    curve *= columns.rise
    curve += np.take(values, start, axis=1)
    for keys, weight in ((start, columns.bend_at_start), (end, columns.bend_at_end)):
        part = np.take(slopes, keys, axis=1)
        part *= weight
        curve += part
    return curve


def evaluate_linear(columns: KeyColumns, values: FloatArray) -> FloatArray:
    """Key values (C, K) -> straight lines between the keys at all samples (C, B, F)."""
    begin = values[:, columns.start]
    line: FloatArray = begin + (values[:, columns.start + 1] - begin) * columns.position
    return line
