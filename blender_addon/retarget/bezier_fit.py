# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's Bezier F-curves in numpy: handles for a choice of key frames, and the curves they make.

Many bones are worked on at once. A bone's channels share their key frames, so a choice of keys is a
mask (B, F) over B bones and F samples with the first and last sample always chosen. Arrays over
keys (..., K) list the keys bone after bone, in time order. Time is counted in samples. Channels come
first, (C, B, F) and (C, K): numpy is fast along long last axes.

Two kinds of handles:
- `auto_clamped_handles`: what Blender makes of AUTO_CLAMPED handles of a curve without smoothing
  (`auto_smoothing` NONE, constant extrapolation), after `BKE_nurb_handle_calc`.
- `fitted_handles`: aligned handles a third of the way to the neighbour, with the slopes that come
  nearest to the samples in the sense of least squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .quaternion import FloatArray

BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]

AUTO_HANDLE_SPAN: Final = 2.5614
"""An automatic handle reaches 1 / AUTO_HANDLE_SPAN of the way to the neighbouring key, in time."""
AUTO_HANDLE_LIMIT: Final = 5.0
"""An automatic handle is never made for a span more than this many times that of the other side."""
SLOPE_PULL: Final = 4e-3
"""Weight of the samples' own slopes per sample of a span: a tenth of that of the samples where there is one between two
keys, a two-hundredth where there are ten."""
_NEWTON_STEPS: Final = 6
_ELIMINATION_STEPS: Final = 5
"""Steps of the cyclic reduction: what couples slopes 2^5 keys apart is below 1e-11."""


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
        """(K,) samples to the next key of the bone; 1 for the last key."""
        self.after[self.is_last] = 1.0
        self.before: FloatArray = np.append(1.0, steps)
        """(K,) samples from the previous key of the bone; 1 for the first key."""
        self.before[self.is_first] = 1.0
        self.start: IndexArray = np.cumsum(mask.ravel()).reshape(mask.shape) - 1
        """(B, F) the key that begins the span around each sample; the last sample belongs to the span before it."""
        self.start[:, -1] -= 1
        self.position: FloatArray = (np.arange(samples) - self.frame[self.start]) / self.after[self.start]
        """(B, F) where in its span each sample lies, 0 .. 1."""

    @cached_property
    def rise(self) -> FloatArray:
        """(B, F) the share of the next key's value in a cubic with flat ends."""
        return self.position * self.position * (3.0 - 2.0 * self.position)

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


@dataclass(frozen=True, eq=False)
class Handles:
    """Where the two handles of each key stand, relative to the key. K keys, C channels."""

    left_span: FloatArray
    """(K,) samples, positive, to the left."""
    right_span: FloatArray
    """(K,) samples, positive, to the right."""
    left: FloatArray
    """(C, K) value of the left handle minus that of the key."""
    right: FloatArray
    """(C, K) value of the right handle minus that of the key."""


def auto_clamped_handles(columns: KeyColumns, values: FloatArray) -> Handles:
    """Handles of type AUTO_CLAMPED for keys of these values (C, K).

    A handle points along the mean of the two neighbouring secants. It is flat at the ends and where the key is an
    extremum; elsewhere it may not reach beyond the neighbour's value, and then takes the other handle with it.
    """
    since, until = columns.differences(values)
    before = np.where(columns.is_first, columns.after, columns.before)
    after = np.where(columns.is_last, columns.before, columns.after)
    slope = 0.5 * (since / before + until / after)
    left_limited = np.minimum(before, AUTO_HANDLE_LIMIT * after)
    left_span = left_limited / AUTO_HANDLE_SPAN
    right_span = np.minimum(after, AUTO_HANDLE_LIMIT * left_limited) / AUTO_HANDLE_SPAN
    left, right = -left_span * slope, right_span * slope
    to_left, to_right = -since, until
    over_left = np.where(to_left <= 0.0, left < to_left, left > to_left)
    over_right = np.where(to_right <= 0.0, right < to_right, right > to_right)
    ratio = right_span / left_span
    left = np.where(over_left, to_left, np.where(over_right, -to_right / ratio, left))
    right = np.where(over_left, -to_left * ratio, np.where(over_right, to_right, right))
    flat = (to_left * to_right >= 0.0) | columns.is_first | columns.is_last
    return Handles(left_span, right_span, np.where(flat, 0.0, left), np.where(flat, 0.0, right))


def fitted_handles(columns: KeyColumns, samples: FloatArray, sample_slopes: FloatArray) -> Handles:
    """Aligned handles such that curves through the samples at the keys come nearest to the samples (C, B, F) between.

    With handles a third of a span long the curve is a cubic Hermite polynomial, linear in the slopes m at
    its ends: minimising the squared error leaves a tridiagonal system in the slopes of each bone. A weak pull towards
    the samples' own slopes (`slopes_of(samples)`) decides where no sample lies between two keys.
    """
    values = columns.at_keys(samples)
    _, until = columns.differences(values)
    u, start, span = columns.position, columns.start, columns.after
    rest = np.take(until, start, axis=1)
    rest *= columns.rise
    rest += np.take(values, start, axis=1)
    np.subtract(samples, rest, out=rest)
    at_start, at_end = u * (1.0 - u) ** 2, -u * u * (1.0 - u)

    def sums(samples: FloatArray) -> FloatArray:
        """Sums (N, K) over the samples (N, B, F) from each key to the next; those of a last key are of weight 0."""
        return np.asarray(np.add.reduceat(samples.reshape(len(samples), -1), columns.keys, axis=1))

    squares = sums(np.stack([at_start * at_start, at_start * at_end, at_end * at_end])) * (span * span)
    pull = np.where(columns.is_last, 0.0, SLOPE_PULL * span)
    inside = ~columns.is_first[1:]
    own_weight = pull.copy()
    own_weight[1:] += pull[:-1] * inside
    diagonal = squares[0] + own_weight
    diagonal[1:] += squares[2, :-1] * inside
    upper = squares[1] * ~columns.is_last
    right_side = sums(at_start * rest) * span + own_weight * columns.at_keys(sample_slopes)
    rest *= at_end
    right_side[:, 1:] += (sums(rest) * span)[:, :-1] * inside
    slopes = solve_tridiagonal(np.append(0.0, upper[:-1]), diagonal, upper, right_side)
    left_span, right_span = columns.before / 3.0, columns.after / 3.0
    return Handles(left_span, right_span, -left_span * slopes, right_span * slopes)


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


def solve_tridiagonal(lower: FloatArray, diagonal: FloatArray, upper: FloatArray, right_side: FloatArray) -> FloatArray:
    """Solve diagonally dominant tridiagonal systems for right sides (C, K) by parallel cyclic reduction: (C, K).

    `lower[i]` couples row i to row i - 1, `upper[i]` to row i + 1; a coupling of 0 separates two systems.
    Hockney, A Fast Direct Solution of Poisson's Equation Using Fourier Analysis (1965), section on cyclic reduction.
    """
    a, c, d = lower / diagonal, upper / diagonal, right_side / diagonal
    for step in (1 << power for power in range(_ELIMINATION_STEPS)):
        if step >= len(a):
            break
        new_a, new_c, new_b, new_d = np.zeros_like(a), np.zeros_like(c), np.ones_like(a), d.copy()
        new_a[step:] = -a[step:] * a[:-step]
        new_c[:-step] = -c[:-step] * c[step:]
        new_b[step:] -= a[step:] * c[:-step]
        new_b[:-step] -= c[:-step] * a[step:]
        new_d[:, step:] -= a[step:] * d[:, :-step]
        new_d[:, :-step] -= c[:-step] * d[:, step:]
        a, c, d = new_a / new_b, new_c / new_b, new_d / new_b
    return d


def evaluate_bezier(columns: KeyColumns, values: FloatArray, handles: Handles) -> FloatArray:
    """Key values (C, K) and handles -> the curves at all samples (C, B, F), as Blender evaluates them.

    A curve is a cubic in (time, value); the parameter at which it passes each sample's time comes from Newton's
    method. Spans of all handles up to the neighbour make time strictly increasing, so there is one root.
    """
    start, end = columns.start, columns.start + 1
    reach = columns.after[start]
    u = _parameter(columns.position, handles.right_span[start] / reach, 1.0 - handles.left_span[end] / reach)
    v = 1.0 - u
    near_start, near_end = v * v * (1.0 + 2.0 * u), u * u * (1.0 + 2.0 * v)
    curve: FloatArray = np.zeros((len(values), *start.shape))
    for terms, keys, weight in (
        (values, start, near_start),
        (values, end, near_end),
        (handles.right, start, 3.0 * u * v * v),
        (handles.left, end, 3.0 * u * u * v),
    ):
        part = np.take(terms, keys, axis=1)
        part *= weight
        curve += part
    return curve


def _parameter(time: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """u with 3 u (1-u)^2 first + 3 u^2 (1-u) second + u^3 = time, all in 0 .. 1."""
    linear, square, cubic = 3.0 * first, 3.0 * second - 6.0 * first, 1.0 + 3.0 * (first - second)
    u = time
    for _ in range(_NEWTON_STEPS):
        miss = ((cubic * u + square) * u + linear) * u - time
        if np.abs(miss).max(initial=0.0) < 1e-10:
            break
        u = u - miss / ((3.0 * cubic * u + 2.0 * square) * u + linear)
    return u


def evaluate_linear(columns: KeyColumns, values: FloatArray) -> FloatArray:
    """Key values (C, K) -> straight lines between the keys at all samples (C, B, F)."""
    begin = values[:, columns.start]
    line: FloatArray = begin + (values[:, columns.start + 1] - begin) * columns.position
    return line
